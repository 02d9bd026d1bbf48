//! `raincheck call`: settings to record, verdict, report.

use crate::cli::{Answer, CallCommand, Failure, Output};

pub(super) fn call(_command: &CallCommand, _output: &mut Output) -> Result<Answer, Failure> {
    Err(Failure::new("call: the engine is not joined yet"))
}
