//! `TenantState`: where a tenant is in its life.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, TenancyError};

/// Where a tenant is in its life. As text it is the name in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TenantState {
    /// Its schema or database is being made: requests are asked to come again, 503.
    Creating,
    /// It is served.
    Active,
    /// It exists, and its requests are refused: 403.
    Suspended,
    /// It was taken out of service, and its rows are kept: 403.
    Archived,
    /// Making or changing it failed half way, and somebody has to see to it: 503.
    Failed,
}

impl TenantState {
    /// All states, from the first to the last.
    pub const ALL: [TenantState; 5] = [
        TenantState::Creating,
        TenantState::Active,
        TenantState::Suspended,
        TenantState::Archived,
        TenantState::Failed,
    ];

    /// The state as text.
    pub fn as_str(self) -> &'static str {
        match self {
            TenantState::Creating => "creating",
            TenantState::Active => "active",
            TenantState::Suspended => "suspended",
            TenantState::Archived => "archived",
            TenantState::Failed => "failed",
        }
    }
}

impl fmt::Display for TenantState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TenantState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let state = Self::ALL.into_iter().find(|state| state.as_str() == text);
        state.ok_or_else(|| {
            let what = "state";
            let expected = "`creating`, `active`, `suspended`, `archived` or `failed`";
            TenancyError::Unreadable { what, expected }.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_reads_back_from_its_text() {
        for state in TenantState::ALL {
            assert_eq!(state.to_string().parse().ok(), Some(state));
            let json = serde_json::to_string(&state).expect("a text");
            assert_eq!(json, format!("\"{state}\""));
        }
        assert!("Active".parse::<TenantState>().is_err());
    }
}
