//! `FleetReport`: how a run ended.

use serde::Serialize;

use crate::context::TenantId;

/// How [`Fleet::run`](super::Fleet::run) ended, tenant by tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FleetReport {
    /// Those that were migrated, or whose making was finished.
    pub done: Vec<TenantId>,
    /// How many were current already.
    pub skipped: usize,
    /// Those that stay as they were.
    pub failed: Vec<TenantFailure>,
    /// Those that were not begun, because the run stopped.
    pub remaining: Vec<TenantId>,
}

/// A tenant that could not be migrated, and why. The directory has it too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TenantFailure {
    /// The tenant.
    pub tenant: TenantId,
    /// Why, with its causes.
    pub error: String,
}

impl FleetReport {
    /// Whether every tenant is current.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.remaining.is_empty()
    }
}
