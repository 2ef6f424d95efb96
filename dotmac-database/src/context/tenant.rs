//! `TenantId`: a tenant's name in one spelling only, and the column types it can be stored in.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, Result};

/// The id of a tenant.
///
/// 1 to 255 of the ASCII letters, digits, `_`, `-` and `.`, beginning with a letter, a digit or
/// `_`. Two ids that differ in a byte are two tenants, everywhere: upper and lower case are not
/// folded, and look-alikes from Unicode are refused.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The longest id, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Parses an id.
    ///
    /// # Errors
    /// [`Error::InvalidTenant`], which says what an id must be.
    pub fn parse(id: &str) -> Result<Self> {
        let reason = if id.is_empty() {
            "it is empty"
        } else if id.len() > Self::MAX_LEN {
            "it is longer than 255 bytes"
        } else if !id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        {
            "it may hold ASCII letters, digits, `_`, `-` and `.` only"
        } else if id.starts_with(['-', '.']) {
            "it must begin with a letter, a digit or `_`"
        } else {
            return Ok(TenantId(id.into()));
        };
        Err(Error::InvalidTenant {
            reason: reason.to_owned(),
        })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({})", self.0)
    }
}

impl TryFrom<String> for TenantId {
    type Error = Error;

    fn try_from(id: String) -> Result<Self> {
        Self::parse(&id)
    }
}

impl std::str::FromStr for TenantId {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self> {
        Self::parse(id)
    }
}

impl From<TenantId> for String {
    fn from(id: TenantId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl From<Uuid> for TenantId {
    fn from(id: Uuid) -> Self {
        TenantId(id.to_string().into())
    }
}

/// The type of a tenant column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TenantKind {
    /// `varchar(255)`.
    Text,
    /// `uuid`.
    Uuid,
    /// `bigint`.
    BigInt,
}

impl TenantKind {
    /// Whether `tenant` is the one spelling of a value of this type.
    ///
    /// `A0EE…` and `a0ee…`, or `7` and `007`, would be one tenant in the column and two elsewhere.
    ///
    /// # Errors
    /// [`Error::InvalidTenant`].
    pub fn check(self, tenant: &TenantId) -> Result<()> {
        if self.canonical(tenant).as_deref() == Some(tenant.as_str()) {
            return Ok(());
        }
        Err(Error::InvalidTenant {
            reason: format!("the entity's column asks for {}", self.spelling()),
        })
    }

    /// Whether `tenant` can be a tenant of a program with columns of these types: it fits one of
    /// them, and it is no second spelling of a value of any.
    ///
    /// # Errors
    /// [`Error::InvalidTenant`].
    pub fn check_any(kinds: &[TenantKind], tenant: &TenantId) -> Result<()> {
        let twin = |kind: &TenantKind| {
            let canonical = kind.canonical(tenant);
            canonical.is_some_and(|canonical| canonical != tenant.as_str())
        };
        let fits = |kind: &TenantKind| kind.check(tenant).is_ok();
        if kinds.is_empty() || (kinds.iter().any(fits) && !kinds.iter().any(twin)) {
            return Ok(());
        }
        let spellings: Vec<_> = kinds.iter().map(|kind| kind.spelling()).collect();
        Err(Error::InvalidTenant {
            reason: format!(
                "the entities of this program ask for {}",
                spellings.join(", or ")
            ),
        })
    }

    /// The one spelling of the value that `tenant` stands for, if it stands for one.
    fn canonical(self, tenant: &TenantId) -> Option<String> {
        let text = tenant.as_str();
        match self {
            TenantKind::Text => Some(text.to_owned()),
            // PostgreSQL takes hyphens after any group of four digits.
            TenantKind::Uuid => {
                let digits = text.replace('-', "");
                Uuid::parse_str(&digits).ok().map(|id| id.to_string())
            }
            // PostgreSQL 16 takes `1_000` and `0x7` as well: whatever begins like a number and is
            // none as Rust reads it counts as a second spelling.
            TenantKind::BigInt => match text.parse::<i64>() {
                Ok(number) => Some(number.to_string()),
                Err(_) => looks_like_a_number(text).then(String::new),
            },
        }
    }

