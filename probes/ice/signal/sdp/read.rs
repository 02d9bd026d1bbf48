//! From text to [`Sdp`].

use super::{Fate, Sdp, SdpError, Section};
use crate::ice::signal::candidate::number;
use crate::ice::signal::text::{is_printable, is_token};
use crate::ice::signal::{
    Description, Fingerprint, IceOptions, Kind, MAX_FINGERPRINTS, MAX_MID, MAX_SDP, MAX_SDP_LINE,
    MAX_SECTIONS, Setup,
};
use crate::machine::Offset;
use crate::secret::Secret;
use serde::Deserialize;

/// How many formats of a section are kept.
const MAX_FORMATS: usize = 64;
/// The longest name of a format, a protocol or a medium.
const MAX_NAME: usize = 64;

impl Sdp {
    /// Reads what a browser made of `createOffer` or `createAnswer`: the SDP alone, or the JSON of a
    /// `RTCSessionDescription`. `at` is when, for the candidates.
    ///
    /// `end_of_candidates` is what the SDP says; Chromium never says it, not even of all its candidates.
    ///
    /// # Errors
    ///
    /// [`SdpError`].
    pub fn read(text: &str, expected: Kind, at: Offset) -> Result<Self, SdpError> {
        // The JSON form is longer by its escapes.
        if text.len() > 2 * MAX_SDP {
            return Err(SdpError::TooLong);
        }
        let text = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        if text.starts_with('{') {
            let json: Json = serde_json::from_str(text).map_err(|_| SdpError::NotJson)?;
            match (json.kind.as_str(), expected) {
                ("offer", Kind::Answer) => Err(SdpError::AnswerExpected),
                ("answer" | "pranswer", Kind::Offer) => Err(SdpError::OfferExpected),
                _ => read(json.sdp.trim_start(), expected, at),
            }
        } else {
            read(text, expected, at)
        }
    }
}

/// `RTCSessionDescription`, W3C WebRTC section 4.7.
#[derive(Deserialize)]
struct Json {
    #[serde(rename = "type")]
    kind: String,
    sdp: String,
}

fn read(text: &str, expected: Kind, at: Offset) -> Result<Sdp, SdpError> {
    if text.len() > MAX_SDP {
        return Err(SdpError::TooLong);
    }
    if text.lines().next().map(str::trim_end) != Some("v=0") {
        return Err(SdpError::NotSdp);
    }
    let (session, media) = split(text)?;
    if media.is_empty() {
        return Err(SdpError::NoTransport);
    }
    let bundle = bundle(&session);
    let mut sections: Vec<Section> = media.iter().map(Media::section).collect();
    let chosen = choose(&media, &mut sections, &bundle)?;
    let chosen = media.get(chosen).ok_or(SdpError::NoTransport)?;
    let description = describe(&session, chosen, expected, at)?;
    let bundled = chosen.mid().is_some_and(|mid| bundle.contains(&mid));
    Ok(Sdp { description, sections, bundled })
}

/// The attributes of the session or of one section, `name` and `value`.
#[derive(Default)]
struct Attributes<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Attributes<'a> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, _)| *other == name).map(|(_, value)| *value)
    }

    fn get(&self, name: &'static str) -> Option<&'a str> {
        self.all(name).next()
    }

    fn has(&self, name: &'static str) -> bool {
        self.get(name).is_some()
    }
}

/// A media line and its attributes.
struct Media<'a> {
    media: &'a str,
    port: u16,
    protocol: &'a str,
    formats: Vec<&'a str>,
    attributes: Attributes<'a>,
}

/// The session's attributes and origin, and the sections.
struct Session<'a> {
    id: u64,
    attributes: Attributes<'a>,
}

