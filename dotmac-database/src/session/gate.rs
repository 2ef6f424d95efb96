//! A look at raw SQL before it is sent: what would end the transaction, or change its context or
//! role, is refused with a typed error; what may stay on the connection is told.
//!
//! The gate reads the text that the program sends. It cannot see into functions, DO blocks or
//! dynamic SQL; there, row-level security and the role's missing privileges hold.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

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

/// Names that a statement of any kind can change a setting by: themselves, spelled in escapes
/// (`U&"…"`), or inside of a text that functions of PostgreSQL and its extensions run as SQL.
const SETTERS: [&str; 18] = [
    "SET_CONFIG",
    "PG_SETTINGS",
    "U&",
    "QUERY_TO_XML",
    "QUERY_TO_XMLSCHEMA",
    "QUERY_TO_XML_AND_XMLSCHEMA",
    "TS_STAT",
    "TS_REWRITE",
    "CONNECTBY",
    "CROSSTAB",
    "CROSSTAB2",
    "CROSSTAB3",
    "CROSSTAB4",
    "DBLINK",
    "DBLINK_EXEC",
    "DBLINK_OPEN",
    "DBLINK_SEND_QUERY",
    "XPATH_TABLE",
];

/// Parts of all names that [`check`] looks for in a single query; a query without any is plain.
static SUSPICIOUS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let parts = [
        "set_config",
        "pg_sett",
        "query_to",
        "ts_stat",
        "ts_rewrite",
        "connectby",
        "crosstab",
        "dblink",
        "xpath_table",
        "advisory",
        "temp",
    ];
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(parts)
        .ok()
});

/// What the gate lets pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// A single query or change of rows.
    Plain,
    /// Anything else: it may leave something on the connection.
    Raw,
}

/// Whose the connection is once the transaction has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// The pool's, which takes away what is left on it.
    Own,
    /// Any client's of PgBouncer.
    Anybodys,
}

/// Refuses `sql` if a statement of it belongs to the session, or would outlive its transaction on a
/// connection that is another client's by then.
pub fn check(sql: &str, afterwards: Afterwards) -> Result<Passed> {
    let is_single = is_single(sql);
    if is_single && !is_suspicious(sql) {
        return Ok(Passed::Plain);
    }
    let mut passed = match is_single {
        true => Passed::Plain,
        false => Passed::Raw,
    };
    for words in statements(sql) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if belongs_to_the_session(&words) {
            return Err(Error::ContextChange {
                statement: words.first().copied().unwrap_or_default().to_owned(),
            });
        }
        if let Some(what) = outlives(&words) {
            if afterwards == Afterwards::Anybodys {
                return Err(Error::Pooled { what });
            }
            passed = Passed::Raw;
        }
    }
    Ok(passed)
}

// What SeaORM builds begins like this; a prepared statement is one statement only, and more than
// one is found by its semicolon.
fn is_single(sql: &str) -> bool {
    ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH "]
        .iter()
        .any(|start| sql.starts_with(start))
        && !sql.contains([';', '&'])
}

fn is_suspicious(sql: &str) -> bool {
    SUSPICIOUS.as_ref().is_none_or(|parts| parts.is_match(sql))
}

fn belongs_to_the_session(words: &[&str]) -> bool {
    match words {
        [first, ..] if CONTROL.contains(first) => true,
        ["ALTER", "ROLE" | "USER", ..] => true,
        ["SET", "SESSION" | "LOCAL", name, ..] | ["SET", name, ..] if is_ours(name) => true,
        words => words.iter().any(|word| SETTERS.contains(word)),
    }
}

/// What of a statement stays on the connection after its transaction, if it says so.
fn outlives(words: &[&str]) -> Option<&'static str> {
    match words {
        ["SET", "LOCAL" | "CONSTRAINTS", ..] => None,
        ["SET", ..] => Some("SET without LOCAL"),
        ["LISTEN", ..] => Some("LISTEN"),
        ["LOAD", ..] => Some("LOAD"),
        ["DECLARE", ..] => words
            .windows(2)
            .any(|pair| pair == ["WITH", "HOLD"])
            .then_some("a cursor WITH HOLD"),
        ["CREATE", "OR", "REPLACE", kind, ..] if is_temporary(kind) => Some("a temporary table"),
        ["CREATE", "LOCAL" | "GLOBAL", kind, ..] | ["CREATE", kind, ..] if is_temporary(kind) => {
            Some("a temporary table")
        }
        _ if selects_into_temporary(words) => Some("a temporary table"),
        words => words
            .iter()
            .any(|word| {
                word.starts_with("PG_ADVISORY_LOCK") || word.starts_with("PG_TRY_ADVISORY_LOCK")
            })
            .then_some("an advisory lock of the session"),
    }
}

