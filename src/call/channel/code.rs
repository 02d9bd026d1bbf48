//! The one-time code.

use super::ChannelError;
use raincheck_probes::secret::Secret;
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// Crockford's base 32: no I, L, O or U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters of a code: 80 bits.
const LENGTH: usize = 16;

/// What the listener shows and the connector is told, on another way: 16 characters, 80 random bits.
///
/// Reading is lenient as Crockford's base 32 is: case, blanks and hyphens do not matter, `O` is `0`, `I` and `L` are `1`.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Secret);

impl Code {
    /// Makes one from the system's randomness.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn generate() -> Result<Self, ChannelError> {
        let mut random = Zeroizing::new([0_u8; LENGTH]);
        rustls::crypto::ring::default_provider()
            .secure_random
            .fill(random.as_mut())
            .map_err(|_| ChannelError::Local { detail: "the system gives no randomness".to_owned() })?;
        // 256 is a multiple of 32: every character is as likely.
        let text =
            random.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32)).map(|c| char::from(*c)));
        Ok(Self(Secret::new(text.collect::<String>())))
    }

    /// The code as it is shown to the one who has to tell it: groups of four with hyphens.
    pub fn reveal(&self) -> String {
        let text = self.0.expose();
        let groups: Vec<&str> = (0..LENGTH).step_by(4).filter_map(|at| text.get(at..at + 4)).collect();
        groups.join("-")
    }

    pub(super) fn key(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

impl FromStr for Code {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let mut plain = Zeroizing::new(String::with_capacity(LENGTH + 1));
        for given in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let meant = match given.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let known = u8::try_from(meant).is_ok_and(|byte| ALPHABET.contains(&byte));
            if !known || plain.len() == LENGTH {
                return Err(ChannelError::NotACode);
            }
            plain.push(meant);
        }
        if plain.len() == LENGTH {
            Ok(Self(Secret::new(plain.as_str())))
        } else {
            Err(ChannelError::NotACode)
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[code]")
    }
}