fn split(text: &str) -> Result<(Session<'_>, Vec<Media<'_>>), SdpError> {
    let mut session = Session { id: 0, attributes: Attributes::default() };
    let mut media: Vec<Media<'_>> = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let at = at + 1;
        if line.len() > MAX_SDP_LINE {
            return Err(SdpError::LineTooLong { line: at });
        }
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        match line.split_once('=') {
            Some(("a", attribute)) => {
                let attribute = attribute.split_once(':').unwrap_or((attribute, ""));
                media
                    .last_mut()
                    .map_or(&mut session.attributes, |media| &mut media.attributes)
                    .0
                    .push(attribute);
            }
            Some(("m", value)) => {
                if media.len() >= MAX_SECTIONS {
                    return Err(SdpError::TooManySections);
                }
                media.push(Media::parse(value).ok_or(SdpError::NotMedia { line: at })?);
            }
            Some(("o", value)) => {
                session.id = value.split_ascii_whitespace().nth(1).and_then(number).unwrap_or(0);
            }
            Some((name, _)) if name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_lowercase()) => {}
            _ => return Err(SdpError::NotALine { line: at }),
        }
    }
    Ok((session, media))
}

impl<'a> Media<'a> {
    /// `MEDIA PORT[/COUNT] PROTOCOL FORMAT…`, RFC 8866 section 5.14.
    fn parse(value: &'a str) -> Option<Self> {
        let mut fields = value.split_ascii_whitespace();
        let (media, port, protocol) = (fields.next()?, fields.next()?, fields.next()?);
        let port = port.split_once('/').map_or(port, |(port, _)| port);
        let formats: Vec<&str> = fields.take(MAX_FORMATS).collect();
        let named = is_token(media, MAX_NAME) && protocol.split('/').all(|part| is_token(part, MAX_NAME));
        if !named || formats.is_empty() || !formats.iter().all(|format| is_token(format, MAX_NAME)) {
            return None;
        }
        Some(Self { media, port: number(port)?, protocol, formats, attributes: Attributes::default() })
    }

    /// RFC 3264 section 6, and RFC 9143 section 6 for `bundle-only`.
    fn is_rejected(&self) -> bool {
        self.port == 0 && !self.attributes.has("bundle-only")
    }

    fn is_data_channel(&self) -> bool {
        // RFC 8841 section 4: over UDP, and over TCP in the m= line of a TCP default candidate.
        self.media == "application"
            && matches!(self.protocol, "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP")
            && self.formats.contains(&"webrtc-datachannel")
    }

    fn mid(&self) -> Option<&'a str> {
        self.attributes.get("mid").map(str::trim).filter(|mid| is_token(mid, MAX_MID))
    }

    /// The first format that can be named again: static ones by their number (RFC 3551 section 6), others by their
    /// `rtpmap`.
    fn format(&self) -> Option<(String, Option<String>)> {
        if !self.protocol.contains("RTP/") {
            return None;
        }
        let map = |format: &&str| {
            let payload: u8 = number(format).filter(|payload| *payload < 128)?;
            let maps = self.attributes.all("rtpmap").filter_map(|value| value.split_once(' '));
            let mut names = maps.filter(|(of, _)| of == format).map(|(_, name)| name.trim());
            let name = names.find(|name| name.len() <= MAX_NAME && !name.is_empty() && is_printable(name));
            if name.is_none() && payload > 34 {
                return None;
            }
            Some(((*format).to_owned(), name.map(str::to_owned)))
        };
        self.formats.iter().find_map(map)
    }

    /// The section as data, not chosen for anything yet.
    fn section(&self) -> Section {
        Section {
            media: self.media.to_owned(),
            protocol: self.protocol.to_owned(),
            formats: self.formats.iter().map(|format| (*format).to_owned()).collect(),
            mid: self.mid().map(str::to_owned),
            fate: if self.is_rejected() { Fate::Rejected } else { Fate::Unused },
            rtcp_mux: self.attributes.has("rtcp-mux"),
            format: self.format(),
        }
    }
}

/// The names in the first group of BUNDLE (RFC 9143 section 5).
fn bundle<'a>(session: &Session<'a>) -> Vec<&'a str> {
    let mut groups = session.attributes.all("group").map(str::split_ascii_whitespace);
    let group = groups.find_map(|mut words| (words.next() == Some("BUNDLE")).then_some(words));
    group.map(|words| words.take(MAX_SECTIONS).collect()).unwrap_or_default()
}

