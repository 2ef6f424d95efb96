//! A database in which shared migrations and those of tenants run remembers each apart.

use dotmac_database::migrate::Fleet;
use dotmac_database::rls::Login;
use dotmac_database::tenancy::TenantState;
use dotmac_database::testing::MigratedDatabase;
use sea_orm::{ConnectOptions, DatabaseConnection};
use sea_orm_migration::MigratorTrait;

use super::fleet_bed::{Bed, New, Nothing, Old, Shared, id, new};
use super::relocation_bed::placement;
use super::site::{run, texts};
use crate::support::server;

const COMMON: &str = "seaql_migrations";
const APART: &str = "seaql_migrations_tenant";

/// A fleet that has one other database, and whoever sees everything there.
async fn elsewhere(database: &MigratedDatabase<'_>) -> (Fleet<Shared, New>, DatabaseConnection) {
    let url = database.url(Login::Migrator);
    let fleet = new().databases(move |_| {
        let url = url.clone();
        async move { Ok(sea_orm::Database::connect(url).await?) }
    });
    let admin = sea_orm::Database::connect(database.superuser_url()).await;
    (fleet, admin.unwrap())
}

async fn remembered(table: &str, db: &DatabaseConnection) -> Vec<String> {
    let sql = format!("SELECT version::text FROM {table} ORDER BY 1");
    texts(&sql, db).await
}

#[tokio::test]
async fn tenants_migrations_run_beside_the_shared_ones() {
    let bed = Bed::open().await;
    let other = server().migrated::<Shared>("history_both").await.unwrap();
    let (fleet, there) = elsewhere(&other).await;
    let eu = placement("database:eu");
    let created = fleet.create(&id("a"), &eu, &bed.migrator).await.unwrap();
    assert_eq!(created.state, TenantState::Active);
    assert_eq!(remembered(COMMON, &there).await, ["m1_directory"]);
    assert_eq!(remembered(APART, &there).await, ["m1_notes", "m2_bodies"]);
    // Neither is in the way of the other's next run.
    let migrator = sea_orm::Database::connect(other.url(Login::Migrator)).await;
    Shared::up(&migrator.unwrap(), None).await.unwrap();
    let behind = "UPDATE dotmac_tenants SET schema_version = NULL";
    run(behind, &bed.admin).await;
    let plan = fleet.plan(&bed.migrator).await.unwrap();
    assert_eq!(plan.tenants[0].pending, [""; 0]);
    assert!(fleet.run(&bed.migrator).await.unwrap().is_complete());
}

#[tokio::test]
async fn what_an_older_version_remembered_of_tenants_is_taken_over() {
    let bed = Bed::open().await;
    let other = server().migrated::<Old>("history_older").await.unwrap();
    let (fleet, there) = elsewhere(&other).await;
    let registered = "INSERT INTO dotmac_tenants (tenant_id, state, placement, schema_version) \
        VALUES ('a', 'active', 'database:eu', '1 m1_notes')";
    run(registered, &bed.admin).await;
    assert_eq!(remembered(COMMON, &there).await, ["m1_notes"]);
    let plan = fleet.plan(&bed.migrator).await.unwrap();
    assert_eq!(plan.tenants[0].pending, ["m2_bodies"]);
    assert_eq!(fleet.run(&bed.migrator).await.unwrap().done, [id("a")]);
    assert_eq!(remembered(COMMON, &there).await, [""; 0]);
    assert_eq!(remembered(APART, &there).await, ["m1_notes", "m2_bodies"]);
    let migrator = sea_orm::Database::connect(other.url(Login::Migrator)).await;
    Shared::up(&migrator.unwrap(), None).await.unwrap();
    assert_eq!(remembered(COMMON, &there).await, ["m1_directory"]);
}

#[tokio::test]
async fn tenants_migrations_run_in_the_schema_that_the_connection_finds_first() {
    let bed = Bed::open().await;
    let other = server().migrated::<Nothing>("history_app").await.unwrap();
    let url = other.url(Login::Migrator);
    let fleet = new().databases(move |_| {
        let mut options = ConnectOptions::new(url.clone());
        options.set_schema_search_path("app");
        async move { Ok(sea_orm::Database::connect(options).await?) }
    });
    let there = sea_orm::Database::connect(other.superuser_url())
        .await
        .unwrap();
    let make = format!("CREATE SCHEMA app AUTHORIZATION {}", other.roles().owner);
    run(&make, &there).await;
    let eu = placement("database:eu");
    fleet.create(&id("a"), &eu, &bed.migrator).await.unwrap();
    let tables = "SELECT schemaname || '.' || tablename FROM pg_tables \
        WHERE tablename IN ('notes', 'seaql_migrations_tenant') ORDER BY 1";
    assert_eq!(
        texts(tables, &there).await,
        ["app.notes", "app.seaql_migrations_tenant"]
    );
}
