//! A database in which `acme` and `beta` have a schema each, beside tables of the same names in `public`.

use dotmac_database::prelude::*;
use dotmac_database::{SchemaName, SearchPath, Tenancy};
use dotmac_database::{migrate, rls};
use migration::entity::{order, order_line, product, tenant, user};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::SchemaManager;
use tokio::sync::OnceCell;

use crate::support::{
    A, B, PASSWORD, Shop, admin, config, context, create_database, roles, server,
};

/// What the order in the tenant's schema is called.
pub const OWN: &str = "own";
/// What the tenant's order in `public` is called.
pub const PUBLIC: &str = "public";

/// A database of its own, whose sessions work in the schemas of their tenants.
pub async fn estate(connections: u32) -> Shop {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let template = TEMPLATE.get_or_init(make_template).await;
    let name = create_database(template).await;
    let config = config(&name).pool_size(connections).max_overflow(0);
    Shop {
        db: Database::connect(config.schemas(SearchPath::tenant()))
            .await
            .unwrap(),
        name,
        a: context(A),
        b: context(B),
    }
}

/// The same pools, with schemas after the tenant's.
pub fn with_path(shop: &Shop, path: SearchPath) -> Database {
    shop.db.with_tenancy(Tenancy::Schemas(path)).unwrap()
}

pub fn schema(name: &str) -> SchemaName {
    SchemaName::parse(name).unwrap()
}

/// Runs SQL as a superuser.
pub async fn by_admin(shop: &Shop, sql: &str) {
    let admin = shop.admin().await;
    admin.execute_unprepared(sql).await.expect(sql);
    admin.close().await.unwrap();
}

/// The numbers of the orders that the session finds, sorted.
pub async fn numbers(tx: &Session) -> Result<Vec<String>, DbErr> {
    let orders = order::Entity::find().all(tx).await?;
    let mut numbers: Vec<_> = orders.into_iter().map(|order| order.number).collect();
    numbers.sort();
    Ok(numbers)
}

/// The first column of the first row.
pub async fn text(tx: &impl ConnectionTrait, sql: &str) -> Result<String, DbErr> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = tx.query_one_raw(statement).await?;
    row.expect(sql).try_get_by_index(0)
}

/// A schema for the tenant with this SQL run in it; the application may read and write all tables.
pub async fn plain_schema(shop: &Shop, tenant: &str, sql: &str) {
    let schema = SchemaName::of(&TenantId::parse(tenant).unwrap()).unwrap();
    let schema = schema.sql();
    let application = roles().application;
    let sql = format!(
        "CREATE SCHEMA IF NOT EXISTS {schema}; SET search_path = {schema}; {sql}; \
         GRANT USAGE ON SCHEMA {schema} TO {application}; \
         GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO {application}"
    );
    by_admin(shop, &sql).await;
}

pub async fn insert_order(tx: &Session, number: &str) -> Result<order::Model, DbErr> {
    let order = order::ActiveModel {
        number: Set(number.to_owned()),
        total_cents: Set(10),
        ..Default::default()
    };
    order.insert(tx).await
}

async fn make_template() -> String {
    let name = create_database("shop").await;
    let rows = Database::connect(config(&name)).await.unwrap();
    let path = Tenancy::Schemas(SearchPath::tenant());
    let schemas = rows.with_tenancy(path).unwrap();
    for tenant in [A, B] {
        migrate(&name, tenant).await;
        for (db, number) in [(&rows, PUBLIC), (&schemas, OWN)] {
            db.write(&context(tenant), async |tx| {
                let tenant = tenant::ActiveModel {
                    name: Set("ltd".into()),
                    ..Default::default()
                };
                tenant.insert(tx).await?;
                insert_order(tx, number).await
            })
            .await
            .unwrap();
        }
    }
    rows.close().await;
    name
}

/// The tables that migrations make in `public`, by the same helpers in the schema of a tenant. The roles
/// are the template's, which `migrate::install` would look for by the name of the database.
async fn migrate(database: &str, tenant: &str) {
    let roles = roles();
    let schema = SchemaName::of(&TenantId::parse(tenant).unwrap()).unwrap();
    let sql = format!(
        "CREATE SCHEMA {schema} AUTHORIZATION {}; GRANT USAGE ON SCHEMA {schema} TO {}, {}",
        roles.owner, roles.application, roles.system,
    );
    let admin = admin(database).await;
    admin.execute_unprepared(&sql).await.unwrap();
    admin.close().await.unwrap();
    let mut options = ConnectOptions::new(server().url(&roles.migrator, PASSWORD, database));
    options
        .max_connections(1)
        .set_schema_search_path(schema.as_str());
    let migrator = sea_orm::Database::connect(options).await.unwrap();
    let manager = SchemaManager::new(&migrator);
    structure::<tenant::Entity>(&manager).await;
    protect::<tenant::Entity>(&migrator).await;
    structure::<user::Entity>(&manager).await;
    protect::<user::Entity>(&migrator).await;
    structure::<product::Entity>(&manager).await;
    rls::share::<product::Entity, _>(&migrator, &roles)
        .await
        .unwrap();
    structure::<order::Entity>(&manager).await;
    protect::<order::Entity>(&migrator).await;
    structure::<order_line::Entity>(&manager).await;
    protect::<order_line::Entity>(&migrator).await;
    migrator.close().await.unwrap();
}

async fn structure<E: EntityTrait>(manager: &SchemaManager<'_>) {
    migrate::create_table::<E>(manager).await.unwrap();
    migrate::create_keys::<E>(manager).await.unwrap();
    migrate::create_indexes::<E>(manager).await.unwrap();
    migrate::create_triggers::<E>(manager).await.unwrap();
}

async fn protect<E: TenantAware>(migrator: &DatabaseConnection) {
    rls::install::<E, _>(migrator, &roles()).await.unwrap();
}
