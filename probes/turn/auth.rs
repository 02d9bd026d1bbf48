//! Long-term credentials (RFC 8489 section 9.2): what a challenge taught, and signing with it.

use super::Flavour;
use crate::evidence::{Cause, FirstBytes};
use crate::server::Credentials;
use crate::stun::raw::{Writer, clean};
use crate::stun::{Integrity, Key, Message, attr};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use sha2::Sha256;
use stun_rs::attributes::stun::UserHash;
use stun_rs::{AlgorithmId, HMACKey};
use zeroize::Zeroizing;

/// The longest realm or nonce that is echoed; the standard allows 763 bytes.
const ECHO_LIMIT: usize = 1_024;
/// What a nonce begins with that carries security features (RFC 8489 section 9.2).
const NONCE_COOKIE: &[u8] = b"obMatJos2";

/// What the server's last challenge said, and the key that follows from it.
#[derive(Clone)]
pub(super) struct Session {
    realm: Vec<u8>,
    nonce: Vec<u8>,
    /// PASSWORD-ALGORITHMS as it came, to be echoed, and the one that was chosen.
    algorithms: Option<(Vec<u8>, Hash)>,
    userhash: Option<Vec<u8>>,
    signer: Signer,
    note: Option<&'static str>,
}

/// What one request was signed with, and what its answer must be signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signer {
    key: Key,
    sha256: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha256,
}

impl Session {
    /// Takes up a challenge: 401, or 438 after `before`.
    ///
    /// # Errors
    /// What the challenge lacks, or why it cannot be met.
    pub(super) fn take_up(
        challenge: &Message<'_>,
        credentials: &Credentials,
        flavour: &Flavour,
        before: Option<&Self>,
    ) -> Result<Self, Cause> {
        let realm = challenge.value(attr::REALM).or(before.map(|session| session.realm.as_slice()));
        let realm = echoed("REALM", realm, challenge)?;
        let nonce = echoed("NONCE", challenge.value(attr::NONCE), challenge)?;
        let features = if flavour.modern_authentication { Features::of(&nonce) } else { Features::default() };
        let offered = challenge.value(attr::PASSWORD_ALGORITHMS).filter(|_| flavour.modern_authentication);
        if features.password_algorithms && offered.is_none() {
            // Somebody took the list out so that we would fall back to MD5 (RFC 8489 section 9.2.5).
            return Err(Cause::MissingAttribute { attribute: "PASSWORD-ALGORITHMS".to_owned() });
        }
        let algorithms = offered.map(|list| Ok((list.to_vec(), choose(list)?))).transpose()?;
        let hash = algorithms.as_ref().map_or(Hash::Md5, |(_, hash)| *hash);
        let (key, note) = derive(credentials, &realm, hash, flavour.prepares_credentials);
        let userhash = features.username_anonymity.then(|| userhash(&credentials.username, &realm));
        let signer = Signer { key, sha256: algorithms.is_some() };
        Ok(Self { realm, nonce, algorithms, userhash, signer, note })
    }

    /// Adds the credentials to a request and signs it.
    pub(super) fn sign(&self, request: Vec<u8>, username: &str) -> Writer {
        let mut writer = Writer::continuing(request);
        writer = match &self.userhash {
            Some(hash) => writer.attribute(attr::USERHASH, hash),
            None => writer.attribute(attr::USERNAME, username.as_bytes()),
        };
        writer = writer.attribute(attr::REALM, &self.realm).attribute(attr::NONCE, &self.nonce);
        if let Some((list, hash)) = &self.algorithms {
            let [high, low] = hash.number().to_be_bytes();
            writer = writer
                .attribute(attr::PASSWORD_ALGORITHMS, list)
                .attribute(attr::PASSWORD_ALGORITHM, &[high, low, 0, 0]);
        }
        match self.signer.sha256 {
            true => writer.integrity_sha256(&self.signer.key),
            false => writer.integrity_sha1(&self.signer.key),
        }
    }

