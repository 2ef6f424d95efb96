//! What keeps the numbers of rates: the process or Redis.

use async_trait::async_trait;

use super::quota::{Rate, Verdict};
use crate::error::Result;
use crate::lock::LockName;

/// Counts calls, each one in a step that no other call comes between.
#[async_trait]
pub trait Meter: Send + Sync + 'static {
    /// What it is called in messages.
    fn keeper(&self) -> &'static str;

    /// Counts a call of that cost, which is not greater than the burst, if it may pass.
    async fn take(&self, name: &LockName, rate: Rate, cost: u32) -> Result<Verdict>;
}
