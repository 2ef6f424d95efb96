//! What a program tells of its database: health, statistics, metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use dotmac_database::prelude::*;
use dotmac_database::testing::{ThrowawayPostgres, in_memory};
use dotmac_database::{
    MigrationHealth, PrimaryHealth, ReplicaState, StartCheck, UnknownReason, migrate, telemetry,
};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString,
    Unit,
};
use migration::Migrator;
use sea_orm::ConnectionTrait;
use sea_orm_migration::MigratorTrait;

use crate::cluster::{Cluster, port_of_read, until};
use crate::support::{Shop, kind, roles};

#[tokio::test]
async fn healthy_database_is_ready_and_tells_its_pool() {
    let shop = Shop::with_pool(3).await;
    let session = shop.db.begin(&shop.a).unwrap();
    session.execute_unprepared("SELECT 1").await.unwrap();
    let health = shop.db.health().await;
    assert!(health.is_ready());
    assert!(matches!(health.primary, PrimaryHealth::Reachable { .. }));
    assert_eq!(health.pool.max, 3);
    assert!(health.pool.in_use >= 1);
    assert_eq!(health.pool.open, health.pool.in_use + health.pool.idle);
    let json = serde_json::to_value(&health).unwrap();
    assert_eq!(json["primary"]["state"], "reachable");
    assert!(json["primary"]["latency_seconds"].as_f64().unwrap() < 2.0);
    assert_eq!(json.get("migrations"), None);
}

#[tokio::test]
async fn lost_primary_is_no_error_and_not_ready() {
    let server = tokio::task::spawn_blocking(ThrowawayPostgres::start);
    let server = server.await.unwrap().unwrap();
    let config = DatabaseConfig::new(&server.superuser_url()).unwrap();
    let config = config.start_check(StartCheck::SkippedUnprotected);
    let db = Database::connect(config).await.unwrap();
    assert!(db.health().await.is_ready());
    drop(server);
    let health = db.health().await;
    assert_eq!(health.primary, PrimaryHealth::Unreachable);
    assert!(!health.is_ready());
}

#[tokio::test]
async fn health_shows_replicas_and_not_their_logins() {
    let cluster = Cluster::open().await;
    let replica = Cluster::shared_replica().await;
    let db = cluster.connect(replica).await;
    let health = db.health().await;
    assert_eq!(health.replicas[0].state, ReplicaState::Fit);
    let json = serde_json::to_value(&health).unwrap();
    assert_eq!(json["replicas"][0]["state"], "fit");
    assert!(json["replicas"][0]["lag_seconds"].as_f64().unwrap() >= 0.0);
    assert!(!json.to_string().contains(&roles().application), "{json}");
}

#[tokio::test]
async fn migrations_are_current_pending_or_not_to_be_told() {
    let shop = Shop::open().await;
    let check = async || {
        let health = shop
            .db
            .health_with(async |db| migrate::pending::<Migrator>(db).await)
            .await;
        (health.is_ready(), health.migrations.unwrap())
    };
    let admin = shop.admin().await;
    assert_eq!(check().await, (true, MigrationHealth::Current));
    let revoke = format!(
        "REVOKE SELECT ON seaql_migrations FROM {}",
        roles().application
    );
    admin.execute_unprepared(&revoke).await.unwrap();
    let reason = UnknownReason::Denied;
    assert_eq!(check().await, (false, MigrationHealth::Unknown { reason }));
    for _ in 0..2 {
        let granted = roles().show_migrations("seaql_migrations", &admin).await;
        granted.unwrap();
    }
    assert_eq!(check().await, (true, MigrationHealth::Current));
    let forget = "DELETE FROM seaql_migrations WHERE version LIKE '%_shop'";
    admin.execute_unprepared(forget).await.unwrap();
    let names = vec!["m20260101_000002_shop".to_owned()];
    assert_eq!(check().await, (false, MigrationHealth::Pending { names }));
}

