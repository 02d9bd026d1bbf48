//! Numbers of the IANA STUN registry: methods and attribute types, as far as a client meets them.

/// Binding (RFC 8489).
pub const BINDING: u16 = 0x001;
/// Allocate (RFC 8656).
pub const ALLOCATE: u16 = 0x003;
/// Refresh (RFC 8656).
pub const REFRESH: u16 = 0x004;
/// Send indication (RFC 8656).
pub const SEND: u16 = 0x006;
/// Data indication (RFC 8656).
pub const DATA_INDICATION: u16 = 0x007;
/// CreatePermission (RFC 8656).
pub const CREATE_PERMISSION: u16 = 0x008;
/// ChannelBind (RFC 8656).
pub const CHANNEL_BIND: u16 = 0x009;

macro_rules! attributes {
    ($($constant:ident = $number:literal, $name:literal;)*) => {
        $(#[doc = $name] pub const $constant: u16 = $number;)*

        /// The registered name of an attribute type, when it is known here.
        pub fn name(kind: u16) -> Option<&'static str> {
            match kind {
                $($number => Some($name),)*
                _ => None,
            }
        }
    };
}

attributes! {
    MAPPED_ADDRESS = 0x0001, "MAPPED-ADDRESS";
    RESPONSE_ADDRESS = 0x0002, "RESPONSE-ADDRESS";
    CHANGE_REQUEST = 0x0003, "CHANGE-REQUEST";
    SOURCE_ADDRESS = 0x0004, "SOURCE-ADDRESS";
    CHANGED_ADDRESS = 0x0005, "CHANGED-ADDRESS";
    USERNAME = 0x0006, "USERNAME";
    MESSAGE_INTEGRITY = 0x0008, "MESSAGE-INTEGRITY";
    ERROR_CODE = 0x0009, "ERROR-CODE";
    UNKNOWN_ATTRIBUTES = 0x000a, "UNKNOWN-ATTRIBUTES";
    REFLECTED_FROM = 0x000b, "REFLECTED-FROM";
    CHANNEL_NUMBER = 0x000c, "CHANNEL-NUMBER";
    LIFETIME = 0x000d, "LIFETIME";
    BANDWIDTH = 0x0010, "BANDWIDTH";
    XOR_PEER_ADDRESS = 0x0012, "XOR-PEER-ADDRESS";
    DATA = 0x0013, "DATA";
    REALM = 0x0014, "REALM";
    NONCE = 0x0015, "NONCE";
    XOR_RELAYED_ADDRESS = 0x0016, "XOR-RELAYED-ADDRESS";
    REQUESTED_ADDRESS_FAMILY = 0x0017, "REQUESTED-ADDRESS-FAMILY";
    EVEN_PORT = 0x0018, "EVEN-PORT";
    REQUESTED_TRANSPORT = 0x0019, "REQUESTED-TRANSPORT";
    DONT_FRAGMENT = 0x001a, "DONT-FRAGMENT";
    ACCESS_TOKEN = 0x001b, "ACCESS-TOKEN";
    MESSAGE_INTEGRITY_SHA256 = 0x001c, "MESSAGE-INTEGRITY-SHA256";
    PASSWORD_ALGORITHM = 0x001d, "PASSWORD-ALGORITHM";
    USERHASH = 0x001e, "USERHASH";
    XOR_MAPPED_ADDRESS = 0x0020, "XOR-MAPPED-ADDRESS";
    TIMER_VAL = 0x0021, "TIMER-VAL";
    RESERVATION_TOKEN = 0x0022, "RESERVATION-TOKEN";
    PRIORITY = 0x0024, "PRIORITY";
    USE_CANDIDATE = 0x0025, "USE-CANDIDATE";
    PADDING = 0x0026, "PADDING";
    RESPONSE_PORT = 0x0027, "RESPONSE-PORT";
    CONNECTION_ID = 0x002a, "CONNECTION-ID";
    ADDITIONAL_ADDRESS_FAMILY = 0x8000, "ADDITIONAL-ADDRESS-FAMILY";
    ADDRESS_ERROR_CODE = 0x8001, "ADDRESS-ERROR-CODE";
    PASSWORD_ALGORITHMS = 0x8002, "PASSWORD-ALGORITHMS";
    ALTERNATE_DOMAIN = 0x8003, "ALTERNATE-DOMAIN";
    ICMP = 0x8004, "ICMP";
    OLD_XOR_MAPPED_ADDRESS = 0x8020, "XOR-MAPPED-ADDRESS (draft)";
    SOFTWARE = 0x8022, "SOFTWARE";
    ALTERNATE_SERVER = 0x8023, "ALTERNATE-SERVER";
    CACHE_TIMEOUT = 0x8027, "CACHE-TIMEOUT";
    FINGERPRINT = 0x8028, "FINGERPRINT";
    ICE_CONTROLLED = 0x8029, "ICE-CONTROLLED";
    ICE_CONTROLLING = 0x802a, "ICE-CONTROLLING";
    RESPONSE_ORIGIN = 0x802b, "RESPONSE-ORIGIN";
    OTHER_ADDRESS = 0x802c, "OTHER-ADDRESS";
    THIRD_PARTY_AUTHORIZATION = 0x802e, "THIRD-PARTY-AUTHORIZATION";
    MOBILITY_TICKET = 0x8030, "MOBILITY-TICKET";
}

/// The name of an attribute type, or its number where it has none here.
pub fn label(kind: u16) -> String {
    name(kind).map_or_else(|| format!("0x{kind:04x}"), str::to_owned)
}

/// Whether an attribute must be understood by whoever receives it: the lower half of the types (RFC 8489 section 14).
pub fn must_be_understood(kind: u16) -> bool {
    kind < 0x8000
}
