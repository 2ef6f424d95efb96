//! A directory of customers whose texts are searched, on PostgreSQL with a linguistic order, and SQLite.

use dotmac_database::migrate::{create_indexes, create_table, create_triggers};
use dotmac_database::prelude::*;
use dotmac_database::testing::in_memory;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, QueryResult, Statement};
use sea_orm_migration::SchemaManager;

use crate::support::{A, B, PASSWORD, admin, config, context, create_database, roles, server, url};

pub mod customer {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    #[sea_orm(table_name = "customers")]
    pub struct Model {
        #[dotmac(prefix_search)]
        pub number: Option<String>,
        #[dotmac(unique, case_insensitive)]
        pub email: String,
        #[dotmac(case_insensitive)]
        #[sea_orm(column_name = "nick")]
        pub nickname: Option<String>,
    }
}

pub struct Directory {
    pub name: String,
    pub db: Database,
    pub a: RequestContext,
    pub b: RequestContext,
}

impl Directory {
    /// With the order of a language, in which a prefix is no range.
    pub async fn on_postgres() -> Self {
        let name = create_database("template1").await;
        let administration = admin("postgres").await;
        for sql in [
            format!("DROP DATABASE {name}"),
            format!(
                "CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
            ),
        ] {
            administration.execute_unprepared(&sql).await.unwrap();
        }
        administration.close().await.unwrap();
        let owner = admin(&name).await;
        roles().create(&owner).await.unwrap();
        owner.close().await.unwrap();
        let migrator = Self::migrator_of(&name).await;
        create(&SchemaManager::new(&migrator)).await;
        migrator.close().await.unwrap();
        Directory {
            db: Database::connect(config(&name)).await.unwrap(),
            name,
            a: context(A),
            b: context(B),
        }
    }

    pub async fn on_sqlite() -> Self {
        let db = in_memory().await.unwrap();
        create(&SchemaManager::new(&db.plain())).await;
        Directory {
            name: String::new(),
            db,
            a: context(A),
            b: context(B),
        }
    }

    pub async fn on_both() -> [Self; 2] {
        [Self::on_postgres().await, Self::on_sqlite().await]
    }

    async fn migrator_of(name: &str) -> DatabaseConnection {
        let url = server().url(&roles().migrator, PASSWORD, name);
        sea_orm::Database::connect(url).await.unwrap()
    }

    /// Customers enough for an index to be worth it: nine in ten are tenant A's.
    pub async fn fill(&self) {
        let admin = admin(&self.name).await;
        admin
            .execute_unprepared(
                "INSERT INTO customers (id, tenant_id, number, email, nick) \
                 SELECT gen_random_uuid(), CASE n % 10 WHEN 0 THEN 'beta' ELSE 'acme' END, \
                   'A-' || n, 'Customer' || n || '@Example.com', 'Nick' || n \
                 FROM generate_series(1, 20000) n; ANALYZE customers",
            )
            .await
            .unwrap();
        admin.close().await.unwrap();
    }

    /// The plan of a statement in a session of tenant A.
    pub async fn plan(&self, mut statement: Statement) -> String {
        statement.sql = format!("EXPLAIN {}", statement.sql);
        let rows = self
            .db
            .read(&self.a, async |tx| tx.query_all_raw(statement).await);
        lines(rows.await.unwrap())
    }

    /// The plan of a statement that is prepared for any value: sessions prepare, but refuse PREPARE.
    pub async fn plan_of_prepared(&self, statement: Statement) -> String {
        let parameters = statement.values.map_or(0, |values| values.0.len());
        let values = vec!["'x'"; parameters].join(", ");
        let plain = sea_orm::Database::connect(url(&self.name)).await.unwrap();
        let transaction = plain.begin().await.unwrap();
        let sql = format!(
            "SET LOCAL app.current_tenant_id = '{A}'; \
             SET LOCAL plan_cache_mode = force_generic_plan; \
             PREPARE prepared AS {}",
            statement.sql,
        );
        transaction.execute_unprepared(&sql).await.unwrap();
        let sql = format!("EXPLAIN EXECUTE prepared({values})");
        let explain = Statement::from_string(DbBackend::Postgres, sql);
        let rows = transaction.query_all_raw(explain).await.unwrap();
        transaction.rollback().await.unwrap();
        lines(rows)
    }
}

fn lines(rows: Vec<QueryResult>) -> String {
    let lines = rows.iter().map(|row| row.try_get_by_index(0).unwrap());
    lines.collect::<Vec<String>>().join("\n")
}

pub fn new_customer(number: &str, email: &str) -> customer::ActiveModel {
    customer::ActiveModel {
        number: Set(Some(number.to_owned())),
        email: Set(email.to_owned()),
        ..Default::default()
    }
}

async fn create(manager: &SchemaManager<'_>) {
    create_table::<customer::Entity>(manager).await.unwrap();
    create_indexes::<customer::Entity>(manager).await.unwrap();
    create_triggers::<customer::Entity>(manager).await.unwrap();
    let db = manager.get_connection();
    if db.get_database_backend() == DbBackend::Postgres {
        dotmac_database::rls::install::<customer::Entity, _>(db, &roles())
            .await
            .unwrap();
    }
}
