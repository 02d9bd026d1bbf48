//! Calls: two ICE agents, one of them ours or both, and what crosses the pair that they choose.
//!
//! | module | owns |
//! | --- | --- |
//! | [`record`] | what a call leaves behind: plain data for verdict and report |
//! | [`words`] | events and candidates in words |

pub mod record;
pub mod words;
//! | [`channel`] | the live signalling channel of two rainchecks: TLS 1.3 and a one-time code |
//! | [`dtls`] | DTLS over the chosen path: handshake, fingerprints, full-size datagrams |

pub mod channel;
pub mod dtls;
