//! What a rule is, and all of them.

use super::{definer, foreign_key, grant, index, open, policy, role, table, view};
use crate::rls::check::Severity;

/// A rule that is a query.
pub struct Rule {
    /// Stays the same between versions.
    pub name: &'static str,
    /// None where the query tells it, as `severity`.
    pub severity: Option<Severity>,
    /// Whether it looks at what `install` makes.
    pub installed: bool,
    /// Selects `object`, `why` and `remedy`, from what the subject's preamble names.
    pub select: &'static str,
}

impl Rule {
    /// A rule on objects of the user's.
    pub const fn new(name: &'static str, severity: Severity, select: &'static str) -> Self {
        Rule {
            name,
            severity: Some(severity),
            installed: false,
            select,
        }
    }

    /// The same, with a severity that depends on the object.
    pub const fn judging(name: &'static str, select: &'static str) -> Self {
        Rule {
            name,
            severity: None,
            installed: false,
            select,
        }
    }

    /// A rule on what `install` makes.
    pub const fn installed(name: &'static str, severity: Severity, select: &'static str) -> Self {
        Rule {
            installed: true,
            ..Self::new(name, severity, select)
        }
    }
}

/// All rules that are queries, but for the first of all: that the roles exist.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [
        &role::RULES[..],
        &table::RULES,
        &open::RULES,
        &policy::RULES,
        &grant::RULES,
        &view::RULES,
        &definer::RULES,
        &foreign_key::RULES,
        &index::RULES,
    ]
    .into_iter()
    .flatten()
}
