//! A server with one tenant and one order, and the connections that the variants run on.

use std::sync::atomic::{AtomicBool, Ordering};

use dotmac_database::prelude::*;
use dotmac_database::rls::{Login, Roles};
use dotmac_database::testing::ThrowawayPostgres;
use dotmac_database::{SchemaName, SearchPath, Tenancy};
use migration::Migrator;
use migration::entity::{order, tenant};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection};
use sea_orm_migration::MigratorTrait;

use crate::Outcome;

const NAME: &str = "shop";
const PASSWORD: &str = "secret";
const TENANT: &str = "acme";
const OTHER: &str = "beta";

/// The server, which ends with the value.
pub struct Server {
    postgres: ThrowawayPostgres,
    roles: Roles,
}

impl Server {
    pub fn start() -> Outcome<Self> {
        Ok(Server {
            postgres: ThrowawayPostgres::start()?,
            roles: Roles::with_prefix(NAME),
        })
    }

    pub fn port(&self) -> u16 {
        self.postgres.port()
    }

    /// A connection that sees everything.
    pub async fn admin(&self) -> Outcome<DatabaseConnection> {
        let url = self
            .postgres
            .url("postgres", self.postgres.password(), NAME);
        Ok(sea_orm::Database::connect(url).await?)
    }

    /// Creates the database as a deployment does, with a tenant and its order.
    pub async fn fill(&self) -> Outcome<Uuid> {
        let admin = sea_orm::Database::connect(self.postgres.superuser_url()).await?;
        admin
            .execute_unprepared(&format!("CREATE DATABASE {NAME}"))
            .await?;
        admin.close().await?;
        let admin = self.admin().await?;
        self.roles.create(&admin).await?;
        for login in [Login::Migrator, Login::Application] {
            self.roles.set_password(&admin, login, PASSWORD).await?;
        }
        let migrator = sea_orm::Database::connect(self.url(Login::Migrator, self.port())).await?;
        Migrator::up(&migrator, None).await?;
        migrator.close().await?;

        let db = Database::connect(self.config(self.port())?).await?;
        let id = Uuid::now_v7();
        let own = context(TENANT)?;
        let order = db.write(&own, async |tx| insert(tx, id).await).await?;
        let schemas = db.with_tenancy(Tenancy::Schemas(SearchPath::tenant()))?;
        for tenant in [TENANT, OTHER] {
            self.migrate_schema(&admin, tenant).await?;
            let own = context(tenant)?;
            schemas.write(&own, async |tx| insert(tx, id).await).await?;
        }
        db.close().await;
        // What a transaction without context sees: the same row, through the same policy.
        let role = &self.roles.application;
        let shown = format!("ALTER ROLE {role} SET app.current_tenant_id = '{TENANT}'; ANALYZE");
        admin.execute_unprepared(&shown).await?;
        admin.close().await?;
        Ok(order.id)
    }

    /// The same tables in a schema of the tenant's own.
    async fn migrate_schema(&self, admin: &DatabaseConnection, tenant: &str) -> Outcome<()> {
        let (roles, schema) = (&self.roles, SchemaName::of(&TenantId::parse(tenant)?)?);
        let sql = format!(
            "CREATE SCHEMA {schema} AUTHORIZATION {}; GRANT USAGE ON SCHEMA {schema} TO {}",
            roles.owner, roles.application,
        );
        admin.execute_unprepared(&sql).await?;
        let mut options = ConnectOptions::new(self.url(Login::Migrator, self.port()));
        options
            .max_connections(1)
            .set_schema_search_path(schema.as_str());
        let migrator = sea_orm::Database::connect(options).await?;
        Migrator::up(&migrator, None).await?;
        migrator.close().await?;
        Ok(())
    }

    /// One connection, because one operation runs at a time.
    fn config(&self, port: u16) -> Outcome<DatabaseConfig> {
        let config = DatabaseConfig::new(&self.url(Login::Application, port))?;
        Ok(config.pool_size(1).max_overflow(0))
    }

    fn url(&self, login: Login, port: u16) -> String {
        let url = self.postgres.url(self.roles.login(login), PASSWORD, NAME);
        url.replace(&format!(":{}/", self.port()), &format!(":{port}/"))
    }
}

fn context(tenant: &str) -> Result<RequestContext, Error> {
    let context = RequestContext::tenant(tenant)?.user("u-7")?;
    context.request_id("r-1")
}

fn full(context: RequestContext) -> Result<RequestContext, Error> {
    context.client_ip([127, 0, 0, 1].into()).session_id("s-1")
}

async fn insert(tx: &Session, id: Uuid) -> Result<order::Model, DbErr> {
    let tenant = tenant::ActiveModel {
        name: Set("acme ltd".into()),
        ..Default::default()
    };
    tenant.insert(tx).await?;
    let order = order::ActiveModel {
        id: Set(id),
        number: Set("1".into()),
        total_cents: Set(10),
        ..Default::default()
    };
    order.insert(tx).await
}

/// What the variants run on, at one distance from the server.
pub struct Bed {
    pub db: Database,
    /// The same pool, and so the same connection.
    pub plain: DatabaseConnection,
    /// The same pool again, for tenants with schemas.
    pub schemas: Database,
    pub context: RequestContext,
    pub order: Uuid,
    other: RequestContext,
    turn: AtomicBool,
}

impl Bed {
    pub async fn open(server: &Server, port: u16, order: Uuid) -> Outcome<Self> {
        let db = Database::connect(server.config(port)?).await?;
        Ok(Bed {
            plain: db.plain(),
            schemas: db.with_tenancy(Tenancy::Schemas(SearchPath::tenant()))?,
            db,
            context: full(context(TENANT)?)?,
            order,
            other: full(context(OTHER)?)?,
            turn: AtomicBool::new(false),
        })
    }

    /// That of another tenant each time.
    pub fn next_context(&self) -> &RequestContext {
        match self.turn.fetch_xor(true, Ordering::Relaxed) {
            true => &self.other,
            false => &self.context,
        }
    }

    /// Waits until nothing goes on in the background: the connection is back in the pool.
    pub async fn settle(&self) {
        let pool = self.plain.get_postgres_connection_pool();
        while pool.num_idle() == 0 {
            tokio::task::yield_now().await;
        }
    }
}
