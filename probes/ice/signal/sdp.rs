//! SDP: reading and writing (bodies follow).

use super::{Description, Kind};
use crate::machine::Offset;
use thiserror::Error;

/// A session description of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdp {
    /// Of the section that carries the transport.
    pub description: Description,
    /// Every media section, in order.
    pub sections: Vec<Section>,
}

/// A media section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// `audio`, `video`, `application`.
    pub media: String,
}

/// Why an SDP cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SdpError {
    /// Not SDP.
    #[error("this is not SDP: it does not begin with v=0")]
    NotSdp,
}

impl Sdp {
    /// Reads what a browser made of `createOffer` or `createAnswer`, SDP alone or `{"type": …, "sdp": …}`.
    ///
    /// # Errors
    ///
    /// [`SdpError`].
    pub fn read(_text: &str, _expected: Kind, _at: Offset) -> Result<Self, SdpError> {
        Err(SdpError::NotSdp)
    }
}

impl Description {
    /// An offer of one data channel.
    pub fn to_offer_sdp(&self) -> String {
        String::new()
    }

    /// The answer to an offer, which mirrors its sections.
    pub fn to_answer_sdp(&self, _offer: &Sdp) -> String {
        String::new()
    }
}
