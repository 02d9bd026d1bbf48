//! `raincheck call`: the model of its report, and its text.

mod make;
mod model;
#[cfg(test)]
mod tests;
pub mod text;

pub(super) use make::call;
pub use model::{
    CallReport, CutReport, DtlsReport, EndReport, EventReport, GapReport, MatrixReport, PairReport,
    PassedOverReport, SoakReport, SuccessorReport, UpkeepReport,
};