    pub(super) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The realm, cleaned.
    pub(super) fn realm(&self) -> String {
        clean(&self.realm, 128)
    }

    /// Sends the user name itself from now on; whether it went as a hash until now.
    pub(super) fn show_name(&mut self) -> bool {
        self.userhash.take().is_some()
    }

    /// The password algorithm and the integrity it goes with, for the report.
    pub(super) fn algorithm(&self) -> &'static str {
        match &self.algorithms {
            None => "md5, sha1",
            Some((_, Hash::Md5)) => "md5, sha256",
            Some((_, Hash::Sha256)) => "sha256, sha256",
        }
    }

    pub(super) fn hides_username(&self) -> bool {
        self.userhash.is_some()
    }

    /// What was particular about preparing the credentials.
    pub(super) fn note(&self) -> Option<&'static str> {
        self.note
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("realm", &self.realm()).finish_non_exhaustive()
    }
}

impl Signer {
    /// Checks an answer to a request that was signed with this.
    pub(super) fn check(&self, answer: &Message<'_>) -> Integrity {
        let sha256 = answer.integrity_sha256(&self.key);
        match (self.sha256, answer.integrity_sha1(&self.key)) {
            (true, _) | (false, Integrity::Missing) => sha256,
            (false, sha1) => sha1,
        }
    }
}

impl Hash {
    /// The number in the registry of password algorithms (RFC 8489 section 18.5).
    fn number(self) -> u16 {
        match self {
            Self::Md5 => 1,
            Self::Sha256 => 2,
        }
    }
}

/// Security features that a nonce announces, in four base64 characters, the first bit first (RFC 8489 section 18.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Features {
    password_algorithms: bool,
    username_anonymity: bool,
}

impl Features {
    fn of(nonce: &[u8]) -> Self {
        let bits = nonce.strip_prefix(NONCE_COOKIE).and_then(|rest| rest.get(..4));
        let bits = bits.and_then(|bits| STANDARD.decode(bits).ok()).unwrap_or_default();
        let first = bits.first().copied().unwrap_or_default();
        Self { password_algorithms: first & 0x80 != 0, username_anonymity: first & 0x40 != 0 }
    }
}

fn echoed(name: &str, value: Option<&[u8]>, challenge: &Message<'_>) -> Result<Vec<u8>, Cause> {
    let value = value.ok_or_else(|| Cause::MissingAttribute { attribute: name.to_owned() })?;
    if value.len() > ECHO_LIMIT {
        let detail = format!("{name} of {} bytes", value.len());
        return Err(Cause::Malformed { detail, first_bytes: FirstBytes::of(challenge.bytes()) });
    }
    Ok(value.to_vec())
}

/// The first algorithm of the list that is known here (RFC 8489 section 9.2.5).
fn choose(mut list: &[u8]) -> Result<Hash, Cause> {
    let mut offered = Vec::new();
    while let Some(([a0, a1, l0, l1], rest)) = list.split_first_chunk::<4>() {
        match u16::from_be_bytes([*a0, *a1]) {
            1 => return Ok(Hash::Md5),
            2 => return Ok(Hash::Sha256),
            other if offered.len() < 16 => offered.push(other),
            _ => break,
        }
        let parameters = usize::from(u16::from_be_bytes([*l0, *l1])).next_multiple_of(4);
        list = rest.get(parameters..).unwrap_or_default();
    }
    Err(Cause::LocalFailure { detail: format!("none of the password algorithms {offered:?} is supported") })
}

