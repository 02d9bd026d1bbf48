//! The world ring: calls between two emulated clients over a simulated internet, in virtual time.
//!
//! Both ends are the client's own [`Agent`](raincheck_probes::ice::agent::Agent), with the candidates that its
//! [`Gathering`](raincheck_probes::ice::gather::Gathering) signals; between them lies a
//! [`World`](raincheck_lab::net::World) of NATs, links and relays. Nothing here has a clock or a socket, and a seed
//! gives the same run again.
//!
//! | module | owns |
//! | --- | --- |
//! | [`scene`] | what a call is made from |
//! | [`end`] | one end: gathering at the client's pace, the agent, its bases |
//! | [`pace`] | how long gathering takes |
//! | [`call`] | the two ends, the world, the signalling, and the clock |
//! | [`truth`] | what the network would carry, found without an agent |
//! | [`tell`] | a call in words, for a failed one |
//! | [`matrix`] | every kind of NAT with every other |
//! | [`seeds`] | a thousand worlds drawn from seeds |
//! | [`failover`] | the selected path dies |
//! | [`late`] | candidates, credentials and roles that come late or collide |
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ring: a panic is a failed case")]
#![allow(clippy::print_stdout, reason = "a failed seed tells its story")]

mod call;
mod end;
mod failover;
mod late;
mod matrix;
mod pace;
mod scene;
mod seeds;
mod tell;
mod truth;
