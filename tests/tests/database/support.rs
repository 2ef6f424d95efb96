//! One throwaway PostgreSQL for the binary, a migrated database for each test.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use dotmac_database::migrate::Runner;
use dotmac_database::prelude::*;
use dotmac_database::rls::{Login, Roles};
use dotmac_database::testing::ThrowawayPostgres;
use migration::Migrator;
use migration::entity::{order, order_line, product, tenant, user};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement};
use tokio::sync::OnceCell;

pub const A: &str = "acme";
pub const B: &str = "beta";
pub const PASSWORD: &str = "pa'ss";

/// The roles of all test databases: those of the template.
pub fn roles() -> Roles {
    Roles::with_prefix("shop")
}

pub fn server() -> &'static ThrowawayPostgres {
    static SERVER: OnceLock<ThrowawayPostgres> = OnceLock::new();
    SERVER.get_or_init(|| ThrowawayPostgres::start().expect("PostgreSQL starts"))
}

/// A context of the tenant, with a user and a request.
pub fn context(tenant: &str) -> RequestContext {
    RequestContext::tenant(tenant)
        .and_then(|c| c.user(&format!("{tenant}-user")))
        .and_then(|c| c.request_id(&format!("{tenant}-request")))
        .unwrap()
}

/// The kind of an error that must have come, of this crate or through SeaORM.
#[track_caller]
pub fn kind<T: std::fmt::Debug, E: Into<Error>>(result: Result<T, E>) -> ErrorKind {
    result.map_err(Into::into).unwrap_err().kind()
}

/// Sets the total of all orders of the session's tenant.
pub async fn set_total(tx: &Session, total: i64) {
    let sql = format!("UPDATE orders SET total_cents = {total}");
    tx.execute_unprepared(&sql).await.unwrap();
}

/// A lock that another connection holds, so that a statement waits in the server for as long as the
/// test wants it to.
pub struct HeldLock {
    admin: DatabaseConnection,
    holder: DatabaseTransaction,
}

impl HeldLock {
    /// The statement that waits.
    pub const WAIT: &str = "SELECT pg_advisory_xact_lock(7)";

    pub async fn take(shop: &Shop) -> Self {
        let admin = shop.admin().await;
        let holder = admin.begin().await.unwrap();
        holder.execute_unprepared(Self::WAIT).await.unwrap();
        HeldLock { admin, holder }
    }

    /// Drops the future of `statement` while the server waits for the lock inside of it.
    pub async fn cancel<T>(&self, statement: impl Future<Output = T>) {
        tokio::select! {
            _ = statement => panic!("the statement did not wait"),
            () = self.somebody_waits() => {}
        }
    }

    pub async fn release(self) {
        self.holder.commit().await.unwrap();
    }

    async fn somebody_waits(&self) {
        let sql = "SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                   WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted";
        let waiting = Statement::from_string(DbBackend::Postgres, sql);
        while self
            .admin
            .query_one_raw(waiting.clone())
            .await
            .unwrap()
            .is_none()
        {}
    }
}

/// A database of its own, migrated, with rows of tenants A and B.
pub struct Shop {
    pub name: String,
    pub db: Database,
    pub a: RequestContext,
    pub b: RequestContext,
}

impl Shop {
    pub async fn open() -> Self {
        Self::with_pool(5).await
    }

    pub async fn with_pool(connections: u32) -> Self {
        let name = create_database("shop").await;
        let config = config(&name).pool_size(connections).max_overflow(0);
        let shop = Shop {
            db: Database::connect(config)
                .await
                .expect("the application connects"),
            name,
            a: context(A),
            b: context(B),
        };
        shop.fill().await;
        shop
    }

    /// A connection that sees everything.
    pub async fn admin(&self) -> DatabaseConnection {
        admin(&self.name).await
    }

    /// A connection as the migrator.
    pub async fn migrator(&self) -> DatabaseConnection {
        let url = server().url(&roles().migrator, PASSWORD, &self.name);
        sea_orm::Database::connect(url).await.unwrap()
    }

    /// A plain connection of the application's role, without any context.
    pub async fn raw(&self) -> DatabaseConnection {
        sea_orm::Database::connect(url(&self.name)).await.unwrap()
    }

    /// The order of a tenant.
    pub async fn order(&self, context: &RequestContext) -> order::Model {
        let found = self
            .db
            .read(context, async |tx| order::Entity::find().one(tx).await);
        found.await.unwrap().unwrap()
    }

    async fn fill(&self) {
        let product = product::ActiveModel {
            id: Set(Uuid::now_v7()),
            name: Set("nail".into()),
            price_cents: Set(5),
            ..Default::default()
        };
        product::Entity::insert(product)
            .exec(&self.admin().await)
            .await
            .unwrap();
        for context in [&self.a, &self.b] {
            self.db
                .write(context, async |tx| {
                    let id = context.tenant_id().unwrap();
                    tenant::ActiveModel {
                        name: Set(format!("{id} ltd")),
                        ..Default::default()
                    }
                    .insert(tx)
                    .await?;
                    let user = user::ActiveModel {
                        email: Set("ada@example.com".into()),
                        name: Set(format!("ada of {id}")),
                        ..Default::default()
                    }
                    .insert(tx)
                    .await?;
                    let order = order::ActiveModel {
                        number: Set("1".into()),
                        total_cents: Set(10),
                        user_id: Set(Some(user.id)),
                        ..Default::default()
                    }
                    .insert(tx)
                    .await?;
                    let product = product::Entity::find().one(tx).await?.unwrap();
                    order_line::ActiveModel {
                        order_id: Set(order.id),
                        product_id: Set(product.id),
                        quantity: Set(2),
                        ..Default::default()
                    }
                    .insert(tx)
                    .await
                })
                .await
                .unwrap();
        }
    }
}

/// The application's URL of a database.
pub fn url(database: &str) -> String {
    server().url(&roles().application, PASSWORD, database)
}

pub fn config(database: &str) -> DatabaseConfig {
    DatabaseConfig::new(&url(database)).unwrap()
}

pub async fn admin(database: &str) -> DatabaseConnection {
    let url = server().url("postgres", server().password(), database);
    sea_orm::Database::connect(url).await.unwrap()
}

/// A new database, copied from the migrated template (`shop`) or empty (`template1`).
pub async fn create_database(template: &str) -> String {
    static READY: OnceCell<()> = OnceCell::const_new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    READY.get_or_init(make_template).await;
    let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let admin = admin("postgres").await;
    for sql in [
        format!("CREATE DATABASE {name} TEMPLATE {template}"),
        format!("REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC"),
    ] {
        admin.execute_unprepared(&sql).await.unwrap();
    }
    admin.close().await.unwrap();
    name
}

// The migrations run as the migrator, so that the tests see what a deployment gets.
async fn make_template() {
    let administration = admin("postgres").await;
    administration
        .execute_unprepared("CREATE DATABASE shop")
        .await
        .unwrap();
    administration.close().await.unwrap();
    let shop = admin("shop").await;
    roles().create(&shop).await.unwrap();
    for login in [Login::Migrator, Login::Application, Login::System] {
        roles().set_password(&shop, login, PASSWORD).await.unwrap();
    }
    shop.close().await.unwrap();
    let url = server().url(&roles().migrator, PASSWORD, "shop");
    let migrator = sea_orm::Database::connect(url).await.unwrap();
    Runner::<Migrator>::new().up(None, &migrator).await.unwrap();
    migrator.close().await.unwrap();
}
