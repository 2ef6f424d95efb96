//! `PgLockKey`: what an advisory lock of PostgreSQL is taken on.

use std::fmt;
use std::sync::Arc;

use md5::{Digest as _, Md5};
use sha2::{Digest as _, Sha256};

use crate::context::{Owner, OwnerName, RequestContext};
use crate::error::Result;

/// What comes before the owner in what is hashed: names of other programs, and of other versions of this
/// rule, have other keys.
const DOMAIN: &str = "dotmac-database advisory lock 1:";

/// What an advisory lock of PostgreSQL is taken on: a name, a number, or two numbers.
///
/// A name alone belongs to the tenant of the session. PostgreSQL knows numbers only, so a name is hashed to
/// one: the first eight bytes, big-endian and signed, of SHA-256 over `dotmac-database advisory lock 1:`,
/// the tenant's id (`*` for a global name), `:` and the name, in UTF-8.
///
/// | tenant | name | key |
/// |---|---|---|
/// | `acme` | `counters` | 2793630184859881084 |
/// | `beta` | `counters` | 1101720624872911008 |
/// | global | `counters` | -2442212317774276606 |
/// | `acme` | | 5612576622834908251 |
/// | `acme` | `ü` | 5421701052732527518 |
///
/// # Guarantees
/// - Two tenants have different locks of one name, and none has that of a global name. Two of a million names
///   have the same key once in 37 million programs; what happens then is that they wait for each other.
/// - Numbers are what they are, for all tenants: take them where another program takes the same. One number and
///   two numbers are kept apart by PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PgLockKey(Kind);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    Named(Arc<str>),
    Global(Arc<str>),
    Compat(Arc<str>),
    Number(i64),
    Pair(i32, i32),
}

/// A key as PostgreSQL takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    One(i64),
    Two(i32, i32),
}

impl PgLockKey {
    /// The key of that name, for each tenant another one. Any text is a name.
    pub fn named(name: &str) -> Self {
        PgLockKey(Kind::Named(name.into()))
    }

    /// The key of that name that all tenants share.
    pub fn global(name: &str) -> Self {
        PgLockKey(Kind::Global(name.into()))
    }

    /// The number that the Python package `dotmac-database` takes for that name, for all tenants the same: to
    /// keep out programs that still run it.
    ///
    /// It is the first eight bytes of the name's MD5, big-endian and signed: `job` is -7071260758707571268.
    pub fn compat(name: &str) -> Self {
        PgLockKey(Kind::Compat(name.into()))
    }

    /// A number, for all tenants the same.
    pub fn number(number: i64) -> Self {
        PgLockKey(Kind::Number(number))
    }

    /// Two numbers, for all tenants the same: often a kind of thing, and which.
    pub fn pair(first: i32, second: i32) -> Self {
        PgLockKey(Kind::Pair(first, second))
    }

    /// As PostgreSQL takes it in a session of this context.
    ///
    /// # Errors
    /// [`Error::MissingTenant`](crate::Error::MissingTenant) for a name of a tenant without one.
    pub(super) fn number_for(&self, context: &RequestContext) -> Result<Number> {
        Ok(match &self.0 {
            Kind::Named(name) => Number::One(number_of(&context.owner(name)?, name)),
            Kind::Global(name) => Number::One(number_of(&OwnerName::of(None), name)),
            Kind::Compat(name) => Number::One(leading(&Md5::digest(name.as_bytes()))),
            Kind::Number(number) => Number::One(*number),
            Kind::Pair(first, second) => Number::Two(*first, *second),
        })
    }
}

/// The number of a name. No owner's name has a `:`, so that no two names are hashed as one text.
pub(super) fn number_of(owner: &OwnerName, name: &str) -> i64 {
    let mut hash = Sha256::new();
    for part in [DOMAIN, owner.as_str(), ":", name] {
        hash.update(part.as_bytes());
    }
    leading(&hash.finalize())
}

/// The first eight bytes, of which a digest has at least sixteen.
fn leading(digest: &[u8]) -> i64 {
    digest
        .first_chunk()
        .map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

impl From<&str> for PgLockKey {
    /// [`PgLockKey::named`].
    fn from(name: &str) -> Self {
        PgLockKey::named(name)
    }
}

impl From<i64> for PgLockKey {
    fn from(number: i64) -> Self {
        PgLockKey::number(number)
    }
}

impl From<(i32, i32)> for PgLockKey {
    fn from((first, second): (i32, i32)) -> Self {
        PgLockKey::pair(first, second)
    }
}

/// For messages: the name or the numbers.
impl fmt::Display for PgLockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Named(name) | Kind::Compat(name) => f.write_str(name),
            Kind::Global(name) => write!(f, "*/{name}"),
            Kind::Number(number) => number.fmt(f),
            Kind::Pair(first, second) => write!(f, "({first}, {second})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn of(tenant: &str, key: &PgLockKey) -> Number {
        let context = RequestContext::tenant(tenant).expect("is an id");
        key.number_for(&context).expect("has a tenant")
    }

    #[test]
    fn p09_names_have_the_numbers_of_the_table() {
        for (tenant, key, number) in [
            ("acme", PgLockKey::named("counters"), 2793630184859881084),
            ("beta", PgLockKey::named("counters"), 1101720624872911008),
            ("acme", PgLockKey::global("counters"), -2442212317774276606),
            ("beta", PgLockKey::global("counters"), -2442212317774276606),
            ("acme", PgLockKey::named(""), 5612576622834908251),
            ("acme", PgLockKey::named("ü"), 5421701052732527518),
        ] {
            assert_eq!(of(tenant, &key), Number::One(number), "{tenant} {key}");
        }
    }

    #[test]
    fn p09_names_of_the_python_package_have_its_numbers() {
        for (name, number) in [
            ("job", -7071260758707571268),
            ("", -3162216497309240828),
            ("ü", -4597031018240990771),
        ] {
            let key = PgLockKey::compat(name);
            assert_eq!(of("acme", &key), Number::One(number), "{name}");
            let nobody = RequestContext::without_tenant();
            assert_eq!(
                key.number_for(&nobody).expect("needs none"),
                of("beta", &key)
            );
        }
    }

    #[test]
    fn p09_a_million_names_have_a_million_numbers() {
        let mut numbers = HashSet::with_capacity(1_000_000);
        let nobody = OwnerName::of(None);
        let tenants = (0..99).map(|n| RequestContext::tenant(&format!("tenant-{n}")));
        let tenants = tenants.map(|context| context.expect("is an id").owner("").expect("has one"));
        for owner in tenants.chain([nobody]) {
            for n in 0..10_000 {
                assert!(numbers.insert(number_of(&owner, &n.to_string())), "{n}");
            }
        }
        assert_eq!(numbers.len(), 1_000_000);
    }

    #[test]
    fn name_without_a_tenant_is_refused_and_numbers_are_what_they_are() {
        let nobody = RequestContext::without_tenant();
        assert!(PgLockKey::from("x").number_for(&nobody).is_err());
        let number = |key: PgLockKey| key.number_for(&nobody).expect("needs none");
        assert_eq!(number(7.into()), Number::One(7));
        assert_eq!(number((1, -2).into()), Number::Two(1, -2));
    }
}
