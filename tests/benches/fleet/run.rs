//! A fleet, made, looked at, and migrated.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use dotmac_database::TenantId;
use dotmac_database::migrate::{Fleet, install_directory};
use dotmac_database::rls::Login;
use dotmac_database::tenancy::{Directory, Placement};
use dotmac_database::testing::ThrowawayPostgres;
use futures_util::{TryStreamExt, stream};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::prelude::*;

use crate::Outcome;

/// How many tables the first migration of a tenant makes.
static TABLES: AtomicUsize = AtomicUsize::new(10);

/// The migrations of a database that all share.
pub struct Shared;

impl MigratorTrait for Shared {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Step::Directory)]
    }
}

/// A program that has so many migrations after the first.
struct Program<const MORE: usize>;

impl<const MORE: usize> MigratorTrait for Program<MORE> {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let columns = ["one", "two"].into_iter().map(Step::Column).take(MORE);
        std::iter::once(Step::Tables)
            .chain(columns)
            .map(|step| -> Box<dyn MigrationTrait> { Box::new(step) })
            .collect()
    }
}

enum Step {
    Directory,
    Tables,
    Column(&'static str),
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        match self {
            Step::Directory => "m1_directory",
            Step::Tables => "m1_tables",
            Step::Column("one") => "m2_column",
            Step::Column(_) => "m3_column",
        }
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = match self {
            Step::Directory => return Ok(install_directory(&Directory::new(), manager).await?),
            Step::Tables => tables(TABLES.load(Ordering::Relaxed)),
            Step::Column(name) => format!("ALTER TABLE t0 ADD COLUMN {name} text"),
        };
        manager.get_connection().execute_unprepared(&sql).await?;
        Ok(())
    }
}

fn tables(count: usize) -> String {
    let table = |n| {
        format!(
            "CREATE TABLE t{n} (id uuid PRIMARY KEY, tenant_id varchar(255) NOT NULL, \
               name text NOT NULL, note text, at timestamptz NOT NULL DEFAULT now()); \
             CREATE INDEX ON t{n} (tenant_id, name);"
        )
    };
    (0..count).map(table).collect()
}

pub async fn measure(schemas: usize, tables: usize) -> Outcome<()> {
    TABLES.store(tables, Ordering::Relaxed);
    let server = tokio::task::spawn_blocking(|| {
        ThrowawayPostgres::start_with(&[
            ("shared_preload_libraries", "pg_stat_statements"),
            ("pg_stat_statements.track_utility", "on"),
            ("max_locks_per_transaction", "256"),
            ("max_wal_size", "1GB"),
            ("shared_buffers", "512MB"),
        ])
    })
    .await??;
    let database = server.migrated::<Shared>("fleet").await?;
    let admin = sea_orm::Database::connect(database.superuser_url()).await?;
    admin
        .execute_unprepared("CREATE EXTENSION pg_stat_statements")
        .await?;
    let db = sea_orm::Database::connect(database.url(Login::Migrator)).await?;
    println!("{schemas} schemas of {tables} tables, one migration behind where migrated");

    let begun = Instant::now();
    let empty = number(SIZE, &admin).await?;
    create(schemas, &db).await?;
    rate("made by migrations, 4 at a time", schemas, begun);
    let bytes = (number(SIZE, &admin).await? - empty) / <i64 as TryFrom<usize>>::try_from(schemas)?;
    println!("each takes {} kB", bytes / 1024);

    let idle = Fleet::<Shared, Program<0>>::new();
    let before = number(QUERIES, &admin).await?;
    let begun = Instant::now();
    let report = idle.run(&db).await?;
    assert_eq!((report.skipped, report.done.len()), (schemas, 0));
    let asked = number(QUERIES, &admin).await? - before;
    println!("nothing to do: {:?}, {asked} queries", begun.elapsed());

    let begun = Instant::now();
    let report = Fleet::<Shared, Program<1>>::new()
        .concurrency(1)
        .run(&db)
        .await?;
    assert!(report.is_complete() && report.done.len() == schemas);
    rate("one column, one at a time", schemas, begun);

    let begun = Instant::now();
    let report = Fleet::<Shared, Program<2>>::new().run(&db).await?;
    assert!(report.is_complete() && report.done.len() == schemas);
    rate("one column, 4 at a time", schemas, begun);
    Ok(())
}

async fn create(schemas: usize, db: &DatabaseConnection) -> Outcome<()> {
    let fleet = &Fleet::<Shared, Program<0>>::new();
    stream::iter((0..schemas).map(Ok))
        .try_for_each_concurrent(4, |n| async move {
            let tenant = TenantId::parse(&format!("t{n}"))?;
            fleet.create(&tenant, &Placement::Schema, db).await?;
            Outcome::Ok(())
        })
        .await
}

const SIZE: &str = "SELECT pg_database_size(current_database()) AS number";

/// How many statements the migrator has run.
const QUERIES: &str = "SELECT coalesce(sum(calls), 0)::bigint AS number FROM pg_stat_statements s \
    JOIN pg_roles r ON r.oid = s.userid WHERE rolname = 'fleet_migrator'";

async fn number(sql: &str, admin: &DatabaseConnection) -> Outcome<i64> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = admin.query_one_raw(statement).await?;
    Ok(row.ok_or("no row")?.try_get("", "number")?)
}

fn rate(what: &str, schemas: usize, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{what}: {seconds:.1} s, {:.0} tenants/s",
        schemas as f64 / seconds
    );
}
