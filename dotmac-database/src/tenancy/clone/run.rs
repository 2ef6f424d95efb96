//! The copy, from the first look to the last one.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, TransactionSession, TransactionTrait};

use super::catalog::{parameter, postgres_only, read};
use super::compare::differences;
use super::order::{Kind, Object, in_order};
use super::refusal::{not_clonable, verify_apart, verify_clonable, verify_texts};
use super::rights;
use super::rows::Copying;
use super::scene::{Scene, look_into, look_into_none};
use crate::context::SchemaName;
use crate::error::{Result, TenancyError};
use crate::ident::{literal, quote};

const OBJECTS: &str = include_str!("sql/objects.sql");
const PARTS: &str = include_str!("sql/parts.sql");

/// The steps of parts.sql before the rows come.
const TABLE_STEPS: [&str; 4] = ["attach", "identity", "owned sequence", "column"];
const KEY_STEPS: [&str; 2] = ["key", "key option"];
/// Those that follow the keys, on which views may depend.
const LAST_STEPS: [&str; 16] = [
    "view column",
    "default",
    "check",
    "index",
    "index column",
    "index partition",
    "foreign key",
    "statistics",
    "trigger",
    "trigger state",
    "replica identity",
    "cluster",
    "policy",
    "row security",
    "comment",
    "owner",
];

/// Which rows a copy has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloneData {
    /// Only those of `seaql_migrations`: the copy is at the version of the original.
    None,
    /// All, with the values of the sequences.
    All,
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cloned {
    /// How many tables, partitions included.
    pub tables: usize,
    /// How many rows, those of `seaql_migrations` included.
    pub rows: u64,
}

/// Copies a schema with all that is in it to a new schema, exactly.
///
/// Tables with columns, defaults, generated and identity columns, storage and options; partitions; own
/// sequences; enumerations, domains, composite types; indexes, keys, checks, foreign keys, statistics;
/// triggers, functions, procedures; views and materialized views; policies and row-level security;
/// owners, rights, default privileges, comments. What is named within the schema is within the copy: a
/// default uses the copy's sequence, a foreign key points to the copy's table. What is named in other
/// schemas stays that.
///
/// With [`CloneData::All`], the rows come before indexes and triggers, so that nothing fires.
/// In the copy that is a tenant's schema, a column whose default is the tenant of the context
/// (`app.current_tenant_id`) gets that tenant in every row. A materialized view is computed anew.
///
/// The connection is the migrator's: it takes the right to create schemas in the database, the membership
/// in the owners, and a policy that shows all rows where rows are copied.
///
/// # Guarantees
/// Either the copy is there, and is equal to the original in all that
/// [`compare_schemas`](super::compare_schemas) looks at, or nothing is: what cannot be copied is an error,
/// never left out. All happens in one transaction, or in a savepoint of the one that is given; the
/// original's tables are locked against changes of their structure, and with [`CloneData::All`] against
/// writes.
///
/// Not seen is a name of the schema that a function puts together when it runs.
///
/// # Errors
/// [`TenancyError::UnknownSchema`], [`TenancyError::SchemaExists`]; [`TenancyError::NotClonable`] with the
/// name of the object: operators, aggregates, ranges, collations, text search and foreign tables, members
/// of extensions, tables that inherit, rules, tables of publications, texts that name the schema, and
/// whatever else is not in the list above; [`Error::Unsupported`](crate::Error::Unsupported) on SQLite;
/// the database's.
///
/// # Cancel safety
/// A future that is dropped leaves nothing, or the whole copy where the commit was under way.
pub async fn clone_schema<C>(
    from: &SchemaName,
    to: &SchemaName,
    data: CloneData,
    db: &C,
) -> Result<Cloned>
where
    C: ConnectionTrait + TransactionTrait,
{
    postgres_only(db)?;
    let tx = db.begin().await?;
    let scene = Scene::set(&tx).await?;
    let cloned = copy(from, to, data, &tx).await?;
    scene.leave(&tx).await?;
    tx.commit().await?;
    Ok(cloned)
}

async fn copy<C: ConnectionTrait>(
    from: &SchemaName,
    to: &SchemaName,
    data: CloneData,
    tx: &C,
) -> Result<Cloned> {
    let all_rows = data == CloneData::All;
    let (owner, comment) = existing(from, to, tx).await?;
    lock_tables(from, all_rows, tx).await?;
    verify_clonable(from, all_rows, tx).await?;

    look_into(from, tx).await?;
    verify_texts(from, tx).await?;
    let objects = in_order(objects(from, tx).await?)?;
    let mut steps = parts(from, tx).await?;
    let copying = Copying::read(from, to, all_rows, tx).await?;
    let wanted = rights::held(from, tx).await?;
    let mut take = |names: &[&str]| -> Vec<String> {
        let steps = names.iter().filter_map(|&name| steps.remove(name));
        steps.flatten().collect()
    };

    create(to, &owner, comment.as_deref(), tx).await?;
    look_into(to, tx).await?;
    run(&rights::on_schema(&wanted, to), tx).await?;
    run(&sql_of(&objects.early), tx).await?;
    run(&take(&TABLE_STEPS), tx).await?;
    let rows = copying.run(tx).await?;
    run(&take(&KEY_STEPS), tx).await?;
    run(&sql_of(&objects.late), tx).await?;
    run(&take(&LAST_STEPS), tx).await?;
    let found = rights::held(to, tx).await?;
    run(&rights::alignment(&wanted, &found, to), tx).await?;

    look_into_none(tx).await?;
    verify_apart(from, to, tx).await?;
    if let Some(difference) = differences(from, to, tx).await?.into_iter().next() {
        let reason = format!("the copy would not be equal: {}", difference.change);
        return Err(not_clonable(difference.object, reason));
    }
    let is_table = |object: &&Object| object.kind == Kind::Table;
    Ok(Cloned {
        tables: objects.early.iter().filter(is_table).count(),
        rows,
    })
}

