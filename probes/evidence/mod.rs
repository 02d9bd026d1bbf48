//! What a run saw, as plain data: the only thing that the verdict may look at.
//!
//! A failure of the network is data here, never an `Err`. Every layer of every path leaves one [`Step`]:
//! passed, failed with a [`Cause`] that carries the fact from the wire, skipped with a reason, or
//! unfinished. Evidence serializes, so a saved report can be judged again without a network.

mod cause;
mod path;
mod run;
mod step;

pub use cause::{Cause, FirstBytes};
pub use path::{Certificate, PathEvidence, Proof, RelayRun, Rtt, TlsSeen, Transport};
pub use run::{AskedFor, Evidence, IgnoredUrl, Interface, Resolution, Route};
pub use step::{Facts, Outcome, SkipReason, Stage, Step};
