//! A server with one tenant and one order, and the connections that the variants run on.

use dotmac_database::prelude::*;
use dotmac_database::rls::{Login, Roles};
use dotmac_database::testing::ThrowawayPostgres;
use migration::Migrator;
use migration::entity::{order, tenant};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::MigratorTrait;

use crate::Outcome;

const NAME: &str = "shop";
const PASSWORD: &str = "secret";
const TENANT: &str = "acme";

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
        let order = db.write(&context()?, async |tx| insert(tx).await).await?;
        db.close().await;
        // What a transaction without context sees: the same row, through the same policy.
        let role = &self.roles.application;
        let shown = format!("ALTER ROLE {role} SET app.current_tenant_id = '{TENANT}'; ANALYZE");
        admin.execute_unprepared(&shown).await?;
        admin.close().await?;
        Ok(order.id)
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

fn context() -> Result<RequestContext, Error> {
    let context = RequestContext::tenant(TENANT)?.user("u-7")?;
    context.request_id("r-1")
}

async fn insert(tx: &Session) -> Result<order::Model, DbErr> {
    let tenant = tenant::ActiveModel {
        name: Set("acme ltd".into()),
        ..Default::default()
    };
    tenant.insert(tx).await?;
    let order = order::ActiveModel {
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
    pub context: RequestContext,
    pub order: Uuid,
}

impl Bed {
    pub async fn open(server: &Server, port: u16, order: Uuid) -> Outcome<Self> {
        let db = Database::connect(server.config(port)?).await?;
        Ok(Bed {
            plain: db.plain(),
            db,
            context: context()?
                .client_ip([127, 0, 0, 1].into())
                .session_id("s-1")?,
            order,
        })
    }

    /// Waits until nothing goes on in the background: the connection is back in the pool.
    pub async fn settle(&self) {
        let pool = self.plain.get_postgres_connection_pool();
        while pool.num_idle() == 0 {
            tokio::task::yield_now().await;
        }
    }
}
