//! `Transition`: the ways from one state of a tenant to another.

use super::TenantState;

/// A change of a tenant's state. There are no others.
///
/// | | from | to |
/// |---|---|---|
/// | `Activate` | creating | active |
/// | `Suspend` | active | suspended |
/// | `Resume` | suspended, archived, failed | active |
/// | `Archive` | suspended | archived |
/// | `Fail` | creating, active, suspended | failed |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transition {
    /// It was made, and is served from now on.
    Activate,
    /// Its requests are refused.
    Suspend,
    /// It is served again.
    Resume,
    /// It is taken out of service.
    Archive,
    /// Somebody has to see to it.
    Fail,
}

impl Transition {
    /// The states that it leads from.
    pub fn from(self) -> &'static [TenantState] {
        use TenantState::{Active, Archived, Creating, Failed, Suspended};
        match self {
            Transition::Activate => &[Creating],
            Transition::Suspend => &[Active],
            Transition::Resume => &[Suspended, Archived, Failed],
            Transition::Archive => &[Suspended],
            Transition::Fail => &[Creating, Active, Suspended],
        }
    }

    /// The state that it leads to.
    pub fn to(self) -> TenantState {
        match self {
            Transition::Activate | Transition::Resume => TenantState::Active,
            Transition::Suspend => TenantState::Suspended,
            Transition::Archive => TenantState::Archived,
            Transition::Fail => TenantState::Failed,
        }
    }
}
