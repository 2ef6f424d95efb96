//! Copies the rows of a tenant from one database to another, by COPY through this process.
//!
//! Seam into SeaORM 2.0: the pool behind a `DatabaseConnection` gives connections of sqlx, which can COPY.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::TryStreamExt;
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr, TransactionTrait};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use super::checksum::{self, Checksums};
use super::place::RowPlace;
use super::plan::{Table, paired};
use super::side::{Side, immovable, lock};
use crate::context::TenantId;
use crate::error::{Error, Result};
use crate::ident::quote;
use crate::tenancy::clone::{Scene, settings};

/// A schema of a database, with connections that nobody else uses.
#[derive(Debug, Clone)]
pub struct RowSite {
    /// A pool of the migrator's, with two connections or more.
    pub db: DatabaseConnection,
    /// The schema.
    pub place: RowPlace,
}

/// The tables that rows pass through: COPY FROM does not work on tables with policies.
const STAGING: &str = "dotmac_moving";

/// How many bytes go to the target at a time, and a row at least.
const PIECE: usize = 64 * 1024;

impl RowSite {
    /// Refuses a tenant that has rows here.
    ///
    /// # Errors
    /// [`TenancyError::NotClonable`](crate::TenancyError::NotClonable); the database's.
    pub async fn refuse_rows_of(&self, tenant: &TenantId) -> Result<()> {
        let tx = self.db.begin().await?;
        Scene::set(&tx).await?;
        let sides = Side::read_all(tenant, &self.place, &tx).await?;
        if !sides.is_empty() {
            let found = Checksums::take(&sides, &tx).await?;
            found.refuse_any(&taken(&self.place))?;
        }
        Ok(tx.rollback().await?)
    }

    async fn sides(&self, tenant: &TenantId) -> Result<Vec<Side>> {
        let tx = self.db.begin().await?;
        Scene::set(&tx).await?;
        let sides = Side::read_all(tenant, &self.place, &tx).await?;
        tx.rollback().await?;
        Ok(sides)
    }

    /// A connection inside of a transaction, which the server rolls back where it is dropped.
    async fn open(&self, characteristics: &str) -> Result<PgConnection> {
        let pool = self.db.get_postgres_connection_pool();
        let connection = pool.acquire().await.map_err(error)?;
        let mut connection = connection.detach();
        let begin = format!(
            "BEGIN {characteristics}; SET LOCAL idle_in_transaction_session_timeout = 0; \
             SET LOCAL statement_timeout = 0; {}",
            settings()
        );
        run(begin, &mut connection).await?;
        Ok(connection)
    }
}