/// The key of long-term credentials (RFC 8489 section 9.2.2), and a note when preparing them was not plain.
fn derive(
    credentials: &Credentials,
    realm: &[u8],
    hash: Hash,
    prepares: bool,
) -> (Key, Option<&'static str>) {
    let (user, password) = (credentials.username.as_bytes(), credentials.password.expose().as_bytes());
    let text = Zeroizing::new([user, b":", realm, b":", password].concat());
    let plain = Key::new(match hash {
        Hash::Md5 => Md5::digest(&text).to_vec(),
        Hash::Sha256 => Sha256::digest(&text).to_vec(),
    });
    if !prepares {
        return (plain, None);
    }
    match prepared(credentials, realm, hash) {
        Some(key) if key == plain => (key, None),
        Some(key) => (key, Some("prepared with OpaqueString, which changed them")),
        None => (plain, Some("used as they are: OpaqueString refuses them")),
    }
}

fn prepared(credentials: &Credentials, realm: &[u8], hash: Hash) -> Option<Key> {
    let realm = std::str::from_utf8(realm).ok()?;
    let algorithm = stun_rs::Algorithm::from(match hash {
        Hash::Md5 => AlgorithmId::MD5,
        Hash::Sha256 => AlgorithmId::SHA256,
    });
    let key = HMACKey::new_long_term(&credentials.username, realm, credentials.password.expose(), algorithm);
    Some(Key::new(key.ok()?.as_bytes().to_vec()))
}

fn userhash(username: &str, realm: &[u8]) -> Vec<u8> {
    let prepared = std::str::from_utf8(realm).ok().and_then(|realm| UserHash::new(username, realm).ok());
    match prepared {
        Some(hash) => hash.hash().to_vec(),
        None => Sha256::digest([username.as_bytes(), b":", realm].concat()).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn key(password: &str, prepares: bool) -> (Key, Option<&'static str>) {
        let credentials = Credentials { username: "user".into(), password: Secret::new(password) };
        derive(&credentials, b"realm", Hash::Md5, prepares)
    }

    #[test]
    fn the_key_is_the_one_of_the_standard() {
        // RFC 8489 section 9.2.2.
        let expected = Key::new(hex::decode("8493fbc53ba582fb4c044c456bdc40eb").unwrap());
        assert_eq!(key("pass", true), (expected.clone(), None));
        assert_eq!(key("pass", false), (expected, None));
    }

    #[test]
    fn a_password_that_cannot_be_prepared_is_used_as_it_is_and_said_so() {
        let (plain, _) = key("The\u{ad}M\u{aa}tr\u{2168}", false);
        let (fallback, note) = key("The\u{ad}M\u{aa}tr\u{2168}", true);
        assert_eq!(fallback, plain);
        assert_eq!(note, Some("used as they are: OpaqueString refuses them"));
        assert_eq!(
            key("a\u{1680}b", true),
            (key("a b", true).0, Some("prepared with OpaqueString, which changed them"))
        );
    }

    #[test]
    fn a_nonce_announces_its_features_from_the_first_bit() {
        let both = Features { password_algorithms: true, username_anonymity: true };
        assert_eq!(Features::of(b"obMatJos2wAAAxyz"), both);
        let one = Features { password_algorithms: true, username_anonymity: false };
        assert_eq!(Features::of(b"obMatJos2gAAA"), one);
        for without in [&b"obMatJos2"[..], b"obMatJos2wA", b"obMatJos3wAAA", b"", b"obMatJos2!!!!"] {
            assert_eq!(Features::of(without), Features::default());
        }
    }

    #[test]
    fn the_first_known_algorithm_is_chosen() {
        assert_eq!(choose(&[0, 9, 0, 3, 1, 2, 3, 0, 0, 2, 0, 0, 0, 1, 0, 0]), Ok(Hash::Sha256));
        assert_eq!(choose(&[0, 1, 0, 0, 0, 2, 0, 0]), Ok(Hash::Md5));
        let detail = "none of the password algorithms [9] is supported".to_owned();
        assert_eq!(choose(&[0, 9, 0, 0]), Err(Cause::LocalFailure { detail }));
    }

    #[test]
    fn the_userhash_is_the_one_of_the_standard() {
        // RFC 8489 appendix B.1.
        let expected = "4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704";
        assert_eq!(hex::encode(userhash("マトリックス", b"example.org")), expected);
    }
}