#[tokio::test]
async fn statistics_count_sessions_by_how_they_ended() {
    let shop = Shop::open().await;
    let before = shop.db.statistics().sessions;
    for context in [&shop.a, &shop.b] {
        shop.order(context).await;
    }
    let unused = shop.db.begin(&shop.a).unwrap();
    unused.commit().await.unwrap();
    let failing = shop.db.write(&shop.a, async |tx| {
        tx.execute_unprepared("SELECT nonsense").await
    });
    assert_eq!(kind(failing.await), ErrorKind::Other);
    let open = shop.db.begin(&shop.a).unwrap();
    open.execute_unprepared("SELECT 1").await.unwrap();
    let nested = open.nested().unwrap();
    nested.execute_unprepared("SELECT 1").await.unwrap();
    nested.commit().await.unwrap();
    // Rollbacks and the ends of reads go on in the background.
    while shop.db.statistics().sessions.open != 1 {
        shop.db.ping().await.unwrap();
    }
    let statistics = shop.db.statistics();
    assert_eq!(statistics.sessions.opened - before.opened, 4);
    assert_eq!(statistics.sessions.committed - before.committed, 2);
    assert_eq!(statistics.sessions.rolled_back - before.rolled_back, 1);
    assert_eq!(statistics.sessions.unknown, 0);
    assert_eq!(statistics.acquire.count, statistics.sessions.opened);
    assert_eq!(statistics.reads.primary, 2);
    assert_eq!(statistics.reads.fallbacks, 0);
    open.rollback().await.unwrap();
    let ended = shop.db.statistics().sessions;
    assert_eq!(ended.rolled_back, statistics.sessions.rolled_back + 1);
    assert_eq!(ended.open, 0);
}

#[tokio::test]
async fn metrics_carry_the_statistics() {
    let cluster = Cluster::open().await;
    let replica = Cluster::shared_replica().await;
    let db = cluster.connect(replica).await;
    port_of_read(&db, &cluster.a).await;
    until(&db, |it| it.sessions.open == 0).await;
    let recorder = Noted::default();
    metrics::with_local_recorder(&recorder, || db.record_metrics());
    let values = recorder.0.lock().unwrap().clone();
    let value = |name: &str, labels: &str| {
        let key = format!("{name}{{database={}{labels}}}", cluster.name);
        *values
            .get(&key)
            .unwrap_or_else(|| panic!("{key} in {values:#?}"))
    };
    let target = format!(",target=127.0.0.1:{}/{}", replica.port(), cluster.name);
    assert_eq!(value(telemetry::READ_COUNT, &target), 1.0);
    assert_eq!(value(telemetry::READ_COUNT, ",target=primary"), 0.0);
    assert_eq!(value(telemetry::REPLICA_FIT, &target), 1.0);
    assert!(value(telemetry::REPLICA_SECONDS, &target) < 600.0);
    assert_eq!(value(telemetry::SESSION_COUNT, ",outcome=committed"), 1.0);
    assert_eq!(value(telemetry::ACQUIRE_COUNT, ""), 1.0);
    let max = ",target=primary,state=max";
    assert_eq!(value(telemetry::POOL_CONNECTIONS, max), 10.0);
}

#[tokio::test]
async fn sqlite_tells_its_health_and_statistics_too() {
    let db = in_memory().await.unwrap();
    let context = RequestContext::tenant("acme").unwrap();
    db.read(&context, async |tx| tx.execute_unprepared("SELECT 1").await)
        .await
        .unwrap();
    let health = db
        .health_with(async |db| migrate::pending::<Migrator>(db).await)
        .await;
    assert!(matches!(health.primary, PrimaryHealth::Reachable { .. }));
    let pending = health.migrations.unwrap();
    assert!(
        matches!(pending, MigrationHealth::Pending { names } if names.len() == Migrator::migrations().len())
    );
    assert_eq!(db.statistics().sessions.committed, 1);
}

/// A recorder that keeps the last value of each metric.
#[derive(Clone, Default)]
pub struct Noted(pub Arc<Mutex<BTreeMap<String, f64>>>);

struct Entry(Noted, String);

impl Entry {
    fn of(noted: &Noted, key: &Key) -> Arc<Self> {
        let labels: Vec<_> = key
            .labels()
            .map(|it| format!("{}={}", it.key(), it.value()))
            .collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::new(Entry(noted.clone(), name))
    }

    fn note(&self, value: f64) {
        self.0.0.lock().unwrap().insert(self.1.clone(), value);
    }
}

impl CounterFn for Entry {
    fn increment(&self, _: u64) {
        panic!("the statistics are absolute");
    }

    fn absolute(&self, value: u64) {
        self.note(f64::from(u32::try_from(value).unwrap()));
    }
}

impl GaugeFn for Entry {
    fn increment(&self, _: f64) {
        panic!("the statistics are absolute");
    }

    fn decrement(&self, _: f64) {
        panic!("the statistics are absolute");
    }

    fn set(&self, value: f64) {
        self.note(value);
    }
}

impl Recorder for Noted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Entry::of(self, key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Entry::of(self, key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
