//! A primary of its own, with replicas: small, so that a replica is copied quickly.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dotmac_database::prelude::*;
use dotmac_database::rls::Login;
use dotmac_database::testing::{ThrowawayPostgres, ThrowawayReplica};
use dotmac_database::{ReplicaState, Statistics};
use migration::Migrator;
use migration::entity::{order, tenant};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::MigratorTrait;
use tokio::sync::OnceCell;

use crate::support::{A, B, PASSWORD, context, roles};

/// How long a condition may take to come true; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two tenants with an order each, on a database of the test's own.
pub struct Cluster {
    pub name: String,
    pub a: RequestContext,
    pub b: RequestContext,
}

pub fn primary() -> &'static ThrowawayPostgres {
    static PRIMARY: OnceLock<ThrowawayPostgres> = OnceLock::new();
    PRIMARY.get_or_init(|| ThrowawayPostgres::start().expect("PostgreSQL starts"))
}

impl Cluster {
    pub async fn open() -> Self {
        static READY: OnceCell<()> = OnceCell::const_new();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        READY.get_or_init(make_template).await;
        let name = format!("cluster_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = sea_orm::Database::connect(primary().superuser_url())
            .await
            .unwrap();
        let sql = format!("CREATE DATABASE {name} TEMPLATE shop");
        admin.execute_unprepared(&sql).await.unwrap();
        Cluster {
            name,
            a: context(A),
            b: context(B),
        }
    }

    /// A replica that others use too, and that nobody stops, pauses or promotes.
    pub async fn shared_replica() -> &'static ThrowawayReplica {
        static REPLICA: OnceCell<ThrowawayReplica> = OnceCell::const_new();
        REPLICA
            .get_or_init(async || {
                let started = tokio::task::spawn_blocking(|| primary().replica());
                started.await.unwrap().expect("the replica starts")
            })
            .await
    }

    /// A replica of the test's own.
    pub async fn replica(&self) -> ThrowawayReplica {
        let started = tokio::task::spawn_blocking(|| primary().replica());
        started.await.unwrap().expect("the replica starts")
    }

    /// The application's configuration, which asks the servers often and lets replicas lag for long.
    pub fn config(&self) -> DatabaseConfig {
        let application = &roles().application;
        DatabaseConfig::new(&primary().url(application, PASSWORD, &self.name))
            .unwrap()
            .pool_size(10)
            .max_overflow(0)
            .replica_probe_interval(Duration::from_millis(20))
            .replica_max_lag(PATIENCE * 10)
    }

    /// The application's URL of the database on a replica.
    pub fn on(&self, replica: &ThrowawayReplica) -> String {
        replica.url(&roles().application, PASSWORD, &self.name)
    }

    /// Connects with one replica, and waits until it is fit.
    pub async fn connect(&self, replica: &ThrowawayReplica) -> Database {
        let config = self.config().replica(&self.on(replica)).unwrap();
        let db = Database::connect(config).await.unwrap();
        until_state(&db, ReplicaState::Fit).await;
        db
    }

    /// The superuser, on the replica.
    pub async fn admin(&self, replica: &ThrowawayReplica) -> DatabaseConnection {
        let url = replica.url("postgres", primary().password(), &self.name);
        sea_orm::Database::connect(url).await.unwrap()
    }
}

/// Waits until the statistics say what is expected of them; asking the primary paces it.
pub async fn until(db: &Database, expected: impl Fn(&Statistics) -> bool) {
    let wait = async {
        while !expected(&db.statistics()) {
            db.health().await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, wait).await;
    assert!(waited.is_ok(), "{:#?}", db.statistics());
}

/// Waits until all replicas are in the state.
pub async fn until_state(db: &Database, state: ReplicaState) {
    until(db, |it| it.replicas.iter().all(|it| it.state == state)).await;
}

/// The port of the server that a read session of the context meets.
pub async fn port_of_read(db: &Database, context: &RequestContext) -> u16 {
    db.read(context, async |tx| port(tx).await).await.unwrap()
}

pub async fn port(tx: &Session) -> Result<u16, DbErr> {
    let sql = "SELECT inet_server_port() AS port";
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = tx.query_one_raw(statement).await?.unwrap();
    let port: i32 = row.try_get("", "port")?;
    Ok(port.try_into().unwrap())
}

async fn make_template() {
    let administration = sea_orm::Database::connect(primary().superuser_url())
        .await
        .unwrap();
    administration
        .execute_unprepared("CREATE DATABASE shop")
        .await
        .unwrap();
    let url = primary().url("postgres", primary().password(), "shop");
    let admin = sea_orm::Database::connect(url).await.unwrap();
    roles().create(&admin).await.unwrap();
    for login in [Login::Migrator, Login::Application] {
        roles().set_password(&admin, login, PASSWORD).await.unwrap();
    }
    admin.close().await.unwrap();
    let url = primary().url(&roles().migrator, PASSWORD, "shop");
    let migrator = sea_orm::Database::connect(url).await.unwrap();
    Migrator::up(&migrator, None).await.unwrap();
    migrator.close().await.unwrap();
    let url = primary().url(&roles().application, PASSWORD, "shop");
    let db = Database::connect(DatabaseConfig::new(&url).unwrap())
        .await
        .unwrap();
    for tenant in [A, B] {
        db.write(&context(tenant), async |tx| fill(tx).await)
            .await
            .unwrap();
    }
    db.close().await;
}

async fn fill(tx: &Session) -> Result<(), DbErr> {
    let tenant = tenant::ActiveModel {
        name: Set("ltd".into()),
        ..Default::default()
    };
    tenant.insert(tx).await?;
    let order = order::ActiveModel {
        number: Set("1".into()),
        total_cents: Set(10),
        ..Default::default()
    };
    order.insert(tx).await.map(drop)
}