/// Makes sure that one schema exists and the other does not, and waits for those who make the same. Tells
/// the owner and the comment of the first.
async fn existing<C: ConnectionTrait>(
    from: &SchemaName,
    to: &SchemaName,
    tx: &C,
) -> Result<(String, Option<String>)> {
    let key = literal(&format!("dotmac_clone.{to}"));
    let lock = format!("SELECT pg_advisory_xact_lock(hashtextextended({key}, 0))");
    tx.execute_unprepared(&lock).await?;
    let sql = "SELECT nspname::text AS name, pg_get_userbyid(nspowner)::text AS owner, \
         obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace \
         WHERE nspname = $2::text OR nspname = $1::text AND has_schema_privilege(oid, 'USAGE')";
    let schemas = [parameter(from), parameter(to)];
    let mut original = None;
    for [name, owner, comment] in read(sql, schemas, ["name", "owner", "comment"], tx).await? {
        if name.as_deref() == Some(to.as_str()) {
            let schema = to.to_string();
            return Err(TenancyError::SchemaExists { schema }.into());
        }
        original = owner.map(|owner| (owner, comment));
    }
    let schema = from.to_string();
    original.ok_or_else(|| TenancyError::UnknownSchema { schema }.into())
}

/// Keeps the tables as they are, and their rows where they are copied.
async fn lock_tables<C: ConnectionTrait>(from: &SchemaName, all: bool, tx: &C) -> Result<()> {
    let sql = "SELECT format('%I.%I', nspname, relname) AS name, (relname = 'seaql_migrations')::text \
         AS record FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
         WHERE nspname = $1::text AND relkind IN ('r', 'p') ORDER BY relname";
    let (mut read_only, mut structure) = (Vec::new(), Vec::new());
    for [name, record] in read(sql, [parameter(from)], ["name", "record"], tx).await? {
        let copied = all || record.as_deref() == Some("true");
        let list = if copied {
            &mut read_only
        } else {
            &mut structure
        };
        list.extend(name);
    }
    for (names, mode) in [(structure, "ACCESS SHARE"), (read_only, "SHARE")] {
        if !names.is_empty() {
            let lock = format!("LOCK TABLE {} IN {mode} MODE", names.join(", "));
            tx.execute_unprepared(&lock).await?;
        }
    }
    Ok(())
}

async fn objects<C: ConnectionTrait>(from: &SchemaName, tx: &C) -> Result<Vec<Object>> {
    let columns = ["key", "kind", "name", "sql", "needs"];
    let rows = read(OBJECTS, [parameter(from)], columns, tx).await?;
    let object = |[key, kind, name, sql, needs]: [Option<String>; 5]| Object {
        key: key.unwrap_or_default(),
        kind: match kind.as_deref() {
            Some("table") => Kind::Table,
            Some("view") => Kind::View,
            _ => Kind::Other,
        },
        name: name.unwrap_or_default(),
        sql: sql.unwrap_or_default(),
        needs: needs
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
    };
    Ok(rows.into_iter().map(object).collect())
}

async fn parts<C: ConnectionTrait>(
    from: &SchemaName,
    tx: &C,
) -> Result<HashMap<String, Vec<String>>> {
    let mut steps: HashMap<String, Vec<String>> = HashMap::new();
    for [step, sql] in read(PARTS, [parameter(from)], ["step", "sql"], tx).await? {
        steps
            .entry(step.unwrap_or_default())
            .or_default()
            .extend(sql);
    }
    Ok(steps)
}

async fn create<C: ConnectionTrait>(
    schema: &SchemaName,
    owner: &str,
    comment: Option<&str>,
    tx: &C,
) -> Result<()> {
    let (schema, owner) = (schema.sql(), quote(owner));
    let mut sql = format!("CREATE SCHEMA {schema} AUTHORIZATION {owner}");
    if let Some(comment) = comment {
        sql.push_str(&format!(
            "; COMMENT ON SCHEMA {schema} IS {}",
            literal(comment)
        ));
    }
    tx.execute_unprepared(&sql).await?;
    Ok(())
}

fn sql_of(objects: &[Object]) -> Vec<String> {
    objects.iter().map(|object| object.sql.clone()).collect()
}

/// All in one round trip.
async fn run<C: ConnectionTrait>(statements: &[String], tx: &C) -> Result<()> {
    if statements.is_empty() {
        return Ok(());
    }
    // A statement may end in a comment of a function's body.
    tx.execute_unprepared(&statements.join("\n;")).await?;
    Ok(())
}
