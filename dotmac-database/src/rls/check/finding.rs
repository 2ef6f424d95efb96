//! What a check found, in types that print well.

use std::fmt;

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// Rows are safe; statements are slower than they need to be.
    Advice,
    /// Rows are safe as long as something else holds that should not have to.
    Warning,
    /// A row may be shown to, or changed by, another tenant.
    Danger,
}

/// One thing that is not as it should be.
///
/// Prints as a block: severity, rule and object, then why, then the SQL that mends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule, by a name that stays the same between versions, such as `rls-not-forced`.
    pub rule: &'static str,
    /// The object: a table, policy, view, function, index, constraint, role or server.
    pub object: String,
    /// What is wrong with it, and what follows from that.
    pub why: String,
    /// The SQL that mends it, to be run as the migrator or, for roles, as their administrator. Where a
    /// human has to decide, it begins with a comment that says what.
    pub remedy: String,
    /// Whether it concerns what [`install`](crate::rls::install) makes: tables' row-level security,
    /// policies and rights.
    pub installed: bool,
}

/// Everything that a check found, the worst first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(super) fn of(mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|a, b| {
            let texts = |it: &Finding| (it.rule, it.object.clone(), it.why.clone());
            let worse = b.severity.cmp(&a.severity);
            worse.then_with(|| texts(a).cmp(&texts(b)))
        });
        Report { findings }
    }

    /// Whether nothing was found but advice.
    pub fn is_safe(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.severity == Severity::Advice)
    }

    /// Only what concerns the objects that [`install`](crate::rls::install) makes: how the database
    /// differs from what the entities ask for.
    #[must_use]
    pub fn installed(self) -> Self {
        let of_ours = |finding: &Finding| finding.installed;
        Report {
            findings: self.findings.into_iter().filter(of_ours).collect(),
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Advice => "advice",
            Severity::Warning => "warning",
            Severity::Danger => "danger",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} [{}] {}", self.severity, self.rule, self.object)?;
        writeln!(f, "  {}", self.why)?;
        let mut lines = self.remedy.lines();
        write!(f, "  mend: {}", lines.next().unwrap_or_default())?;
        lines.try_for_each(|line| write!(f, "\n        {line}"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut findings = self.findings.iter();
        let Some(first) = findings.next() else {
            return f.write_str("nothing found");
        };
        write!(f, "{first}")?;
        findings.try_for_each(|finding| write!(f, "\n{finding}"))
    }
}
