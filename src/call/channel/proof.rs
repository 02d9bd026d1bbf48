//! Who knows the code, in this very TLS session.

use super::{ChannelError, Code};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Length of the exporter's value and of a proof.
const LENGTH: usize = 32;
/// The exporter of a session: its label and length, without a context (RFC 9266 section 2).
const LABEL: &[u8] = b"EXPORTER-Channel-Binding";
const DOMAIN: &[u8] = b"raincheck call proof 1";

/// A value that the two ends of one TLS session have, and nobody else.
pub(super) struct Binding([u8; LENGTH]);

/// Who proves. The two proofs differ, so that one cannot be sent back as the other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    Listener,
    Connector,
}

impl Binding {
    pub(super) fn of<Data>(session: &rustls::ConnectionCommon<Data>) -> Result<Self, ChannelError> {
        let value = session.export_keying_material([0; LENGTH], LABEL, None);
        value.map(Self).map_err(|error| ChannelError::Tls { detail: error.to_string() })
    }

    #[cfg(test)]
    pub(super) fn test(value: [u8; LENGTH]) -> Self {
        Self(value)
    }

    /// The line that proves it.
    pub(super) fn prove(&self, code: &Code, role: Role) -> Result<String, ChannelError> {
        Ok(format!("proof {}", hex::encode(self.mac(code, role)?.finalize().into_bytes())))
    }

    /// Whether a line proves it, compared in constant time; `None` when it is no proof at all.
    pub(super) fn check(&self, code: &Code, role: Role, line: &[u8]) -> Result<Option<bool>, ChannelError> {
        let Some(text) = line.strip_prefix(b"proof ").filter(|text| text.len() == 2 * LENGTH) else {
            return Ok(None);
        };
        let Ok(given) = hex::decode(text) else { return Ok(None) };
        Ok(Some(self.mac(code, role)?.verify_slice(&given).is_ok()))
    }

    fn mac(&self, code: &Code, role: Role) -> Result<Hmac<Sha256>, ChannelError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(code.key())
            .map_err(|error| ChannelError::Local { detail: error.to_string() })?;
        mac.update(DOMAIN);
        mac.update(match role {
            Role::Listener => b" listener ",
            Role::Connector => b" connector ",
        });
        mac.update(&self.0);
        Ok(mac)
    }
}
