use super::context::RunContext;
use super::engine::RunError;
use super::servers::Chosen;
use crate::settings::{RainbowLogin, Settings};
use std::sync::Arc;
pub async fn sign_in(_run: &Arc<RunContext>, _s: &Settings, _l: &RainbowLogin) -> Result<Chosen, RunError> {
    Err(RunError::NoServers(String::new()))
}
