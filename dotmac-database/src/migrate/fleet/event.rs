//! `FleetEvent`: what happens in a run, while it happens.

use std::error::Error as _;

use serde::Serialize;

use crate::context::{SchemaName, TenantId};
use crate::error::Error;

/// Something that happened in [`Fleet::run`](super::Fleet::run). As JSON, `event` is its name.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum FleetEvent {
    /// The shared migrations begin.
    Shared {
        /// Those that have not run.
        pending: Vec<String>,
    },
    /// The template's migrations begin.
    Template {
        /// Its schema.
        schema: SchemaName,
    },
    /// It is known what is to be done; once more where tenants came meanwhile.
    Planned {
        /// How many tenants are to be migrated or finished.
        behind: usize,
    },
    /// A tenant's migrations, or its making, begin.
    Started {
        /// The tenant.
        tenant: TenantId,
    },
    /// A tenant is current.
    Done {
        /// The tenant.
        tenant: TenantId,
        /// How long it took, waiting for others included.
        seconds: f64,
    },
    /// A tenant was current already, or is gone.
    Skipped {
        /// The tenant.
        tenant: TenantId,
    },
    /// A tenant stays as it was.
    Failed {
        /// The tenant.
        tenant: TenantId,
        /// Why, with its causes.
        error: String,
    },
    /// The run ends early.
    Stopped {
        /// How many tenants were not begun.
        remaining: usize,
    },
}

/// An error with its causes, in one line.
pub fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
