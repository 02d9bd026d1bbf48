//! What one end says of itself.

use super::candidate::{DropReason, Dropped, Hidden, Remote};
use super::text::{is_ice_text, is_token, shown};
use super::{MAX_CANDIDATES, MAX_DROPPED, MAX_FINGERPRINTS, MAX_MID};
use crate::ice::Candidate;
use crate::ice::stack::Profile;
use crate::machine::Offset;
use crate::secret::Secret;
use std::fmt;
use thiserror::Error;

/// One end of a call: its ICE parameters (RFC 8445 section 5.3), its DTLS parameters (RFC 8842) and its candidates.
///
/// `Debug` does not show the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The username fragment, 4 to 256 ice-char (RFC 8839 section 5.4).
    pub ufrag: String,
    /// The ICE password, 22 to 256 ice-char.
    pub pwd: Secret,
    /// Whether it is an ICE-lite agent (RFC 8445 section 2.5), which sends no checks.
    pub lite: bool,
    /// What `a=ice-options` lists.
    pub options: IceOptions,
    /// Who opens the DTLS association.
    pub setup: Setup,
    /// Of its DTLS certificate, at most [`MAX_FINGERPRINTS`]. Empty for an agent without DTLS.
    pub fingerprints: Vec<Fingerprint>,
    /// At most [`MAX_CANDIDATES`], together with `hidden`, in the order in which they were said.
    pub candidates: Vec<Candidate>,
    /// Candidates whose address is a name. Nobody resolves them here.
    pub hidden: Vec<Hidden>,
    /// Candidate lines that are of no use, the first [`MAX_DROPPED`] of them.
    pub dropped: Vec<Dropped>,
    /// How many lines were dropped in all.
    pub dropped_count: usize,
    /// Whether it has said its last candidate (RFC 8838 section 13).
    pub end_of_candidates: bool,
    /// The media identification (RFC 5888) of the section that carries the transport.
    pub mid: String,
    /// `sess-id` of the origin line (RFC 8866 section 5.2); 0 where there was none.
    pub session_id: u64,
    /// The client that it emulates, when it is a raincheck.
    pub raincheck: Option<Profile>,
}

/// A description that cannot be used: what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Flaw {
    /// Missing, too short, too long, or other characters.
    #[error("the ICE username fragment is not 4 to 256 letters, digits, + or / (RFC 8839 section 5.4)")]
    Ufrag,
    /// The same of the password, which is not repeated.
    #[error("the ICE password is not 22 to 256 letters, digits, + or / (RFC 8839 section 5.4)")]
    Pwd,
    /// More than [`MAX_FINGERPRINTS`].
    #[error("there are more than {MAX_FINGERPRINTS} certificate fingerprints")]
    Fingerprints,
    /// Not a token.
    #[error("the media identification is not a name of up to {MAX_MID} characters (RFC 5888 section 4)")]
    Mid,
}

impl Description {
    /// A description without candidates, for one data channel: `mid` 0, trickle and ice2 (RFC 8838, RFC 8445), no
    /// DTLS fingerprint yet.
    ///
    /// # Errors
    ///
    /// [`Flaw`] when the name or the password cannot be used.
    pub fn new(ufrag: impl Into<String>, pwd: Secret, setup: Setup) -> Result<Self, Flaw> {
        let new = Self {
            ufrag: ufrag.into(),
            pwd,
            lite: false,
            options: IceOptions { trickle: true, renomination: false, ice2: true },
            setup,
            fingerprints: Vec::new(),
            candidates: Vec::new(),
            hidden: Vec::new(),
            dropped: Vec::new(),
            dropped_count: 0,
            end_of_candidates: false,
            mid: "0".to_owned(),
            session_id: 0,
            raincheck: None,
        };
        new.check().map(|()| new)
    }

    /// Whether everything in it keeps its bounds.
    ///
    /// # Errors
    ///
    /// The first [`Flaw`].
    pub fn check(&self) -> Result<(), Flaw> {
        match () {
            () if !is_ice_text(&self.ufrag, 4..=256) => Err(Flaw::Ufrag),
            () if !is_ice_text(self.pwd.expose(), 22..=256) => Err(Flaw::Pwd),
            () if self.fingerprints.len() > MAX_FINGERPRINTS => Err(Flaw::Fingerprints),
            () if !is_token(&self.mid, MAX_MID) => Err(Flaw::Mid),
            () => Ok(()),
        }
    }

    /// Takes a candidate line that this end said at `at`, with the description or trickled: keeps what can be used
    /// and counts the rest.
    pub fn add_line(&mut self, line: &str, at: Offset) -> Added {
        match Remote::parse(line, at) {
            Ok(remote) => self.add(remote),
            Err(reason) => self.drop(line, reason),
        }
    }

    /// As [`add_line`](Self::add_line), of a line that was read before.
    pub fn add(&mut self, remote: Remote) -> Added {
        let line = remote.sdp().to_owned();
        if let Some(ufrag) = remote.ufrag.filter(|ufrag| *ufrag != self.ufrag) {
            return self.drop(&line, DropReason::OtherGeneration(shown(&ufrag, 32)));
        }
        if self.candidates.len() + self.hidden.len() >= MAX_CANDIDATES {
            return self.drop(&line, DropReason::BeyondLimit);
        }
        match remote.what {
            super::What::Address(candidate) => {
                self.candidates.push(candidate);
                Added::Candidate
            }
            super::What::Name(hidden) => {
                self.hidden.push(hidden);
                Added::Hidden
            }
        }
    }