    fn spelling(self) -> &'static str {
        match self {
            TenantKind::Text => "a text",
            TenantKind::Uuid => "a UUID in lower case with hyphens",
            TenantKind::BigInt => "a whole number without leading zeros",
        }
    }

    /// Its name in PostgreSQL, for casts.
    pub fn sql_type(self) -> &'static str {
        match self {
            TenantKind::Text => "varchar",
            TenantKind::Uuid => "uuid",
            TenantKind::BigInt => "bigint",
        }
    }

    /// The value to bind for `tenant`.
    ///
    /// # Errors
    /// [`Error::InvalidTenant`] where the id is not the spelling of a value of this type.
    pub fn value(self, tenant: &TenantId) -> Result<sea_orm::Value> {
        self.check(tenant)?;
        let text = tenant.as_str();
        let value = match self {
            TenantKind::Text => Some(text.into()),
            TenantKind::Uuid => Uuid::parse_str(text).ok().map(Into::into),
            TenantKind::BigInt => text.parse::<i64>().ok().map(Into::into),
        };
        value.ok_or_else(|| Error::InvalidTenant {
            reason: format!("it is no {}", self.sql_type()),
        })
    }
}

fn looks_like_a_number(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let prefixed = ["0x", "0o", "0b"]
        .iter()
        .any(|prefix| lower.starts_with(prefix));
    let grouped = text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    text.starts_with(|first: char| first.is_ascii_digit()) && (prefixed || grouped)
}

/// A Rust type that a tenant column can have: `String`, `Uuid` or `i64`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the type of a tenant column",
    note = "use `String`, `Uuid` or `i64`"
)]
pub trait TenantKey {
    /// The column's type.
    const KIND: TenantKind;
}

impl TenantKey for String {
    const KIND: TenantKind = TenantKind::Text;
}

impl TenantKey for Uuid {
    const KIND: TenantKind = TenantKind::Uuid;
}

impl TenantKey for i64 {
    const KIND: TenantKind = TenantKind::BigInt;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i03_hostile_ids_are_refused() {
        let long = "x".repeat(10_000);
        let hostile = [
            "",
            " ",
            "a b",
            "a:b",
            "' OR 1=1 --",
            "a\0",
            "a\n",
            "\u{430}cme",
            "a'",
            "a\\",
            "-a",
            &long,
        ];
        for id in hostile {
            assert!(TenantId::parse(id).is_err(), "{id:?}");
        }
    }

    #[test]
    fn i03_case_twins_stay_two() {
        assert_ne!(TenantId::parse("Acme").ok(), TenantId::parse("acme").ok());
    }

    #[test]
    fn i03_only_one_spelling_of_a_uuid_or_number_is_taken() {
        let check = |kind: TenantKind, id: &str| TenantId::parse(id).and_then(|t| kind.check(&t));
        let id = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        assert!(check(TenantKind::Uuid, id).is_ok());
        assert!(check(TenantKind::Uuid, &id.to_uppercase()).is_err());
        assert!(check(TenantKind::Uuid, &id.replace('-', "")).is_err());
        assert!(check(TenantKind::Uuid, "not-a-uuid").is_err());
        assert!(check(TenantKind::BigInt, "7").is_ok());
        assert!(check(TenantKind::BigInt, "007").is_err());

        let kinds = [TenantKind::Text, TenantKind::Uuid];
        let any = |id: &str| TenantId::parse(id).and_then(|t| TenantKind::check_any(&kinds, &t));
        assert!(any("acme").is_ok());
        assert!(any(id).is_ok());
        assert!(any(&id.to_uppercase()).is_err());
        assert!(any("a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11").is_err());
        let kinds = [TenantKind::Text, TenantKind::BigInt];
        let any = |id: &str| TenantId::parse(id).and_then(|t| TenantKind::check_any(&kinds, &t));
        assert!(any("0x7").is_err());
        assert!(any("1_000").is_err());
        assert!(any("7eleven").is_ok());
    }
}