/// A setting, or a part of the session, that belongs to the context.
fn is_ours(name: &str) -> bool {
    name.starts_with("APP.")
        || name.starts_with("DEFAULT_TRANSACTION_")
        || matches!(
            name,
            // The gate would read strings otherwise than the server.
            "STANDARD_CONFORMING_STRINGS"
                | "APP"
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

fn is_temporary(word: &str) -> bool {
    matches!(word, "TEMP" | "TEMPORARY")
}

/// `SELECT … INTO TEMP t`, and not `INSERT INTO temp`.
fn selects_into_temporary(words: &[&str]) -> bool {
    words.windows(3).any(|three| match three {
        ["INSERT" | "MERGE", "INTO", _] => false,
        [_, "INTO", "LOCAL" | "GLOBAL"] => true,
        [_, "INTO", kind] => is_temporary(kind),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(sql: &str, expected: bool) {
        assert_eq!(check(sql, Afterwards::Own).is_err(), expected, "{sql}");
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
            "SET standard_conforming_strings = off",
            "SELECT query_to_xml('SELECT set_config(''app.x'', ''b'', true)', true, true, '')",
            "SELECT * FROM ts_stat($1)",
            "SELECT \"ts_rewrite\"($1::tsquery, $2::text)",
            "SELECT * FROM dblink_exec('dbname=shop', 'x')",
            "SELECT * FROM crosstab3($1)",
            "SET LOCAL U&\"app\\002ecurrent_tenant_id\" = 'b'",
            "SELECT $😀$ ' $😀$; COMMIT; SELECT $😀$ ' $😀$",
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

    #[track_caller]
    fn passes(sql: &str, as_what: Passed) {
        let passed = check(sql, Afterwards::Own).expect(sql);
        assert_eq!(passed, as_what, "{sql}");
    }

    // What is raw costs a round trip in the background: a column's name must not.
    #[test]
    fn single_statements_are_plain_whatever_their_columns_are_called() {
        for sql in [
            "SELECT \"rights_status\", \"configuration\" FROM \"templates\"",
            "UPDATE \"orders\" SET \"temp\" = $1 RETURNING \"temperature\"",
            "INSERT INTO \"notes\" (\"body\") VALUES ('set_config')",
            "INSERT INTO \"readings\" (\"temp\", \"temporary\") VALUES ($1, $2)",
            "INSERT INTO temp VALUES (1)",
            "SELECT * FROM \"dblink_jobs\" WHERE \"crosstab_of\" = $1",
            "SELECT pg_advisory_xact_lock($1)",
            "WITH x AS (SELECT 1) SELECT * FROM x",
        ] {
            passes(sql, Passed::Plain);
            check(sql, Afterwards::Anybodys).expect(sql);
        }
        passes("SET LOCAL work_mem = '1MB'", Passed::Raw);
        passes("select 1", Passed::Raw);
    }

    #[test]
    fn what_outlives_the_transaction_is_raw_and_refused_behind_pgbouncer() {
        for (sql, expected) in [
            (
                "SELECT pg_advisory_lock($1)",
                "an advisory lock of the session",
            ),
            (
                "SELECT PG_TRY_Advisory_Lock_Shared(1, 2)",
                "an advisory lock of the session",
            ),
            (
                "SELECT * INTO TEMPORARY mine FROM orders",
                "a temporary table",
            ),
            ("CREATE TEMP TABLE t (n int)", "a temporary table"),
            (
                "CREATE LOCAL TEMPORARY TABLE t (n int)",
                "a temporary table",
            ),
            (
                "CREATE OR REPLACE TEMP VIEW v AS SELECT 1",
                "a temporary table",
            ),
            (
                "WITH x AS (SELECT 1) SELECT * INTO LOCAL TEMP t FROM x",
                "a temporary table",
            ),
            (
                "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
                "a cursor WITH HOLD",
            ),
            ("LISTEN news", "LISTEN"),
            ("SET work_mem = '1MB'", "SET without LOCAL"),
            ("SET SESSION work_mem = '1MB'", "SET without LOCAL"),
            ("SELECT 1; LOAD 'auto_explain'", "LOAD"),
        ] {
            passes(sql, Passed::Raw);
            match check(sql, Afterwards::Anybodys) {
                Err(Error::Pooled { what }) => assert_eq!(what, expected, "{sql}"),
                passed => panic!("{sql}: {passed:?}"),
            }
        }
        for sql in [
            "DECLARE c CURSOR FOR SELECT 1",
            "SET CONSTRAINTS ALL DEFERRED",
        ] {
            check(sql, Afterwards::Anybodys).expect(sql);
        }
    }
}
