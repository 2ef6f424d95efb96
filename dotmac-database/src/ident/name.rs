//! Quoted identifiers, and names of database objects that fit PostgreSQL's 63 bytes.

use sea_orm::DbBackend;

/// PostgreSQL's `NAMEDATALEN` - 1.
const MAX_BYTES: usize = 63;

/// `name` as a quoted SQL identifier.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The name of a database object, such as `idx_orders_tenant_id`.
///
/// A name over 63 bytes keeps its beginning and ends in a hash of the whole, so that two long names
/// never collide where PostgreSQL would cut both to the same.
pub fn object(prefix: &str, parts: &[&str]) -> String {
    let name = format!("{prefix}_{}", parts.join("_"));
    if name.len() <= MAX_BYTES {
        return name;
    }
    let hash = format!("_{:016x}", fnv_1a(name.as_bytes()));
    let mut end = MAX_BYTES - hash.len();
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{hash}", name.get(..end).unwrap_or_default())
}

/// The collation in which texts come in the order of their bytes, which is that of their characters'
/// numbers.
pub fn byte_order(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "\"C\"",
        _ => "BINARY",
    }
}

/// FNV-1a: the same on every machine and in every version, which std's hasher does not promise.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quote_cannot_be_left() {
        assert_eq!(
            quote("a\"; DROP TABLE b; --"),
            "\"a\"\"; DROP TABLE b; --\""
        );
    }

    #[test]
    fn short_name_stays() {
        assert_eq!(
            object("idx", &["orders", "tenant_id"]),
            "idx_orders_tenant_id"
        );
    }

    #[test]
    fn long_names_fit_and_differ() {
        let long = "a".repeat(80);
        let one = object("idx", &[&long, "x"]);
        let two = object("idx", &[&long, "y"]);
        assert_eq!(one.len(), MAX_BYTES);
        assert_ne!(one, two);
    }
}
