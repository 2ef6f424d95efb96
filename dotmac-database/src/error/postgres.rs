//! What an error of PostgreSQL says: SQLSTATE (appendix A of its manual), the names of the objects,
//! and the columns in DETAIL.

use sqlx::postgres::PgDatabaseError;

use super::database::Finding;
use super::{ErrorKind, Violation, columns};

/// The fields of an error response that are read here.
#[derive(Default)]
struct Fields<'e> {
    code: &'e str,
    message: &'e str,
    detail: Option<&'e str>,
    table: Option<&'e str>,
    column: Option<&'e str>,
    constraint: Option<&'e str>,
    routine: Option<&'e str>,
}

pub fn find(error: &PgDatabaseError) -> Finding {
    judge(&Fields {
        code: error.code(),
        message: error.message(),
        detail: error.detail(),
        table: error.table(),
        column: error.column(),
        constraint: error.constraint(),
        routine: error.routine(),
    })
}

fn judge(fields: &Fields<'_>) -> Finding {
    let kind = kind(fields);
    let columns = match kind {
        ErrorKind::NotNull => fields.column.map(|column| vec![column.to_owned()]),
        ErrorKind::Unique | ErrorKind::Exclusion => fields.detail.and_then(key_columns),
        ErrorKind::ForeignKey => fields.detail.and_then(referring_columns),
        _ => None,
    };
    let table = match kind {
        ErrorKind::ForeignTenant => policy_table(fields.message),
        _ => fields.table,
    };
    Finding {
        kind,
        violation: Violation {
            columns: columns
                .or_else(|| columns::known(table, fields.constraint))
                .unwrap_or_default(),
            constraint: fields.constraint.map(str::to_owned),
            table: table.map(str::to_owned),
        },
    }
}

fn kind(fields: &Fields<'_>) -> ErrorKind {
    match fields.code {
        "42501" if is_policy(fields) => ErrorKind::ForeignTenant,
        "42501" => ErrorKind::Denied,
        "0A000" if is_stale_plan(fields) => ErrorKind::StalePlan,
        "23505" => ErrorKind::Unique,
        "23503" | "23001" => ErrorKind::ForeignKey,
        "23502" => ErrorKind::NotNull,
        "23514" => ErrorKind::Check,
        "23P01" => ErrorKind::Exclusion,
        "25006" => ErrorKind::ReadOnly,
        "25P02" => ErrorKind::Aborted,
        "40001" => ErrorKind::Serialization,
        "40P01" => ErrorKind::Deadlock,
        "57014" => ErrorKind::StatementTimeout,
        "55P03" => ErrorKind::LockTimeout,
        // The last two: a session that was idle for too long inside a transaction, or altogether.
        "57P01" | "57P02" | "57P03" | "57P04" | "53300" | "25P03" | "57P05" => {
            ErrorKind::ConnectionLost
        }
        code if code.starts_with("08") => ErrorKind::ConnectionLost,
        _ => ErrorKind::Other,
    }
}

// The refusal by a policy shares its SQLSTATE with missing privileges. The routine tells it in every
// language, the message where something stands between (PgBouncer, a fork).
fn is_policy(fields: &Fields<'_>) -> bool {
    fields.routine == Some("ExecWithCheckOptions") || fields.message.contains("row-level security")
}

// Its SQLSTATE is that of everything PostgreSQL does not support.
fn is_stale_plan(fields: &Fields<'_>) -> bool {
    fields.routine == Some("RevalidateCachedQuery")
        || fields.message == "cached plan must not change result type"
}

/// The last quoted name: the policy's, if told, stands before the table's.
fn policy_table(message: &str) -> Option<&str> {
    let (rest, _) = message.rsplit_once('"')?;
    let (_, table) = rest.rsplit_once('"')?;
    Some(table)
}

