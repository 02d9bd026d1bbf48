//! One end of a call: gathering on real sockets, the agent, and data over the selected pair.
//!
//! [`End`] is a handle on a task. The task owns the [`Agent`](raincheck_probes::ice::agent::Agent) and does nothing but
//! carry candidates, bytes and time between it and the network; what is slow (a TURN server's answer, a connection, a
//! full socket) is a task of its own behind a bounded queue. Two ends may live in one process: they share a
//! [`Ground`](crate::run::Ground) and nothing else.
//!
//! | module | owns |
//! | --- | --- |
//! | `api` | [`EndSetup`], [`EndEvent`] and what goes in and out beside |
//! | `handle` | [`End`], the handle |
//! | `task` | what comes in, to whom it goes |
//! | `bases` | what sends and receives for each local candidate |
//! | `stream` | ICE over TCP: connections and frames |
//! | `upkeep` | what is kept up while a call lasts, counted |
//! | `out` | events for the reader |

mod api;
mod bases;
mod handle;
mod out;
mod stream;
mod task;
mod upkeep;

pub use api::{Cut, CutDone, DataPath, Drops, EndEvent, EndSetup, Restarted};
pub use handle::End;
