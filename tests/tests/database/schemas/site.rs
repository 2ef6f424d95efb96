//! A database with a schema that holds every kind of object, and questions about it.

use std::time::Duration;

use dotmac_database::SchemaName;
use dotmac_database::tenancy::{CloneData, Cloned, clone_schema, compare_schemas};
use dotmac_database::{Error, TenancyError};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tokio::sync::OnceCell;

use crate::support::{PASSWORD, admin, create_database, roles, server};

/// The schema of `template.sql`.
pub const TEMPLATE: &str = "template";

pub fn schema(name: &str) -> SchemaName {
    SchemaName::parse(name).unwrap()
}

/// A database with the schema `template`, and connections to it.
pub struct Site {
    pub name: String,
    pub admin: DatabaseConnection,
    pub migrator: DatabaseConnection,
}

impl Site {
    pub async fn open() -> Self {
        static READY: OnceCell<String> = OnceCell::const_new();
        let original = READY.get_or_init(make_template).await;
        Self::of(&create_database(original).await).await
    }

    /// On the database of the example application.
    pub async fn of_shop() -> Self {
        Self::of(&create_database("shop").await).await
    }

    async fn of(name: &str) -> Self {
        let admin = admin(name).await;
        run(
            &format!("GRANT CREATE ON DATABASE {name} TO shop_migrator"),
            &admin,
        )
        .await;
        Site {
            migrator: migrator(name, "").await,
            name: name.to_owned(),
            admin,
        }
    }

    /// The migrator, with a schema first in its search path.
    pub async fn migrator_in(&self, schema: &str) -> DatabaseConnection {
        migrator(&self.name, schema).await
    }

    /// Clones the template as the migrator does.
    pub async fn clone(&self, to: &str, data: CloneData) -> Result<Cloned, Error> {
        self.clone_of(TEMPLATE, to, data).await
    }

    /// Clones any schema.
    pub async fn clone_of(&self, from: &str, to: &str, data: CloneData) -> Result<Cloned, Error> {
        clone_schema(&schema(from), &schema(to), data, &self.migrator).await
    }

    /// How two schemas differ.
    pub async fn differences(&self, first: &str, second: &str) -> Vec<String> {
        let (first, second) = (schema(first), schema(second));
        let compared = compare_schemas(&first, &second, &self.migrator).await;
        let differences = compared.unwrap();
        differences.iter().map(ToString::to_string).collect()
    }

    /// The schemas of tenants.
    pub async fn tenants(&self) -> Vec<String> {
        let sql =
            "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'tenant\\_%' ORDER BY 1";
        texts(sql, &self.admin).await
    }
}

async fn migrator(database: &str, schema: &str) -> DatabaseConnection {
    let url = server().url(&roles().migrator, PASSWORD, database);
    let url = match schema {
        "" => url,
        schema => format!("{url}?options=-csearch_path%3D{schema}"),
    };
    sea_orm::Database::connect(url).await.unwrap()
}

async fn make_template() -> String {
    let site = Site::of_shop().await;
    create_schema(TEMPLATE, &site.admin).await;
    let migrator = site.migrator_in(TEMPLATE).await;
    run(include_str!("template.sql"), &migrator).await;
    migrator.close().await.unwrap();
    site.migrator.close().await.unwrap();
    site.admin.close().await.unwrap();
    site.name
}

/// A schema as migrations find it: it belongs to the migrator, and the roles may use it.
pub async fn create_schema(name: &str, admin: &DatabaseConnection) {
    let sql = format!(
        "CREATE SCHEMA {name} AUTHORIZATION shop_migrator; \
         GRANT USAGE ON SCHEMA {name} TO shop_app, shop_system; \
         GRANT USAGE, CREATE ON SCHEMA {name} TO shop_owner"
    );
    run(&sql, admin).await;
}

pub async fn run<C: ConnectionTrait>(sql: &str, db: &C) {
    db.execute_unprepared(sql).await.unwrap();
}

/// The first column of a query.
pub async fn texts<C: ConnectionTrait>(sql: &str, db: &C) -> Vec<String> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter()
        .map(|row| row.try_get_by_index(0).unwrap())
        .collect()
}

pub async fn text<C: ConnectionTrait>(sql: &str, db: &C) -> String {
    texts(sql, db).await.swap_remove(0)
}

/// Comes back once a backend of the role waits for a lock on the table.
pub async fn until_waiting_for(table: &str, role: &str, admin: &DatabaseConnection) {
    let sql = format!(
        "SELECT 1::text FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted \
         AND datname = current_database() AND relation = '{table}'::regclass \
         AND usename = '{role}'"
    );
    until(&sql, admin).await;
}

/// Comes back once the query has a row.
pub async fn until(sql: &str, admin: &DatabaseConnection) {
    let waiting = async { while texts(sql, admin).await.is_empty() {} };
    let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    waited.expect("somebody waits");
}

/// The object that was named, and why it cannot be cloned.
#[track_caller]
pub fn not_clonable<T: std::fmt::Debug>(result: Result<T, Error>) -> (String, String) {
    match result.unwrap_err() {
        Error::Tenancy(TenancyError::NotClonable { object, reason }) => (object, reason),
        error => panic!("{error}"),
    }
}
