//! Calls: two ICE agents, one of them ours or both, and what crosses the pair that they choose.
//!
//! | module | owns |
//! | --- | --- |
//! | [`end`] | one end of a call: gathering on real sockets, the agent, data over the selected pair |
//! | [`record`] | what a call leaves behind: plain data for verdict and report |
//! | [`words`] | events and candidates in words |

pub mod end;
pub mod record;
pub mod words;
//! | [`channel`] | the live signalling channel of two rainchecks: TLS 1.3 and a one-time code |
//! | [`dtls`] | DTLS over the chosen path: handshake, fingerprints, full-size datagrams |

pub mod channel;
pub mod dtls;
