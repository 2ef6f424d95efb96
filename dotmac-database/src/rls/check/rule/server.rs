//! The server's version: minors that mended row-level security.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::error::Result;
use crate::rls::check::Severity::Warning;
use crate::rls::check::finding::Finding;

/// The first minor of each major without the known holes in policies: CVE-2023-2455 (policies of the
/// wrong role in plans), CVE-2024-10976 (policies below subqueries in kept plans), CVE-2024-10978 (SET
/// ROLE), CVE-2025-8713 (statistics show values of other rows).
/// <https://www.postgresql.org/support/security/>
const MENDED: [(i32, i32); 4] = [(14, 19), (15, 14), (16, 10), (17, 6)];

/// A server below these.
pub async fn outdated<C: ConnectionTrait>(db: &C) -> Result<Option<Finding>> {
    let sql = "SELECT current_setting('server_version_num')::int AS version";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = db.query_one_raw(statement).await?;
    let version = row.map(|row| row.try_get::<i32>("", "version"));
    Ok(version.transpose()?.and_then(judge))
}

fn judge(version: i32) -> Option<Finding> {
    let (major, minor) = (version / 10_000, version % 10_000);
    let needed = match MENDED.iter().find(|(known, _)| *known == major) {
        Some((_, needed)) if minor >= *needed => return None,
        Some((_, needed)) => format!("{major}.{needed}"),
        None if major > 17 => return None,
        None => "a major that is still mended".to_owned(),
    };
    Some(Finding {
        severity: Warning,
        rule: "server-outdated",
        object: format!("PostgreSQL {major}.{minor}"),
        why: "it has known holes in row-level security".to_owned(),
        remedy: format!("-- Update the server to {needed} or later."),
        installed: false,
    })
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn server_below_the_mended_minor_is_named() {
        for (version, outdated) in [
            (150_014, false),
            (150_013, true),
            (170_005, true),
            (170_006, false),
            (180_000, false),
            (130_022, true),
        ] {
            assert_eq!(judge(version).is_some(), outdated, "{version}");
        }
        let finding = judge(160_000).expect("outdated");
        assert!(finding.remedy.contains("16.10"), "{finding}");
    }
}
