//! What an error of SQLite says: its extended result code, and the place in its message.

use super::database::Finding;
use super::{ErrorKind, Violation};

/// Judges an error by its extended result code and its message, such as
/// `UNIQUE constraint failed: orders.tenant_id, orders.number`.
pub fn find(code: &str, message: &str) -> Finding {
    let kind = kind(code);
    let place = message.split_once("constraint failed: ");
    let place = place.map_or("", |(_, place)| place);
    let violation = match kind {
        ErrorKind::Unique | ErrorKind::NotNull => columns(place),
        ErrorKind::Check => Violation {
            constraint: Some(place.to_owned()).filter(|name| !name.is_empty()),
            ..Violation::default()
        },
        _ => Violation::default(),
    };
    Finding { kind, violation }
}

/// <https://www.sqlite.org/rescode.html>
fn kind(code: &str) -> ErrorKind {
    let code: u32 = code.parse().unwrap_or_default();
    match code {
        // Primary key, unique, row id.
        1555 | 2067 | 2579 => ErrorKind::Unique,
        787 => ErrorKind::ForeignKey,
        275 => ErrorKind::Check,
        1299 => ErrorKind::NotNull,
        // A transaction that read an older state than it would write to.
        517 => ErrorKind::Serialization,
        _ => match code & 0xff {
            // Busy and locked, for longer than the busy timeout.
            5 | 6 => ErrorKind::LockTimeout,
            8 => ErrorKind::ReadOnly,
            _ => ErrorKind::Other,
        },
    }
}

/// Reads `orders.tenant_id, orders.number`, or `index 'uq_orders_number'` of an indexed expression.
fn columns(place: &str) -> Violation {
    let index = place.strip_prefix("index '");
    if let Some(index) = index.and_then(|it| it.strip_suffix('\'')) {
        return Violation {
            constraint: Some(index.to_owned()),
            ..Violation::default()
        };
    }
    let mut violation = Violation::default();
    for (table, column) in place.split(", ").filter_map(|it| it.split_once('.')) {
        violation.table = Some(table.to_owned());
        violation.columns.push(column.to_owned());
    }
    violation
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn place_of_a_unique_constraint_is_read() {
        let found = find(
            "2067",
            "UNIQUE constraint failed: orders.tenant_id, orders.number",
        );
        assert_eq!(found.kind, ErrorKind::Unique);
        assert_eq!(found.violation.table.as_deref(), Some("orders"));
        assert_eq!(found.violation.columns, ["tenant_id", "number"]);
        let found = find("2067", "UNIQUE constraint failed: index 'uq_users_email'");
        let constraint = found.violation.constraint.as_deref();
        assert_eq!(constraint, Some("uq_users_email"));
    }

    #[test]
    fn kinds_are_told_apart() {
        for (code, message, kind) in [
            (
                "1299",
                "NOT NULL constraint failed: t.a",
                ErrorKind::NotNull,
            ),
            (
                "275",
                "CHECK constraint failed: ck_t_positive",
                ErrorKind::Check,
            ),
            (
                "787",
                "FOREIGN KEY constraint failed",
                ErrorKind::ForeignKey,
            ),
            ("5", "database is locked", ErrorKind::LockTimeout),
            ("517", "database is locked", ErrorKind::Serialization),
            (
                "8",
                "attempt to write a readonly database",
                ErrorKind::ReadOnly,
            ),
            ("1", "no such table: t", ErrorKind::Other),
            ("nonsense", "", ErrorKind::Other),
        ] {
            assert_eq!(find(code, message).kind, kind, "{code}");
        }
    }

    proptest! {
        #[test]
        fn any_message_is_borne(code in "[0-9]{0,12}", message in ".*") {
            find(&code, &message);
            columns(&message);
        }
    }
}
