//! `Operator`: who runs the shop, and is no tenant's user.

use std::fmt;

use dotmac_database::prelude::*;
use dotmac_database::web::StatusCode;
use http::{HeaderMap, header};

/// So short a key can be guessed.
const LEAST: usize = 32;

/// Who runs the shop: whoever has the key. A tenant's users are not: they would see machines and processes, and
/// could break the locks that keep their colleagues' work.
#[derive(Clone)]
pub struct Operator(Option<String>);

impl Operator {
    /// The operator with this key; nobody is, without one.
    ///
    /// # Errors
    /// For a key of less than 32 bytes.
    pub fn of(key: Option<String>) -> Result<Self, Error> {
        match key {
            Some(key) if key.len() < LEAST => Err(Error::Config {
                variable: "OPERATOR_KEY",
                reason: format!("is shorter than {LEAST} bytes"),
            }),
            key => Ok(Operator(key)),
        }
    }

    /// Lets the operator pass: `Authorization: Bearer <key>`.
    ///
    /// # Errors
    /// 401.
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let given = headers.get(header::AUTHORIZATION);
        let given = given.and_then(|it| it.as_bytes().strip_prefix(b"Bearer "));
        match (&self.0, given) {
            (Some(key), Some(given)) if is_same(key.as_bytes(), given) => Ok(()),
            _ => Err(Problem::new(StatusCode::UNAUTHORIZED).code("not_the_operator")),
        }
    }
}

/// In a time that does not tell where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && differ == 0
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Operator").finish_non_exhaustive()
    }
}