/// Which section carries the transport; sets the fates.
///
/// In a bundle it is the first section of the group that is not rejected (RFC 9143 section 7.3.1), else the
/// data channel, else the first that can be answered.
fn choose(media: &[Media<'_>], sections: &mut [Section], bundle: &[&str]) -> Result<usize, SdpError> {
    if media.iter().all(Media::is_rejected) {
        return Err(SdpError::AllRejected);
    }
    let usable: Vec<bool> = media
        .iter()
        .zip(sections.iter())
        .map(|(media, section)| !media.is_rejected() && (media.is_data_channel() || section.format.is_some()))
        .collect();
    let find = |mid: &str| media.iter().position(|media| media.mid() == Some(mid));
    let members: Vec<usize> =
        bundle.iter().filter_map(|mid| find(mid)).filter(|at| usable.get(*at) == Some(&true)).collect();
    let alone = || {
        let channel =
            media.iter().zip(&usable).position(|(media, usable)| *usable && media.is_data_channel());
        channel.or_else(|| usable.iter().position(|usable| *usable))
    };
    let chosen = members.first().copied().or_else(alone).ok_or(SdpError::NoTransport)?;
    for (at, section) in sections.iter_mut().enumerate() {
        if at == chosen {
            section.fate = Fate::Transport;
        } else if members.contains(&at) {
            section.fate = Fate::Bundled;
        }
    }
    Ok(chosen)
}

/// What the section says, and the session where the section is silent.
fn describe(
    session: &Session<'_>,
    media: &Media<'_>,
    expected: Kind,
    at: Offset,
) -> Result<Description, SdpError> {
    let get = |name: &'static str| media.attributes.get(name).or_else(|| session.attributes.get(name));
    let has = |name: &'static str| get(name).is_some();
    let ufrag = get("ice-ufrag").ok_or(SdpError::Missing("ice-ufrag"))?.trim();
    let pwd = get("ice-pwd").ok_or(SdpError::Missing("ice-pwd"))?.trim();
    // RFC 8829 section 5.2.1 and 5.3.1: what a browser would have written.
    let setup = match (get("setup").map(str::trim), expected) {
        (Some(setup), _) => Setup::parse(setup).ok_or(SdpError::Setup)?,
        (None, Kind::Offer) => Setup::ActPass,
        (None, Kind::Answer) => Setup::Active,
    };
    if expected == Kind::Answer && setup == Setup::ActPass {
        return Err(SdpError::AnswerExpected);
    }
    let mut description = Description::new(ufrag, Secret::new(pwd), setup)?;
    description.lite = has("ice-lite");
    description.options = get("ice-options").map(IceOptions::parse).unwrap_or_default();
    description.fingerprints = fingerprints(session, media)?;
    description.end_of_candidates = has("end-of-candidates");
    description.mid = media.mid().unwrap_or("0").to_owned();
    description.session_id = session.id;
    description.raincheck = get("x-raincheck").and_then(|profile| profile.trim().parse().ok());
    for value in media.attributes.all("candidate") {
        description.add_line(&format!("candidate:{value}"), at);
    }
    description.check()?;
    Ok(description)
}

/// Those of the section replace those of the session (RFC 8122 section 5).
fn fingerprints(session: &Session<'_>, media: &Media<'_>) -> Result<Vec<Fingerprint>, SdpError> {
    let of = |attributes: &Attributes<'_>| -> Vec<Fingerprint> {
        let all = attributes.all("fingerprint").filter_map(Fingerprint::parse);
        all.take(MAX_FINGERPRINTS + 1).collect()
    };
    let level = if media.attributes.has("fingerprint") { &media.attributes } else { &session.attributes };
    let found = of(level);
    // A plain ICE agent without DTLS has none.
    if found.is_empty() && media.protocol.contains("TLS") { Err(SdpError::NoFingerprint) } else { Ok(found) }
}
