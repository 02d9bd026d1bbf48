//! SDP as browsers write it and take it: RFC 8866, with 8829 (JSEP), 8839 (ICE), 8841 and 8842 (data channels, DTLS),
//! 8122 (fingerprints) and 9143 (BUNDLE).
//!
//! We offer one data channel. What a browser offers may have audio and video before it, bundled on one transport, and
//! the transport belongs to the first section of the bundle that is not rejected. If we rejected that section, the
//! transport would have to move to another one, which may have none of its own: under `max-bundle` Firefox marks
//! the others `bundle-only`, and Chromium gathers no candidates for them. So audio and video of the bundle
//! are answered `inactive`, with one payload format of the offer: accepted, but without a packet of media. Every other
//! section is rejected with port 0, in its place, since an answer has as many sections as its offer (RFC 3264 section
//! 6).

mod read;
mod write;

use super::{Description, Flaw, MAX_SDP, MAX_SDP_LINE, MAX_SECTIONS};
use thiserror::Error;

/// A session description that somebody else wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdp {
    /// Of the section that carries the transport.
    pub description: Description,
    /// Every media section, in order. An answer mirrors them.
    pub sections: Vec<Section>,
    /// Whether the transport belongs to a group of BUNDLE. An answer has a group only then (RFC 9143 section 7.3).
    pub bundled: bool,
}

/// A media section, as far as an answer needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `audio`, `video`, `application` or another.
    pub media: String,
    /// The transport protocol, for instance `UDP/DTLS/SCTP`.
    pub protocol: String,
    /// The formats, the first few.
    pub formats: Vec<String>,
    /// Its media identification.
    pub mid: Option<String>,
    /// What becomes of it.
    pub fate: Fate,
    /// Whether RTP and RTCP share the port (RFC 5761).
    pub rtcp_mux: bool,
    /// Of an RTP section: the format that an answer accepts, and its `a=rtpmap` unless it is a static one.
    pub format: Option<(String, Option<String>)>,
}

/// What becomes of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Its transport is the one of the call.
    Transport,
    /// It shares that transport.
    Bundled,
    /// The sender has it rejected, with port 0.
    Rejected,
    /// We have no use for it.
    Unused,
}

/// Why an SDP cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SdpError {
    /// More than [`MAX_SDP`].
    #[error("the SDP is longer than {} KiB: paste one session description only", MAX_SDP / 1024)]
    TooLong,
    /// Something else.
    #[error(
        "this is not SDP, which begins with v=0: paste pc.localDescription.sdp, or its JSON {{\"type\": …, \"sdp\": …}}"
    )]
    NotSdp,
    /// A `{` that is no `RTCSessionDescription`.
    #[error(
        "the JSON is not {{\"type\": …, \"sdp\": …}} or was cut: paste JSON.stringify(pc.localDescription)"
    )]
    NotJson,
    /// More than [`MAX_SDP_LINE`].
    #[error("line {line} of the SDP is longer than {MAX_SDP_LINE} bytes")]
    LineTooLong {
        /// From 1.
        line: usize,
    },
    /// Not `x=`.
    #[error("line {line} of the SDP is not a line of SDP: was it cut or wrapped when it was pasted?")]
    NotALine {
        /// From 1.
        line: usize,
    },
    /// A media line that is not `m=MEDIA PORT PROTOCOL FORMAT…`.
    #[error("line {line} of the SDP is not a media line of RFC 8866 section 5.14")]
    NotMedia {
        /// From 1.
        line: usize,
    },
    /// More than [`MAX_SECTIONS`].
    #[error("the SDP has more than {MAX_SECTIONS} media sections")]
    TooManySections,
    /// Nothing that could carry a transport.
    #[error(
        "the SDP has no media section that can be used: let the page make a data channel before its offer"
    )]
    NoTransport,
    /// All sections are rejected.
    #[error("the other end rejected every media section (port 0): it did not accept the call")]
    AllRejected,
    /// An attribute without which there is no ICE.
    #[error("the SDP has no a={0} for its transport: was it cut when it was pasted?")]
    Missing(&'static str),
    /// No fingerprint that can be read.
    #[error("the SDP has no a=fingerprint that can be read (RFC 8122), which DTLS needs: was it cut?")]
    NoFingerprint,
    /// `a=setup` with another value.
    #[error("a=setup is none of active, passive and actpass (RFC 8842)")]
    Setup,
    /// One of its values is out of bounds.
    #[error("{0}")]
    Flaw(#[from] Flaw),
    /// An answer where an offer is expected.
    #[error("this is an answer, and an offer is expected: paste what createOffer made")]
    OfferExpected,
    /// An offer where an answer is expected.
    #[error(
        "this is an offer, and the answer to ours is expected: give our offer to the other end and paste what its \
         createAnswer made"
    )]
    AnswerExpected,
}
