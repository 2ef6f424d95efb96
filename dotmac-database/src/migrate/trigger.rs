//! Triggers: stamps for every statement, and the guard of live rows.

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait};
use sea_orm_migration::SchemaManager;

use super::table;
use crate::context::{REQUEST_SETTING, USER_SETTING};
use crate::entity::{Features, description};
use crate::error::{GUARD_MESSAGE, Result, STALE_MESSAGE};
use crate::ident::{literal, object, quote};
use crate::rls::TableName;

/// Creates or replaces the triggers of an entity.
///
/// On PostgreSQL: the stamp trigger, which fills audit and soft-delete columns on every write, and
/// timestamps on every update, bulk and raw statements included, whatever the statement says (an
/// INSERT may give the timestamps, for instance of imported rows), and counts the version up; and the
/// guard, which refuses to remove a row that is not marked as deleted, also by cascade. On SQLite: the
/// guard.
///
/// Both refuse an update that writes another version than the row's or the next one: its writer has
/// not seen what the row is now.
///
/// # Errors
/// The database's.
pub async fn create_triggers<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<()> {
    let Some(entity) = description::<E>() else {
        return Ok(());
    };
    let table = TableName::of::<E>();
    let sql = match manager.get_database_backend() {
        DbBackend::Postgres => postgres(&table, &entity.features),
        _ => sqlite(&table, &entity.features),
    };
    if !sql.is_empty() {
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}

/// Drops what [`create_triggers`] made.
///
/// # Errors
/// The database's.
pub async fn drop_triggers<E: EntityTrait>(manager: &SchemaManager<'_>) -> Result<()> {
    let name_of = TableName::of::<E>();
    let mut sql = String::new();
    let postgres = manager.get_database_backend() == DbBackend::Postgres;
    let exists = table::exists::<E>(manager).await?;
    for kind in ["stamp", "guard"] {
        let name = name(kind, &name_of);
        if postgres {
            if exists {
                sql.push_str(&format!(
                    "DROP TRIGGER IF EXISTS {} ON {};",
                    quote(&name),
                    name_of.sql(),
                ));
            }
            sql.push_str(&format!(
                "DROP FUNCTION IF EXISTS {}();",
                name_of.sibling(&name)
            ));
        } else {
            sql.push_str(&format!("DROP TRIGGER IF EXISTS {};", quote(&name)));
        }
    }
    manager.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}

fn name(kind: &str, table: &TableName) -> String {
    object("dotmac", &[kind, table.bare()])
}

fn postgres(table: &TableName, features: &Features<&'static str>) -> String {
    let mut sql = String::new();
    let body = stamps(features);
    if !body.is_empty() {
        sql.push_str(&trigger(table, "stamp", "INSERT OR UPDATE", &body, "NEW"));
    }
    if let Some(marks) = &features.soft_delete {
        let message = format!("{GUARD_MESSAGE}: %: mark it as deleted instead");
        let body = format!(
            "IF OLD.{} IS NULL THEN RAISE EXCEPTION {}, TG_TABLE_NAME \
             USING ERRCODE = 'restrict_violation'; END IF; ",
            quote(marks.deleted_at),
            literal(&message),
        );
        sql.push_str(&trigger(table, "guard", "DELETE", &body, "OLD"));
    }
    sql
}

// `search_path` is pinned, so that no object of a caller's schema can stand in for a built-in one.
fn trigger(table: &TableName, kind: &str, events: &str, body: &str, result: &str) -> String {
    let name = name(kind, table);
    let function = table.sibling(&name);
    format!(
        "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql \
         SET search_path = pg_catalog, pg_temp AS $dotmac$ BEGIN {body}RETURN {result}; END $dotmac$;\
         DROP TRIGGER IF EXISTS {trigger} ON {table};\
         CREATE TRIGGER {trigger} BEFORE {events} ON {table} FOR EACH ROW \
         EXECUTE FUNCTION {function}();",
        trigger = quote(&name),
        table = table.sql(),
    )
}

fn stamps(features: &Features<&'static str>) -> String {
    let (mut on_insert, mut on_update, mut always) = (String::new(), String::new(), String::new());
    let setting = |name| format!("nullif(current_setting({}, true), '')", literal(name));
    let user = setting(USER_SETTING);
    if let Some(columns) = &features.audit {
        let created_by = quote(columns.created_by);
        on_insert.push_str(&format!("NEW.{created_by} := {user}; "));
        on_update.push_str(&format!("NEW.{created_by} := OLD.{created_by}; "));
        always.push_str(&format!("NEW.{} := {user}; ", quote(columns.updated_by)));
        let request = setting(REQUEST_SETTING);
        always.push_str(&format!("NEW.{} := {request}; ", quote(columns.request_id)));
    }
    if let Some(columns) = &features.timestamps {
        let created_at = quote(columns.created_at);
        on_update.push_str(&format!(
            "NEW.{created_at} := OLD.{created_at}; NEW.{} := statement_timestamp(); ",
            quote(columns.updated_at),
        ));
    }
    if let Some(marks) = &features.soft_delete {
        let at = quote(marks.deleted_at);
        let by = quote(marks.deleted_by);
        let deletion = quote(marks.deletion_id);
        on_insert.push_str(&format!(
            "NEW.{at} := NULL; NEW.{by} := NULL; NEW.{deletion} := NULL; "
        ));
        on_update.push_str(&format!(
            "IF NEW.{at} IS NULL THEN NEW.{by} := NULL; NEW.{deletion} := NULL; \
             ELSIF OLD.{at} IS NULL THEN NEW.{at} := statement_timestamp(); NEW.{by} := {user}; \
             NEW.{deletion} := coalesce(NEW.{deletion}, gen_random_uuid()); \
             ELSE NEW.{at} := OLD.{at}; NEW.{by} := OLD.{by}; NEW.{deletion} := OLD.{deletion}; \
             END IF; "
        ));
    }
    if let Some(version) = features.version {
        let version = quote(version);
        on_update.push_str(&format!(
            "IF NEW.{version} = OLD.{version} THEN NEW.{version} := OLD.{version} + 1; \
             ELSIF NEW.{version} <> OLD.{version} + 1 THEN RAISE EXCEPTION {}, TG_TABLE_NAME; \
             END IF; ",
            literal(&format!("{STALE_MESSAGE}: %: read it again")),
        ));
    }
    if on_insert.is_empty() && on_update.is_empty() && always.is_empty() {
        return String::new();
    }
    let on_insert = if on_insert.is_empty() {
        "NULL; "
    } else {
        &on_insert
    };
    format!("IF TG_OP = 'INSERT' THEN {on_insert}ELSE {on_update}END IF; {always}")
}

fn sqlite(table: &TableName, features: &Features<&'static str>) -> String {
    let mut sql = String::new();
    if let Some(marks) = &features.soft_delete {
        let condition = format!("OLD.{} IS NULL", quote(marks.deleted_at));
        let message = format!(
            "{GUARD_MESSAGE}: {}: mark it as deleted instead",
            table.bare()
        );
        sql.push_str(&refusal(table, "guard", "DELETE", &condition, &message));
    }
    if let Some(version) = features.version {
        let version = quote(version);
        let condition = format!("NEW.{version} <> OLD.{version} + 1");
        let message = format!("{STALE_MESSAGE}: {}: read it again", table.bare());
        let event = format!("UPDATE OF {version}");
        sql.push_str(&refusal(table, "stamp", &event, &condition, &message));
    }
    sql
}

fn refusal(table: &TableName, kind: &str, event: &str, when: &str, message: &str) -> String {
    let trigger = quote(&name(kind, table));
    format!(
        "DROP TRIGGER IF EXISTS {trigger};\
         CREATE TRIGGER {trigger} BEFORE {event} ON {table} WHEN {when} \
         BEGIN SELECT RAISE(ABORT, '{}'); END;",
        message.replace('\'', "''"),
        table = table.sql(),
    )
}
