//! `Placement`: where a tenant's rows are.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, TenancyError};

/// Where the rows of a tenant are.
///
/// As text, in a column or a file, it is `rows`, `schema` or `database:<name>`.
///
/// ```
/// use dotmac_database::tenancy::Placement;
///
/// # fn main() -> dotmac_database::Result<()> {
/// let placement: Placement = "database:eu-1".parse()?;
/// assert!(matches!(&placement, Placement::Database(name) if name.as_str() == "eu-1"));
/// assert_eq!(placement.to_string(), "database:eu-1");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum Placement {
    /// In tables that tenants share, held apart by row-level security.
    #[default]
    Rows,
    /// In a schema of the tenant's own, in the database that tenants share.
    Schema,
    /// In another database, which may be the tenant's own, or shared by some.
    Database(DatabaseName),
}

/// What a program calls a database: a name in its configuration, not necessarily that in the server.
///
/// 1 to 63 of the ASCII letters, digits, `_`, `-` and `.`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatabaseName(Arc<str>);

const DATABASE: &str = "database:";

impl DatabaseName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 63;

    /// Parses a name.
    ///
    /// # Errors
    /// [`TenancyError::Unreadable`].
    pub fn parse(name: &str) -> Result<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if name.is_empty() || name.len() > Self::MAX_LEN || !name.bytes().all(is_plain) {
            return Err(unreadable(
                "name of a database",
                "1 to 63 of the ASCII letters, digits, `_`, `-` and `.`",
            ));
        }
        Ok(DatabaseName(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn unreadable(what: &'static str, expected: &'static str) -> Error {
    TenancyError::Unreadable { what, expected }.into()
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Placement::Rows => f.write_str("rows"),
            Placement::Schema => f.write_str("schema"),
            Placement::Database(name) => write!(f, "{DATABASE}{name}"),
        }
    }
}

impl FromStr for Placement {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "rows" => Ok(Placement::Rows),
            "schema" => Ok(Placement::Schema),
            text => match text.strip_prefix(DATABASE) {
                Some(name) => Ok(Placement::Database(DatabaseName::parse(name)?)),
                None => Err(unreadable(
                    "placement",
                    "`rows`, `schema` or `database:<name>`",
                )),
            },
        }
    }
}

impl TryFrom<String> for Placement {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Placement> for String {
    fn from(placement: Placement) -> Self {
        placement.to_string()
    }
}

impl fmt::Display for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DatabaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseName({})", self.0)
    }
}

impl FromStr for DatabaseName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::parse(name)
    }
}

impl TryFrom<String> for DatabaseName {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        Self::parse(&name)
    }
}

impl From<DatabaseName> for String {
    fn from(name: DatabaseName) -> Self {
        name.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placement_reads_back_from_its_text() {
        let eu = DatabaseName::parse("eu-1.main").expect("valid");
        for placement in [Placement::Rows, Placement::Schema, Placement::Database(eu)] {
            assert_eq!(placement.to_string().parse().ok(), Some(placement.clone()));
            let json = serde_json::to_string(&placement).expect("a text");
            assert_eq!(json, format!("\"{placement}\""));
            assert_eq!(
                serde_json::from_str::<Placement>(&json).ok(),
                Some(placement)
            );
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let long = format!("database:{}", "a".repeat(64));
        for text in [
            "",
            "Rows",
            "schema ",
            "database",
            "database:",
            "database:a/b",
            &long,
        ] {
            let error = text.parse::<Placement>().expect_err(text);
            assert!(matches!(
                error,
                Error::Tenancy(TenancyError::Unreadable { .. })
            ));
        }
    }
}
