//! One end of a call: gathering on real sockets, the agent, and data over the selected pair.
//!
//! [`End`] is a handle on a task. The task owns the [`Agent`](raincheck_probes::ice::agent::Agent) and does nothing but
//! carry candidates, bytes and time between it and the network; what is slow (a TURN server's answer, a connection, a
//! full socket) is a task of its own behind a bounded queue. Two ends may live in one process: they share a
//! [`Ground`] and nothing else.
//!
//! | module | owns |
//! | --- | --- |
//! | `api` | [`EndSetup`], [`EndEvent`] and what goes in and out beside |
//! | `handle` | [`End`], the handle |

mod api;
mod handle;

pub use api::{Cut, CutDone, DataPath, Drops, EndEvent, EndSetup, Restarted};
pub use handle::End;

#[expect(unused_imports, reason = "for the page above")]
use crate::run::Ground;
