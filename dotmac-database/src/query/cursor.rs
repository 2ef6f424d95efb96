//! Cursors: a place in a query, as text that only this query, tenant and key take back.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sea_orm::{Statement, Value};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256};

use super::scalar::Scalar;
use crate::context::TenantId;
use crate::error::{Error, Result};

/// The first byte of a cursor.
const VERSION: u8 = 1;
/// The bytes of an HMAC-SHA-256 at its end.
const TAG: usize = 32;

/// The application's secret under which cursors are authenticated; clones share it.
///
/// All processes that serve the same clients need the same one. A new secret makes the cursors in
/// clients' hands invalid: they begin again at the first page. `Debug` hides it, and its memory is
/// wiped when the last clone goes.
#[derive(Clone)]
pub struct CursorKey(Arc<SecretSlice<u8>>);

impl CursorKey {
    /// The shortest secret, in bytes.
    pub const MIN_LEN: usize = 32;

    /// A key of these random bytes.
    ///
    /// # Errors
    /// [`Error::Config`] for fewer than 32 bytes.
    pub fn new(secret: impl Into<Vec<u8>>) -> Result<Self> {
        let secret = SecretSlice::from(secret.into());
        if secret.expose_secret().len() < Self::MIN_LEN {
            return Err(Error::Config {
                variable: "cursor key",
                reason: "needs 32 bytes at least, from a random source".to_owned(),
            });
        }
        Ok(CursorKey(Arc::new(secret)))
    }

    /// The cursor for a place in the query.
    pub(super) fn seal(&self, binding: &Binding, place: &[Option<Scalar>]) -> Result<String> {
        let mut cursor = vec![VERSION];
        serde_json::to_writer(&mut cursor, place).map_err(|_| Error::InvalidCursor)?;
        let tag = self.mac(binding, &cursor)?.finalize().into_bytes();
        cursor.extend_from_slice(&tag);
        Ok(URL_SAFE_NO_PAD.encode(cursor))
    }

    /// The place that a cursor of the same query stands for.
    pub(super) fn open(&self, binding: &Binding, cursor: &str) -> Result<Vec<Option<Value>>> {
        let bytes = URL_SAFE_NO_PAD
            .decode(cursor)
            .map_err(|_| Error::InvalidCursor)?;
        let body = bytes.len().checked_sub(TAG).ok_or(Error::InvalidCursor)?;
        let (body, tag) = bytes.split_at(body);
        let mac = self.mac(binding, body)?;
        mac.verify_slice(tag).map_err(|_| Error::InvalidCursor)?;
        let Some((&VERSION, place)) = body.split_first() else {
            return Err(Error::InvalidCursor);
        };
        place_of(place).ok_or(Error::InvalidCursor)
    }

    fn mac(&self, binding: &Binding, body: &[u8]) -> Result<Hmac<Sha256>> {
        // HMAC takes a key of any length.
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret());
        let mac = mac.map_err(|_| Error::InvalidCursor)?;
        Ok(mac.chain_update(binding.0).chain_update(body))
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(…)")
    }
}

fn place_of(json: &[u8]) -> Option<Vec<Option<Value>>> {
    let place: Vec<Option<Scalar>> = serde_json::from_slice(json).ok()?;
    let value = |scalar: Option<Scalar>| match scalar {
        Some(scalar) => scalar.into_value().map(Some),
        None => Some(None),
    };
    place.into_iter().map(value).collect()
}

/// What a cursor belongs to, hashed: it is not inside the cursor, but made again from the query that
/// is asked to take it.
pub struct Binding([u8; 32]);

impl Binding {
    /// Binds to the tenant, the entity and its order, and the query before it is cut into pages.
    pub fn new(tenant: Option<&TenantId>, order: &[String], query: &Statement) -> Self {
        let mut hash = Sha256::new();
        // Each part is led by its length, so that no two lists of parts look alike.
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(b"dotmac cursor");
        part(&[VERSION, u8::from(tenant.is_some())]);
        part(tenant.map_or("", TenantId::as_str).as_bytes());
        part(&(order.len() as u64).to_be_bytes());
        for column in order {
            part(column.as_bytes());
        }
        part(query.sql.as_bytes());
        part(format!("{:?}", query.values).as_bytes());
        Binding(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sea_orm::DbBackend;

    use super::*;

    fn key(byte: u8) -> CursorKey {
        CursorKey::new([byte; 32]).expect("long enough")
    }

    fn binding(tenant: &str) -> Binding {
        let query = Statement::from_string(DbBackend::Sqlite, "SELECT 1");
        let tenant = TenantId::parse(tenant).expect("valid");
        Binding::new(Some(&tenant), &["orders".to_owned()], &query)
    }

    #[test]
    fn short_key_is_refused_and_debug_hides_it() {
        assert!(CursorKey::new([1; 31]).is_err());
        assert_eq!(format!("{:?}", key(1)), "CursorKey(…)");
    }

    #[test]
    fn parts_of_a_binding_do_not_run_into_each_other() {
        let query = Statement::from_string(DbBackend::Sqlite, "SELECT 1");
        let of = |parts: &[&str]| {
            let parts: Vec<_> = parts.iter().map(|part| (*part).to_owned()).collect();
            Binding::new(None, &parts, &query).0
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["ab", ""]), of(&["ab"]));
    }

    proptest! {
        #[test]
        fn cursor_opens_for_its_own_key_and_binding_only(number: i64, text: String) {
            let place = [Some(Scalar::BigInt(number)), None, Some(Scalar::String(text.clone()))];
            let cursor = key(1).seal(&binding("acme"), &place).expect("sealed");
            let opened = key(1).open(&binding("acme"), &cursor).expect("opened");
            prop_assert_eq!(opened, vec![Some(number.into()), None, Some(text.into())]);
            prop_assert!(key(2).open(&binding("acme"), &cursor).is_err());
            prop_assert!(key(1).open(&binding("beta"), &cursor).is_err());
        }

        #[test]
        fn any_text_is_refused_and_never_panics(text: String, bytes: Vec<u8>) {
            let refused = |cursor: &str| {
                matches!(key(1).open(&binding("acme"), cursor), Err(Error::InvalidCursor))
            };
            prop_assert!(refused(&text));
            prop_assert!(refused(&URL_SAFE_NO_PAD.encode(&bytes)));
            // Nor does what the key itself has signed, whatever it is.
            let mut signed = bytes;
            let mac = key(1).mac(&binding("acme"), &signed).expect("a key");
            signed.extend_from_slice(&mac.finalize().into_bytes());
            prop_assert!(refused(&URL_SAFE_NO_PAD.encode(&signed)));
        }
    }
}