/// The columns in `Key (a, "B")=(…) already exists.`, never what stands behind them.
fn key_columns(detail: &str) -> Option<Vec<String>> {
    let list = detail.strip_prefix("Key (")?;
    let mut columns = Vec::new();
    let mut start = 0;
    let mut depth = 0_u32;
    let mut quote = None;
    for (at, char) in list.char_indices() {
        match (quote, char) {
            (Some(open), _) if open == char => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(char),
            (None, '(') => depth += 1,
            (None, ')') if depth > 0 => depth -= 1,
            (None, ')') => {
                columns.push(unquoted(list.get(start..at)?));
                return list.get(at..)?.starts_with(")=(").then_some(columns);
            }
            (None, ',') if depth == 0 => {
                columns.push(unquoted(list.get(start..at)?));
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

fn unquoted(column: &str) -> String {
    let column = column.trim_start_matches(' ');
    let inside = column.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    inside.map_or_else(|| column.to_owned(), |name| name.replace("\"\"", "\""))
}

/// The columns that refer. A parent that is still referred to is told by its own columns, which are
/// not the constraint's; and names in this message are not quoted, so that an odd one hides its end.
fn referring_columns(detail: &str) -> Option<Vec<String>> {
    let columns =
        key_columns(detail).filter(|_| detail.contains(") is not present in table \""))?;
    let is_plain = |column: &String| column.chars().all(|it| it.is_alphanumeric() || it == '_');
    columns.iter().all(is_plain).then_some(columns)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(code: &str) -> ErrorKind {
        let fields = Fields {
            code,
            ..Fields::default()
        };
        judge(&fields).kind
    }

    #[test]
    fn sqlstate_tells_the_kinds_apart() {
        for (code, kind) in [
            ("23505", ErrorKind::Unique),
            ("23503", ErrorKind::ForeignKey),
            ("23502", ErrorKind::NotNull),
            ("23514", ErrorKind::Check),
            ("23P01", ErrorKind::Exclusion),
            ("40001", ErrorKind::Serialization),
            ("40P01", ErrorKind::Deadlock),
            ("57014", ErrorKind::StatementTimeout),
            ("55P03", ErrorKind::LockTimeout),
            ("25006", ErrorKind::ReadOnly),
            ("42501", ErrorKind::Denied),
            ("57P01", ErrorKind::ConnectionLost),
            ("08006", ErrorKind::ConnectionLost),
            ("25P02", ErrorKind::Aborted),
            ("22012", ErrorKind::Other),
            ("0A000", ErrorKind::Other),
        ] {
            assert_eq!(of(code), kind, "{code}");
        }
    }

    #[test]
    fn policy_refusal_differs_from_missing_privilege_in_every_language() {
        let english = Fields {
            code: "42501",
            message: "new row violates row-level security policy \"mine\" for table \"orders\"",
            ..Fields::default()
        };
        let finding = judge(&english);
        assert_eq!(finding.kind, ErrorKind::ForeignTenant);
        assert_eq!(finding.violation.table.as_deref(), Some("orders"));
        let german = Fields {
            code: "42501",
            message: "neue Zeile verletzt Policy für Sicherheit auf Zeilenebene für Tabelle »orders«",
            routine: Some("ExecWithCheckOptions"),
            ..Fields::default()
        };
        assert_eq!(judge(&german).kind, ErrorKind::ForeignTenant);
    }

    #[test]
    fn stale_plan_is_told_from_what_is_not_supported() {
        let stale = Fields {
            code: "0A000",
            message: "Ergebnistyp darf sich nicht ändern",
            routine: Some("RevalidateCachedQuery"),
            ..Fields::default()
        };
        assert_eq!(judge(&stale).kind, ErrorKind::StalePlan);
    }

    #[test]
    fn columns_come_from_the_detail_and_else_from_the_lookup() {
        let mut fields = Fields {
            code: "23505",
            table: Some("parcels"),
            constraint: Some("uq_parcels_code"),
            detail: Some("Key (number)=(7) already exists."),
            ..Fields::default()
        };
        assert_eq!(judge(&fields).violation.columns, ["number"]);
        // The test's lookup stands in `columns`.
        for hidden in [None, Some("Schlüssel »(number)=(7)« existiert bereits.")] {
            fields.detail = hidden;
            let violation = judge(&fields).violation;
            assert_eq!(violation.columns, ["tenant_id", "code"]);
            assert_eq!(violation.constraint.as_deref(), Some("uq_parcels_code"));
        }
    }

    #[test]
    fn columns_of_a_foreign_key_are_those_that_refer() {
        let missing = "Key (tenant_id, order_id)=(a, 1) is not present in table \"orders\".";
        let columns = referring_columns(missing).expect("told");
        assert_eq!(columns, ["tenant_id", "order_id"]);
        let referred = "Key (id)=(1) is still referenced from table \"order_lines\".";
        assert_eq!(referring_columns(referred), None);
        let odd = "Key (o'key)=(it's) is not present in table \"orders\".";
        assert_eq!(referring_columns(odd), None);
    }

    #[test]
    fn expression_stands_as_the_database_writes_it() {
        let detail = "Key (lower(email), COALESCE(x, ')=('::text))=(a, b) already exists.";
        let columns = key_columns(detail).expect("told");
        assert_eq!(columns, ["lower(email)", "COALESCE(x, ')=('::text)"]);
    }

    proptest! {
        #[test]
        fn quoted_columns_come_back_and_values_do_not(
            names in prop::collection::vec("[^\\x00]{1,12}", 1..4),
            values in ".{0,40}",
        ) {
            let quoted: Vec<String> = names
                .iter()
                .map(|name| format!("\"{}\"", name.replace('"', "\"\"")))
                .collect();
            let detail = format!("Key ({})=({values}) already exists.", quoted.join(", "));
            prop_assert_eq!(key_columns(&detail), Some(names));
        }

        #[test]
        fn any_text_is_borne(text in ".*", tail in ".*") {
            key_columns(&text);
            referring_columns(&format!("Key ({tail}"));
            policy_table(&text);
        }
    }
}
