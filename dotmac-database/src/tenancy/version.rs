//! `SchemaVersion`: how far a tenant's schema has been migrated.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, TenancyError};

/// How many migrations a schema has, and the last of them by name.
///
/// Both, because a migration that is merged late can have an earlier name than one that has run. As text
/// it is the two, such as `12 m20260101_000002_shop`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SchemaVersion {
    applied: u32,
    last: String,
}

/// How a schema stands to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaStanding {
    /// It has the migrations of the program.
    Current,
    /// It lacks some.
    Behind,
    /// It has some that the program does not know.
    Ahead,
}

impl SchemaVersion {
    /// The version with these migrations.
    pub fn of<S: AsRef<str>>(migrations: &[S]) -> Self {
        let last = migrations.iter().map(AsRef::as_ref).max();
        SchemaVersion {
            applied: u32::try_from(migrations.len()).unwrap_or(u32::MAX),
            last: last.unwrap_or_default().to_owned(),
        }
    }

    /// How many migrations have run.
    pub fn applied(&self) -> u32 {
        self.applied
    }

    /// How a schema of this version stands to a program that is written for `program`. A schema without
    /// a version is behind.
    pub fn standing(schema: Option<&Self>, program: &Self) -> SchemaStanding {
        match schema {
            Some(schema) if schema == program => SchemaStanding::Current,
            Some(schema) if schema.applied > program.applied => SchemaStanding::Ahead,
            // As many, and others: migrating will say which one is missing.
            Some(_) | None => SchemaStanding::Behind,
        }
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.applied, self.last)
    }
}

impl FromStr for SchemaVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parsed = text.split_once(' ').and_then(|(applied, last)| {
            Some(SchemaVersion {
                applied: applied.parse().ok()?,
                last: last.to_owned(),
            })
        });
        parsed.ok_or_else(|| {
            let what = "version of a schema";
            let expected = "a number and the name of a migration";
            TenancyError::Unreadable { what, expected }.into()
        })
    }
}

impl TryFrom<String> for SchemaVersion {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<SchemaVersion> for String {
    fn from(version: SchemaVersion) -> Self {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_reads_back_from_its_text() {
        for names in [&[][..], &["m1"], &["m1", "m2"]] {
            let version = SchemaVersion::of(names);
            assert_eq!(version.to_string().parse().ok(), Some(version));
        }
        assert!("m1".parse::<SchemaVersion>().is_err());
        assert!("x m1".parse::<SchemaVersion>().is_err());
    }

    #[test]
    fn migration_that_was_merged_late_makes_a_schema_be_behind() {
        let program = SchemaVersion::of(&["m1", "m2", "m3"]);
        let standing = |schema| SchemaVersion::standing(schema, &program);
        assert_eq!(standing(Some(&program)), SchemaStanding::Current);
        assert_eq!(standing(None), SchemaStanding::Behind);
        let late = SchemaVersion::of(&["m1", "m3"]);
        assert_eq!(standing(Some(&late)), SchemaStanding::Behind);
        let ahead = SchemaVersion::of(&["m1", "m2", "m3", "m4"]);
        assert_eq!(standing(Some(&ahead)), SchemaStanding::Ahead);
    }
}
