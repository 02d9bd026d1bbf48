//! What is read of datagrams and texts that come from outside.

use super::super::record::{self, Fragment};
use super::super::{Fingerprint, Hash, is_dtls};
use proptest::prelude::*;

/// A DTLS 1.2 record with a ServerHello in it: version, random, a session of 2 bytes, the suite, no compression.
fn server_hello(suite: u16) -> Vec<u8> {
    let mut body = vec![0xFE, 0xFD];
    body.extend([7; 32]);
    body.extend([2, 1, 1]);
    body.extend(suite.to_be_bytes());
    body.push(0);
    let length = u8::try_from(body.len()).unwrap();
    let handshake = [&[2, 0, 0, length, 0, 3, 0, 0, 0, 0, 0, length][..], &body].concat();
    let header = [22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 1, 0, u8::try_from(handshake.len()).unwrap()];
    [&header[..], &handshake].concat()
}

#[test]
fn records_of_one_datagram_are_all_read() {
    // A ServerHello, a fatal alert, an encrypted record of 1.2 (epoch 1), one of 1.3 without a length.
    let encrypted = [&[22, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3][..], &[1, 2, 3]].concat();
    let datagram =
        [server_hello(0xC02B), record::fatal_alert(42), encrypted, vec![0x28, 0, 0, 9, 9]].concat();
    let seen = record::read(&datagram);
    assert_eq!(seen.fragments, [Fragment { kind: 2, message: 3, offset: 0 }]);
    assert_eq!(seen.fatal_alert, Some(42));
    assert_eq!(
        record::suite_name(seen.server_hello.unwrap().suite),
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    );
    assert_eq!(record::suite_name(0x0042), "0x0042");
}

#[test]
fn only_the_range_of_rfc_7983_is_dtls() {
    let taken: Vec<u8> = (0..=255).filter(|first| is_dtls(&[*first])).collect();
    assert_eq!(taken, (20..=63).collect::<Vec<u8>>());
    assert!(!is_dtls(&[]));
}

#[test]
fn a_fingerprint_reads_back_and_the_strongest_hash_decides() {
    let (certificate, other) = (b"a certificate", b"another");
    for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
        let made = Fingerprint::of(hash, certificate);
        assert_eq!(made.to_string().parse(), Ok(made.clone()));
        assert_eq!(made.to_string().to_lowercase().parse(), Ok(made));
    }
    let of = |hash, certificate: &[u8]| Fingerprint::of(hash, certificate);
    assert!(Fingerprint::admits(&[of(Hash::Sha256, other), of(Hash::Sha256, certificate)], certificate));
    assert!(!Fingerprint::admits(&[of(Hash::Sha1, certificate), of(Hash::Sha256, other)], certificate));
    assert!(!Fingerprint::admits(&[], certificate));
}

#[test]
fn what_is_no_fingerprint_is_refused() {
    let good = Fingerprint::of(Hash::Sha256, b"x").to_string();
    let wrong = [
        String::new(),
        "sha-256".to_owned(),
        good.replace("sha-256", "md5"),
        good.replace(':', ""),
        good.replace("sha-256", "sha-512"),
        format!("{good}:00"),
        good[..good.len() - 3].to_owned(),
        good.replacen(':', ":é", 1),
    ];
    for text in wrong {
        assert!(text.parse::<Fingerprint>().is_err(), "{text}");
    }
}

fn mutations() -> u32 {
    std::env::var("RAINCHECK_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: mutations(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_datagrams_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8), cut in any::<prop::sample::Index>()) {
        let mut datagram = [server_hello(0x1301), record::fatal_alert(40), vec![0x2C, 1, 2, 0, 3, 9, 9, 9]].concat();
        for (at, with) in flips {
            let at = at.index(datagram.len());
            datagram[at] = with;
        }
        datagram.truncate(cut.index(datagram.len() + 1));
        let seen = record::read(&datagram);
        prop_assert!(seen.fragments.len() <= datagram.len() / 12);
    }
}
