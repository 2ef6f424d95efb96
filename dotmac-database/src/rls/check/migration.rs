//! The source of a migration that mends what a check found.

use super::finding::{Finding, Report};

const HEAD: &str = "//! Brings row-level security to what the entities ask for.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
";

const TAIL: &str = "        Ok(())
    }

    // The protection stays: what was before is not worth going back to.
    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
";

/// A migration that runs the remedies of a report, each under the reason for it.
///
/// What a human has to decide, such as whether somebody needs a policy, is a comment, with its SQL.
pub fn migration(report: &Report) -> String {
    let steps: String = report.findings.iter().map(step).collect();
    format!("{HEAD}{steps}{TAIL}")
}

fn step(finding: &Finding) -> String {
    let mut step = comment(&format!(
        "{} ({}): {}.",
        finding.object, finding.rule, finding.why
    ));
    if finding.remedy.starts_with("--") {
        for line in finding.remedy.lines() {
            step.push_str(&comment(line.trim_start_matches("-- ")));
        }
        return step;
    }
    let sql: Vec<&str> = finding.remedy.lines().collect();
    step.push_str(&format!(
        "        db.execute_unprepared({:?}).await?;\n",
        sql.join(" ")
    ));
    step
}

// One line, so that no name of the database can end the comment.
fn comment(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("        // {}\n", words.join(" "))
}