/// Copies the rows of a tenant to another database and verifies them. `confirm` is asked before the copy is
/// committed.
///
/// The source is read in one snapshot, piece by piece, while others go on writing to it. Those who write to
/// the target's tables wait only while the rows that have arrived are put into them.
///
/// # Errors
/// As [`copy_rows`](super::copy_rows); those of `confirm`.
///
/// # Cancel safety
/// A future that is dropped leaves nothing, or everything where the commit was under way.
pub async fn copy_across(
    tenant: &TenantId,
    from: &RowSite,
    to: &RowSite,
    confirm: impl AsyncFnOnce() -> Result<()>,
) -> Result<Checksums> {
    let tables = both(tenant, from, to).await?;
    let mut source = from
        .open("ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let mut target = to.open("ISOLATION LEVEL READ COMMITTED").await?;
    let sources = tables.iter().map(|it| &it.source);
    run(lock(sources, "ACCESS SHARE"), &mut source).await?;
    let mut staged = HashMap::new();
    for table in &tables {
        let staging = format!("{STAGING}_{}", staged.len());
        let staging = format!("{}.{}", quote(to.place.name()), quote(&staging));
        stage(table, &staging, &mut source, &mut target).await?;
        staged.insert(table.target.name.clone(), staging);
    }
    let targets = tables.iter().map(|it| &it.target);
    run(lock(targets, "SHARE ROW EXCLUSIVE"), &mut target).await?;
    // What was read of columns and triggers has to be true now.
    let tables = both(tenant, from, to).await?;
    let targets: Vec<&Side> = tables.iter().map(|it| &it.target).collect();
    let found = checksums(&targets, &mut target).await?;
    found.refuse_any(&taken(&to.place))?;
    run(filling(&tables, &staged)?.join(";"), &mut target).await?;

    let sources: Vec<&Side> = tables.iter().map(|it| &it.source).collect();
    let read = checksums(&sources, &mut source).await?;
    let written = checksums(&targets, &mut target).await?;
    read.verify(
        &written,
        "the rows of the tenant are not the same on both sides",
    )?;
    confirm().await?;
    run("COMMIT".to_owned(), &mut target).await?;
    for connection in [source, target] {
        connection.close().await.map_err(error)?;
    }
    Ok(read)
}

/// The statements that put the rows into the tables.
fn filling(tables: &[Table], staged: &HashMap<String, String>) -> Result<Vec<String>> {
    let targets = || tables.iter().map(|it| &it.target);
    let mut statements = vec!["SET CONSTRAINTS ALL DEFERRED".to_owned()];
    statements.extend(targets().flat_map(|side| side.off.clone()));
    for target in targets() {
        let (columns, place) = (target.columns(), &target.place);
        let Some(staging) = staged.get(&target.name) else {
            return Err(immovable(&target.name, "it was made during the move"));
        };
        statements.push(format!(
            "INSERT INTO {place} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {staging}"
        ));
        statements.push(format!("DROP TABLE {staging}"));
    }
    // Foreign keys that wait for the commit would forbid a change of the tables.
    statements.push("SET CONSTRAINTS ALL IMMEDIATE".to_owned());
    statements.extend(targets().flat_map(|side| side.on.clone()));
    let sequels = tables.iter().map(|it| it.target.sequels(&it.source));
    statements.extend(sequels.flatten());
    Ok(statements)
}

fn taken(place: &RowPlace) -> String {
    format!("schema \"{place}\" of the other database has rows of the tenant already")
}

async fn both(tenant: &TenantId, from: &RowSite, to: &RowSite) -> Result<Vec<Table>> {
    let sources = from.sides(tenant).await?;
    let targets = to.sides(tenant).await?;
    paired(&from.place, sources, &to.place, targets)
}

/// Has the rows of one table arrive in a table of the transaction's own.
async fn stage(
    table: &Table,
    staging: &str,
    source: &mut PgConnection,
    target: &mut PgConnection,
) -> Result<()> {
    let columns = table.target.columns();
    let create = format!(
        "CREATE UNLOGGED TABLE {staging} AS SELECT {columns} FROM {} WITH NO DATA",
        table.target.place,
    );
    run(create, target).await?;
    let out = format!(
        "COPY (SELECT {columns} FROM {} WHERE {}) TO STDOUT",
        table.source.place,
        table.source.condition(),
    );
    let into = format!("COPY {staging} ({columns}) FROM STDIN");
    let mut rows = source.copy_out_raw(&out).await.map_err(error)?;
    let mut sink = target.copy_in_raw(&into).await.map_err(error)?;
    // The server sends row by row; each send of ours would be a message to the system.
    let mut piece = Vec::with_capacity(PIECE);
    while let Some(row) = rows.try_next().await.map_err(error)? {
        piece.extend_from_slice(&row);
        if piece.len() >= PIECE {
            sink.send(piece.as_slice()).await.map_err(error)?;
            piece.clear();
        }
    }
    sink.send(piece.as_slice()).await.map_err(error)?;
    sink.finish().await.map_err(error)?;
    Ok(())
}

async fn checksums(sides: &[&Side], connection: &mut PgConnection) -> Result<Checksums> {
    let sql = AssertSqlSafe(checksum::query(sides.iter().copied()));
    let rows = sqlx::raw_sql(sql)
        .fetch_all(connection)
        .await
        .map_err(error)?;
    rows.iter()
        .map(|row| Ok((row.try_get("name")?, row.try_get("rows")?)))
        .collect::<Result<_, sqlx::Error>>()
        .map_err(error)
}

async fn run(sql: String, connection: &mut PgConnection) -> Result<()> {
    let ran = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
    ran.map(drop).map_err(error)
}

fn error(error: sqlx::Error) -> Error {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error))).into()
}
