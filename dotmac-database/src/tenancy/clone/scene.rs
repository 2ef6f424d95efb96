//! The settings of a transaction under which definitions are read and run.

use sea_orm::ConnectionTrait;

use super::catalog::read;
use crate::context::SchemaName;
use crate::error::Result;
use crate::ident::literal;

/// Definitions mean the same whatever the connection says; functions may name what comes later; rows
/// that a policy hides are refused before.
const SETTINGS: [(&str, &str); 12] = [
    ("search_path", "pg_catalog, pg_temp"),
    ("check_function_bodies", "off"),
    ("standard_conforming_strings", "on"),
    ("quote_all_identifiers", "off"),
    ("default_tablespace", ""),
    ("client_min_messages", "warning"),
    ("extra_float_digits", "1"),
    ("DateStyle", "ISO"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("bytea_output", "hex"),
    ("jit", "off"),
];

/// What the settings were before.
pub struct Scene {
    before: Vec<(String, String)>,
}

impl Scene {
    /// Sets them, until the transaction ends, or the savepoint is rolled back.
    pub async fn set<C: ConnectionTrait>(tx: &C) -> Result<Self> {
        let names = SETTINGS.map(|(name, _)| name).join(",");
        let sql = "SELECT name, pg_catalog.current_setting(name) AS value \
             FROM pg_catalog.unnest(pg_catalog.string_to_array($1::pg_catalog.text, ',')) name";
        let rows = read(sql, [names.into()], ["name", "value"], tx).await?;
        let before = rows
            .into_iter()
            .map(|[name, value]| (name.unwrap_or_default(), value.unwrap_or_default()))
            .collect();
        assign(SETTINGS, tx).await?;
        Ok(Scene { before })
    }

    /// Sets them to what they were.
    pub async fn leave<C: ConnectionTrait>(self, tx: &C) -> Result<()> {
        let before = self.before.iter();
        assign(
            before.map(|(name, value)| (name.as_str(), value.as_str())),
            tx,
        )
        .await
    }
}

/// The statements that set them, for a transaction that ends with its connection.
pub fn settings() -> String {
    assignments(SETTINGS)
}

/// Makes the schema the first one in which names are looked up.
pub async fn look_into<C: ConnectionTrait>(schema: &SchemaName, tx: &C) -> Result<()> {
    let path = format!("{}, pg_catalog, pg_temp", schema.sql());
    assign([("search_path", path.as_str())], tx).await
}

/// Only PostgreSQL's own names, which nothing in a schema can stand in for.
pub async fn look_into_none<C: ConnectionTrait>(tx: &C) -> Result<()> {
    assign([("search_path", "pg_catalog, pg_temp")], tx).await
}

async fn assign<'s, C: ConnectionTrait>(
    settings: impl IntoIterator<Item = (&'s str, &'s str)>,
    tx: &C,
) -> Result<()> {
    tx.execute_unprepared(&assignments(settings)).await?;
    Ok(())
}

fn assignments<'s>(settings: impl IntoIterator<Item = (&'s str, &'s str)>) -> String {
    let calls: Vec<String> = settings
        .into_iter()
        .map(|(name, value)| {
            let (name, value) = (literal(name), literal(value));
            format!("SELECT pg_catalog.set_config({name}, {value}, true)")
        })
        .collect();
    calls.join(";")
}
