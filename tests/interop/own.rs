//! `call self` in the branch office against coturn.
use crate::harness::Case;
pub(crate) fn cases() -> Vec<Case> {
    vec![]
}