    fn drop(&mut self, line: &str, reason: DropReason) -> Added {
        self.dropped_count = self.dropped_count.saturating_add(1);
        if self.dropped.len() < MAX_DROPPED {
            self.dropped.push(Dropped::new(line, reason));
        }
        Added::Dropped
    }

    /// The fingerprints that a certificate may be checked against: those of a hash that is not broken.
    pub fn verifiable(&self) -> impl Iterator<Item = &Fingerprint> {
        self.fingerprints.iter().filter(|fingerprint| fingerprint.hash.is_strong())
    }

    /// Whether both are the same end of the same call: somebody gave us our own words back.
    pub fn is_echo_of(&self, own: &Self) -> bool {
        self.ufrag == own.ufrag && self.pwd == own.pwd
    }
}

/// What became of a candidate line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It is the last of the candidates now.
    Candidate,
    /// It has a name for an address, and is the last of the hidden ones.
    Hidden,
    /// It was counted, and is remembered with its reason while there is room.
    Dropped,
}

/// `a=ice-options`, RFC 8839 section 5.6. Tags that are not known here are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IceOptions {
    /// RFC 8838: candidates may follow the description.
    pub trickle: bool,
    /// libwebrtc: the controlling agent may nominate again (draft-thatcher-ice-renomination).
    pub renomination: bool,
    /// RFC 8445 section 10: an agent of RFC 8445, not of RFC 5245.
    pub ice2: bool,
}

impl IceOptions {
    /// Reads the tags.
    pub fn parse(tags: &str) -> Self {
        let has = |name: &str| tags.split_ascii_whitespace().any(|tag| tag == name);
        Self { trickle: has("trickle"), renomination: has("renomination"), ice2: has("ice2") }
    }

    /// Its tags.
    pub fn tags(self) -> impl Iterator<Item = &'static str> {
        let all = [(self.trickle, "trickle"), (self.renomination, "renomination"), (self.ice2, "ice2")];
        all.into_iter().filter_map(|(set, tag)| set.then_some(tag))
    }
}

/// `a=setup`, RFC 8842: who sends the first message of DTLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// This end does: it is the DTLS client.
    Active,
    /// The other end does.
    Passive,
    /// The answerer may choose. Only in an offer.
    ActPass,
}

impl Setup {
    /// The value of the attribute.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
        }
    }

    /// Reads the value of the attribute. `holdconn` of RFC 4145 means nothing to DTLS.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Passive, Self::ActPass].into_iter().find(|setup| setup.as_str() == text)
    }

    /// What an answer to this offer says: active where the offer leaves the choice, as RFC 5763 section 5
    /// recommends, since the handshake can then begin before the answer has arrived.
    pub const fn answer(self) -> Self {
        match self {
            Self::ActPass | Self::Passive => Self::Active,
            Self::Active => Self::Passive,
        }
    }

    /// Whether this end is the DTLS client, when the other says `theirs`; none when the two do not fit.
    pub const fn is_client(self, theirs: Self) -> Option<bool> {
        match (self, theirs) {
            (Self::Active, Self::Passive | Self::ActPass) | (Self::ActPass, Self::Passive) => Some(true),
            (Self::Passive, Self::Active | Self::ActPass) | (Self::ActPass, Self::Active) => Some(false),
            (Self::Active, Self::Active)
            | (Self::Passive, Self::Passive)
            | (Self::ActPass, Self::ActPass) => None,
        }
    }
}

/// The hash functions of `a=fingerprint`, RFC 8122 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hash {
    /// `sha-1`, named in the report and never verified: it is broken.
    Sha1,
    /// `sha-224`
    Sha224,
    /// `sha-256`, what everyone uses.
    Sha256,
    /// `sha-384`
    Sha384,
    /// `sha-512`
    Sha512,
    /// `md5`, as broken.
    Md5,
    /// `md2`, as broken.
    Md2,
}

impl Hash {
    const ALL: [Self; 7] =
        [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512, Self::Md5, Self::Md2];

    /// The name in SDP.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha-1",
            Self::Sha224 => "sha-224",
            Self::Sha256 => "sha-256",
            Self::Sha384 => "sha-384",
            Self::Sha512 => "sha-512",
            Self::Md5 => "md5",
            Self::Md2 => "md2",
        }
    }

    /// How many bytes its value has.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Md5 | Self::Md2 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Whether a certificate may be verified with it.
    pub const fn is_strong(self) -> bool {
        !matches!(self, Self::Sha1 | Self::Md5 | Self::Md2)
    }
}

/// The fingerprint of a DTLS certificate, RFC 8122 section 5.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The hash function.
    pub hash: Hash,
    /// Its value over the DER of the certificate, as long as the function says.
    pub bytes: Vec<u8>,
}

impl Fingerprint {
    /// A fingerprint from the value of the function; none when the length is another.
    pub fn new(hash: Hash, bytes: impl Into<Vec<u8>>) -> Option<Self> {
        let bytes = bytes.into();
        (bytes.len() == hash.bytes()).then_some(Self { hash, bytes })
    }

    /// Reads `sha-256 AB:CD:…`; the name and the digits in either case. None for functions that nobody registered
    /// and values that do not fit.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.trim().split_once(' ')?;
        let hash = Hash::ALL.into_iter().find(|hash| hash.as_str().eq_ignore_ascii_case(name))?;
        let digits = |pair: &str| {
            let [high, low] = pair.as_bytes() else { return None };
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
        };
        let bytes: Option<Vec<u8>> = value.trim().split(':').take(65).map(digits).collect();
        Self::new(hash, bytes?)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hash.as_str())?;
        for (at, byte) in self.bytes.iter().enumerate() {
            write!(f, "{}{byte:02X}", if at == 0 { ' ' } else { ':' })?;
        }
        Ok(())
    }
}
