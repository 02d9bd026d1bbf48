//! DTLS records as they lie in a datagram, as far as they are in the clear (RFC 6347 section 4, RFC 9147 section 4).

const HANDSHAKE: u8 = 22;
const ALERT: u8 = 21;
const HEADER: usize = 13;

/// What one datagram holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Datagram {
    /// Handshake fragments in the clear, in order.
    pub(super) fragments: Vec<Fragment>,
    /// Number of a fatal alert in the clear.
    pub(super) fatal_alert: Option<u8>,
    /// The ServerHello that begins in it.
    pub(super) server_hello: Option<ServerHello>,
}

/// A piece of a handshake message in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Fragment {
    /// Type of the message (RFC 8446 section 4).
    pub(super) kind: u8,
    /// Number of the message in its direction.
    pub(super) message: u16,
    /// Where the piece begins in the message.
    pub(super) offset: u32,
}

/// What a ServerHello chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerHello {
    /// Number of the cipher suite.
    pub(super) suite: u16,
}

/// A record's type, 0 when it is not in the clear, and its body.
type Record<'a> = (u8, &'a [u8]);

/// Reads what is in the clear; what is not, or is broken, is passed over. The first broken record ends the reading.
pub(super) fn read(datagram: &[u8]) -> Datagram {
    let mut seen = Datagram::default();
    let mut rest = datagram;
    while let Some((record, after)) = next_record(rest) {
        rest = after;
        match record {
            (HANDSHAKE, body) => read_handshake(body, &mut seen),
            (ALERT, [2, number]) => seen.fatal_alert = Some(*number),
            _ => {}
        }
    }
    seen
}

/// A fatal alert in the clear, as an end sends it that has no keys yet. Its record number is far beyond those of a
/// handshake, so that it is not taken for a replay.
pub(super) fn fatal_alert(number: u8) -> Vec<u8> {
    vec![ALERT, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 2, 2, number]
}

/// The name of a handshake message.
pub(super) fn message_name(kind: u8) -> String {
    let name = match kind {
        1 => "client_hello",
        2 => "server_hello",
        3 => "hello_verify_request",
        4 => "new_session_ticket",
        8 => "encrypted_extensions",
        11 => "certificate",
        12 => "server_key_exchange",
        13 => "certificate_request",
        14 => "server_hello_done",
        15 => "certificate_verify",
        16 => "client_key_exchange",
        20 => "finished",
        other => return format!("message {other}"),
    };
    name.to_owned()
}

/// The IANA name of the cipher suites that occur in WebRTC.
pub(super) fn suite_name(suite: u16) -> String {
    let name = match suite {
        0x1301 => "TLS_AES_128_GCM_SHA256",
        0x1302 => "TLS_AES_256_GCM_SHA384",
        0x1303 => "TLS_CHACHA20_POLY1305_SHA256",
        0xC009 => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        0xC00A => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        0xC02B => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        0xC02C => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        0xCCA9 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        other => return format!("0x{other:04X}"),
    };
    name.to_owned()
}

/// The next record, and what follows it.
fn next_record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let first = *bytes.first()?;
    if first >> 5 == 1 {
        return unified(bytes, first);
    }
    let header = bytes.get(..HEADER)?;
    let epoch = u16::from_be_bytes([*header.get(3)?, *header.get(4)?]);
    let length = usize::from(u16::from_be_bytes([*header.get(11)?, *header.get(12)?]));
    let body = bytes.get(HEADER..HEADER.checked_add(length)?)?;
    let kind = if epoch == 0 { first } else { 0 };
    Some(((kind, body), bytes.get(HEADER + length..)?))
}

/// A DTLS 1.3 ciphertext, whose header says in bits what it holds (RFC 9147 section 4). Connection identifiers are
/// not negotiated here.
fn unified(bytes: &[u8], first: u8) -> Option<(Record<'_>, &[u8])> {
    let number = if first & 0x08 != 0 { 2 } else { 1 };
    let after = bytes.get(1 + number..)?;
    if first & 0x04 == 0 {
        return Some(((0, after), &[]));
    }
    let length = usize::from(u16::from_be_bytes([*after.first()?, *after.get(1)?]));
    let body = after.get(2..2 + length)?;
    Some(((0, body), after.get(2 + length..)?))
}

fn read_handshake(mut body: &[u8], seen: &mut Datagram) {
    while let Some(header) = body.get(..12) {
        let number =
            |at: usize| header.get(at..at + 3).map_or(0, |b| b.iter().fold(0, |n, b| n << 8 | u32::from(*b)));
        let (offset, length) = (number(6), number(9) as usize);
        let Some(piece) = body.get(12..12 + length) else { return };
        let kind = header.first().copied().unwrap_or_default();
        let message = header.get(4..6).map_or(0, |b| b.iter().fold(0, |n, b| n << 8 | u16::from(*b)));
        seen.fragments.push(Fragment { kind, message, offset });
        if kind == 2 && offset == 0 {
            seen.server_hello = server_hello(piece);
        }
        body = body.get(12 + length..).unwrap_or_default();
    }
}

/// Version, random, session identifier, cipher suite (RFC 8446 section 4.1.3).
fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let session = usize::from(*body.get(34)?);
    let suite = body.get(35 + session..37 + session)?;
    Some(ServerHello { suite: u16::from_be_bytes([*suite.first()?, *suite.get(1)?]) })
}
