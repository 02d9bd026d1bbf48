//! Paths: from a host name to a stream or a datagram socket, one step per layer.
//!
//! Each layer (resolve, connect, tunnel, TLS) writes its own [`Step`](raincheck_probes::evidence::Step) with its
//! own clock, and what a layer saw when it failed is the step's cause. Nothing here opens a socket or asks a
//! resolver but through [`Dial`], so the same code runs on the network, in the lab and in a test.
//!
//! | module | owns |
//! | --- | --- |
//! | [`dial`] | sockets and names, behind a trait |
//! | [`resolve`] | every name once per run |
//! | [`connect`] | happy eyeballs, and how silence is judged |
//! | [`tls`] | handshakes that show what they saw, roots |
//! | [`open`] | the layers of a stream in their order, with the CONNECT handshake |
//! | [`icmp`] | ICMP errors, and which of them are rejections |
//! | [`udp`] | one socket for many servers, and the control for silence |
//! | [`bypass`] | `NO_PROXY` |

pub mod bypass;
pub mod connect;
pub mod dial;
pub mod icmp;
pub mod open;
mod prefixed;
pub mod resolve;
#[cfg(test)]
mod tests;
pub mod tls;
mod tunnel;
pub mod udp;

pub use bypass::is_bypassed;
pub use dial::{BoxFuture, Datagrams, Dial, Listening, LookupFailure, SystemDial};
pub use icmp::{IcmpError, Rejection};
pub use open::{Bounds, ByteStream, Opened, PathContext, Target, open_stream};
pub use resolve::Resolver;
pub use tls::Trust;
pub use udp::{ControlResult, Datagram, Incoming, SharedUdp, Stray, UdpLink, udp_control};
