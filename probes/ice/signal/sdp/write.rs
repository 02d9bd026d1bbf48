//! From [`Description`] to text.

use super::{Fate, Sdp, Section};
use crate::ice::signal::text::is_printable;
use crate::ice::signal::{Description, Setup};

/// RFC 8841 section 5 and 6: the port that everyone takes, and Chromium's message size.
const SCTP: &str = "a=sctp-port:5000\r\na=max-message-size:262144\r\n";

impl Description {
    /// An offer of one data channel with everything that is known so far, lines ended by CR LF. It shows the ICE
    /// password, as every SDP does.
    pub fn to_offer_sdp(&self) -> String {
        let mut out = self.session([self.mid.as_str()]);
        out.push_str("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n");
        self.candidates(&mut out);
        self.transport(&mut out, self.setup);
        out.push_str(&format!("a=mid:{}\r\n{SCTP}", self.mid));
        out
    }

    /// The answer to this offer, with a section for each of the offer's, in order. Audio and video of the bundle are
    /// accepted `inactive`, so that the transport stays where the offer has it; what is not of the transport is
    /// rejected with port 0. The `mid`s are the offer's; where our `setup` does not fit the offer's, it is
    /// [`Setup::answer`].
    pub fn to_answer_sdp(&self, offer: &Sdp) -> String {
        let theirs = offer.description.setup;
        let setup = if self.setup == Setup::ActPass || self.setup.is_client(theirs).is_none() {
            theirs.answer()
        } else {
            self.setup
        };
        let bundled = offer.sections.iter().filter(|section| offer.bundled && section.is_accepted());
        let mut out = self.session(bundled.filter_map(|section| section.mid.as_deref()));
        for section in &offer.sections {
            if section.is_accepted() {
                self.accept(&mut out, section, setup);
            } else {
                reject(&mut out, section);
            }
        }
        out
    }

    /// The session level. Of a bundle of nothing there is no line.
    fn session<'a>(&self, bundle: impl IntoIterator<Item = &'a str>) -> String {
        let mut out = format!(
            "v=0\r\no=- {} 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
            self.session_id & (u64::MAX >> 1)
        );
        let group: Vec<&str> = bundle.into_iter().collect();
        if !group.is_empty() {
            out.push_str(&format!("a=group:BUNDLE {}\r\n", group.join(" ")));
        }
        if self.lite {
            out.push_str("a=ice-lite\r\n");
        }
        if let Some(profile) = &self.raincheck {
            out.push_str(&format!("a=x-raincheck:{profile}\r\n"));
        }
        out
    }

    fn accept(&self, out: &mut String, section: &Section, setup: Setup) {
        let format = section.format.as_ref();
        let name = format.map_or("webrtc-datachannel", |(format, _)| format);
        media_line(out, section, 9, name);
        if section.fate == Fate::Transport {
            self.candidates(out);
        }
        // Chromium and Firefox write these in every section of a bundle too.
        self.transport(out, setup);
        mid_line(out, section);
        let Some((format, map)) = format else {
            out.push_str(SCTP);
            return;
        };
        out.push_str("a=inactive\r\n");
        if section.rtcp_mux {
            out.push_str("a=rtcp-mux\r\n");
        }
        if let Some(map) = map {
            out.push_str(&format!("a=rtpmap:{format} {map}\r\n"));
        }
    }

    fn candidates(&self, out: &mut String) {
        let lines = self.candidates.iter().map(|candidate| candidate.sdp.as_str());
        // Whoever made the candidate wrote its line, and a line break in it would be a line of ours.
        for line in lines.filter(|line| is_printable(line)) {
            out.push_str(&format!("a={line}\r\n"));
        }
        if self.end_of_candidates {
            out.push_str("a=end-of-candidates\r\n");
        }
    }

    fn transport(&self, out: &mut String, setup: Setup) {
        out.push_str(&format!("a=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", self.ufrag, self.pwd.expose()));
        let options: Vec<&str> = self.options.tags().collect();
        if !options.is_empty() {
            out.push_str(&format!("a=ice-options:{}\r\n", options.join(" ")));
        }
        for fingerprint in &self.fingerprints {
            out.push_str(&format!("a=fingerprint:{fingerprint}\r\n"));
        }
        out.push_str(&format!("a=setup:{}\r\n", setup.as_str()));
    }
}

impl Section {
    /// Whether an answer accepts it.
    pub const fn is_accepted(&self) -> bool {
        matches!(self.fate, Fate::Transport | Fate::Bundled)
    }
}

/// RFC 8829 section 5.3.1: port 0, and the formats as they were.
fn reject(out: &mut String, section: &Section) {
    media_line(out, section, 0, &section.formats.join(" "));
    mid_line(out, section);
    if section.protocol.contains("RTP/") {
        out.push_str("a=inactive\r\n");
    }
}

fn media_line(out: &mut String, section: &Section, port: u16, formats: &str) {
    let Section { media, protocol, .. } = section;
    out.push_str(&format!("m={media} {port} {protocol} {formats}\r\nc=IN IP4 0.0.0.0\r\n"));
}

fn mid_line(out: &mut String, section: &Section) {
    if let Some(mid) = &section.mid {
        out.push_str(&format!("a=mid:{mid}\r\n"));
    }
}
