//! A look at raw SQL before it is sent: what would end the transaction, or change its context or
//! role, is refused with a typed error.
//!
//! The gate reads the text that the program sends. It cannot see into functions, DO blocks or
//! dynamic SQL; there, row-level security and the role's missing privileges hold.

use crate::error::{Error, Result};
use crate::ident::statements;

const CONTROL: [&str; 11] = [
    "BEGIN",
    "START",
    "COMMIT",
    "END",
    "ROLLBACK",
    "ABORT",
    "SAVEPOINT",
    "RELEASE",
    "PREPARE",
    "DISCARD",
    "RESET",
];

/// What the gate lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// A single query or change of rows.
    Plain,
    /// Anything else: it may leave something on the connection.
    Raw,
}

/// Refuses `sql` if a statement of it belongs to the session.
pub fn check(sql: &str) -> Result<Passed> {
    if is_plain(sql) {
        return Ok(Passed::Plain);
    }
    for words in statements(sql) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let refused = match words.as_slice() {
            [first, ..] if CONTROL.contains(first) => true,
            ["ALTER", "ROLE" | "USER", ..] => true,
            ["SET", "SESSION" | "LOCAL", name, ..] | ["SET", name, ..] => is_ours(name),
            // `U&"…"` spells any name without writing it.
            words => ["SET_CONFIG", "PG_SETTINGS", "U&"]
                .iter()
                .any(|word| words.contains(word)),
        };
        if refused {
            return Err(Error::ContextChange {
                statement: words.first().copied().unwrap_or_default().to_owned(),
            });
        }
    }
    Ok(Passed::Raw)
}

// What SeaORM builds begins like this; a prepared statement is one statement only, and more than
// one is found by its semicolon. `config` and `pg_sett` stand for the two names that a single
// query could change a setting by.
fn is_plain(sql: &str) -> bool {
    let suspicious =
        |text: &[u8]| text.eq_ignore_ascii_case(b"config") || text.eq_ignore_ascii_case(b"g_sett");
    ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "]
        .iter()
        .any(|start| sql.starts_with(start))
        && !sql.contains([';', '&'])
        && !sql.as_bytes().windows(6).any(suspicious)
}

/// A setting, or a part of the session, that belongs to the context.
fn is_ours(name: &str) -> bool {
    name.starts_with("APP.")
        || name.starts_with("DEFAULT_TRANSACTION_")
        || matches!(
            name,
            "APP"
                | "AUTHORIZATION"
                | "CHARACTERISTICS"
                | "ROLE"
                | "ROW_SECURITY"
                | "SCHEMA"
                | "SEARCH_PATH"
                | "SESSION_AUTHORIZATION"
                | "TRANSACTION"
                | "TRANSACTION_READ_ONLY"
        )
}

#[cfg(test)]
mod tests {
    use super::check;

    #[track_caller]
    fn refused(sql: &str, expected: bool) {
        assert_eq!(check(sql).is_err(), expected, "{sql}");
    }

    #[test]
    fn i05_context_role_and_transaction_belong_to_the_session() {
        for sql in [
            "SET LOCAL app.current_tenant_id = 'b'",
            "set app.current_tenant_id to 'b'",
            "SET \"app\".current_tenant_id = 'b'",
            "SELECT set_config('app.current_tenant_id', 'b', true)",
            "SELECT \"set_config\"('app.current_tenant_id', 'b', true)",
            "SELECT pg_catalog . Set_Config('app.current_tenant_id', 'b', true)",
            "SELECT 1; COMMIT",
            "/* x */ RESET ROLE",
            "SET ROLE postgres",
            "SET SESSION AUTHORIZATION postgres",
            "SET row_security = off",
            "select 1;-- x\n rollback",
            "DISCARD ALL",
            "SET TRANSACTION READ WRITE",
            "SET LOCAL transaction_read_only = off",
            "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
            "SET \"app.current_tenant_id\" = 'b'",
            "SELECT set_COnfig('app.x', 'b', true)",
            "SELECT U&\"set\\005fconfig\"('app.x', 'b', true)",
            "SET SCHEMA 'x'",
            "SET LOCAL SCHEMA 'x'",
            "UPDATE pg_settings SET setting = 'off' WHERE name = 'row_security'",
            "ALTER ROLE CURRENT_USER SET search_path TO nowhere",
            "SELECT $$'$$; ROLLBACK; SELECT $$'$$",
            "SELECT 1 /* /* */ ' */; COMMIT; --'",
            "SELECT 1; --x\rCOMMIT",
        ] {
            refused(sql, true);
        }
    }

    #[test]
    fn other_statements_pass() {
        for sql in [
            "SELECT 'SET LOCAL app.x; COMMIT'",
            "SET LOCAL work_mem = '1MB'",
            "SET CONSTRAINTS ALL DEFERRED",
            "UPDATE orders SET role = 'x'",
            "SELECT \"commit\" FROM products",
            "INSERT INTO notes (body) VALUES ($1)",
            "DO $$ BEGIN PERFORM 1; END $$",
            "DO $body$ BEGIN PERFORM 'it''s; COMMIT'; END $body$",
            "SELECT a & b FROM flags",
        ] {
            refused(sql, false);
        }
    }
}
