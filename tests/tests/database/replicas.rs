//! Reads on replicas: where they land, what they see, and when they do not go there.

use std::time::Duration;

use dotmac_database::prelude::*;
use dotmac_database::{ReplicaState, SearchPath, Tenancy};
use futures_util::FutureExt;
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, IsolationLevel, Statement};

use crate::cluster::{Cluster, port, port_of_read, primary, until, until_state};
use crate::pgbouncer::PgBouncer;
use crate::support::{kind, roles, set_total};

const PAUSE: &str = "SELECT pg_wal_replay_pause()";
const RESUME: &str = "SELECT pg_wal_replay_resume()";

async fn total(db: &Database, context: &RequestContext) -> i64 {
    let found = db.read(context, async |tx| order::Entity::find().one(tx).await);
    found.await.unwrap().unwrap().total_cents
}

async fn write(db: &Database, context: &RequestContext, cents: i64) {
    db.write(context, async |tx| {
        set_total(tx, cents).await;
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn i38_context_applies_on_a_replica() {
    let cluster = Cluster::open().await;
    let replica = Cluster::shared_replica().await;
    let db = cluster.connect(replica).await;
    for context in [&cluster.a, &cluster.b] {
        db.read(context, async |tx| {
            assert_eq!(port(tx).await?, replica.port());
            let orders = order::Entity::find().all(tx).await?;
            assert_eq!(orders.len(), 1);
            assert_eq!(
                Some(orders[0].tenant_id.as_str()),
                context.tenant_id().map(|id| id.as_str())
            );
            // Without the ORM's own condition, the policy alone holds.
            let nested = tx.nested()?;
            let foreign = "SELECT 1 FROM orders WHERE tenant_id <> \
                           current_setting('app.current_tenant_id')";
            assert_eq!(nested.execute_unprepared(foreign).await?.rows_affected(), 0);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    }
    let write = "UPDATE orders SET total_cents = 1";
    let refused = db
        .read(&cluster.a, async |tx| tx.execute_unprepared(write).await)
        .await;
    assert_eq!(kind(refused), ErrorKind::ReadOnly);
    db.write(&cluster.a, async |tx| {
        assert_eq!(port(tx).await?, primary().port());
        Ok::<_, DbErr>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn reads_are_counted_by_the_server_that_they_ran_on() {
    let cluster = Cluster::open().await;
    let (one, other) = (Cluster::shared_replica().await, cluster.replica().await);
    let urls = [cluster.on(one), cluster.on(&other)];
    let config = cluster.config().replicas(urls.iter().map(String::as_str));
    let db = Database::connect(config.unwrap()).await.unwrap();
    until_state(&db, ReplicaState::Fit).await;
    for _ in 0..10 {
        assert_ne!(port_of_read(&db, &cluster.a).await, primary().port());
    }
    let on_primary = SessionOptions::read_only().on_primary();
    let mut serializable = SessionOptions::read_only();
    serializable.isolation = Some(IsolationLevel::Serializable);
    for options in [on_primary, serializable] {
        let session = db.begin_with(&cluster.a, options).unwrap();
        assert_eq!(port(&session).await.unwrap(), primary().port());
        session.commit().await.unwrap();
    }
    let statistics = db.statistics();
    let reads: Vec<u64> = statistics.replicas.iter().map(|it| it.reads).collect();
    assert_eq!(reads, [5, 5]);
    assert_eq!(statistics.reads.primary, 2);
    assert_eq!(statistics.reads.fallbacks, 0);
    let names: Vec<_> = statistics.replicas.iter().map(|it| &it.name).collect();
    let expected = [one, &other].map(|it| format!("127.0.0.1:{}/{}", it.port(), cluster.name));
    assert_eq!(names, [&expected[0], &expected[1]]);
}

#[tokio::test]
async fn own_write_is_read_from_the_primary_until_the_replica_has_it() {
    let cluster = Cluster::open().await;
    let replica = cluster.replica().await;
    let db = cluster.connect(&replica).await;
    let admin = cluster.admin(&replica).await;
    admin.execute_unprepared(PAUSE).await.unwrap();
    write(&db, &cluster.a, 77).await;
    assert_eq!(port_of_read(&db, &cluster.a).await, primary().port());
    assert_eq!(total(&db, &cluster.a).await, 77);
    // The next request of the same user is the same writer, and another user is none.
    let again = cluster.a.clone().request_id("r-9").unwrap();
    assert_eq!(port_of_read(&db, &again).await, primary().port());
    assert_eq!(port_of_read(&db, &cluster.b).await, replica.port());
    let other = cluster.a.clone().user("somebody else").unwrap();
    assert_eq!(total(&db, &other).await, 10);
    assert!(db.statistics().reads.fallbacks >= 3);

    admin.execute_unprepared(RESUME).await.unwrap();
    while port_of_read(&db, &cluster.a).await != replica.port() {}
    assert_eq!(total(&db, &cluster.a).await, 77);
}

#[tokio::test]
async fn commit_that_nobody_waited_for_counts_as_a_write() {
    let cluster = Cluster::open().await;
    let replica = cluster.replica().await;
    let db = cluster.connect(&replica).await;
    let admin = cluster.admin(&replica).await;
    admin.execute_unprepared(PAUSE).await.unwrap();
    let session = db.begin(&cluster.a).unwrap();
    set_total(&session, 77).await;
    // Polled once, and dropped.
    drop(session.commit().now_or_never());
    until(&db, |it| it.sessions.committed == 1).await;
    assert_eq!(total(&db, &cluster.a).await, 77);
    assert_eq!(port_of_read(&db, &cluster.b).await, replica.port());
    admin.execute_unprepared(RESUME).await.unwrap();
}

#[tokio::test]
async fn replica_behind_the_limit_is_not_read() {
    let cluster = Cluster::open().await;
    let replica = cluster.replica().await;
    let config = cluster.config().replica(&cluster.on(&replica)).unwrap();
    let limit = Duration::from_millis(500);
    let db = Database::connect(config.replica_max_lag(limit))
        .await
        .unwrap();
    until_state(&db, ReplicaState::Fit).await;
    let admin = cluster.admin(&replica).await;
    admin.execute_unprepared(PAUSE).await.unwrap();
    write(&db, &cluster.a, 77).await;
    until_state(&db, ReplicaState::Lagging).await;
    assert!(db.statistics().replicas[0].lag > Some(limit));
    // Another context than the one that wrote.
    assert_eq!(port_of_read(&db, &cluster.b).await, primary().port());
    assert!(db.statistics().reads.fallbacks > 0);
    admin.execute_unprepared(RESUME).await.unwrap();
    until_state(&db, ReplicaState::Fit).await;
    while port_of_read(&db, &cluster.b).await != replica.port() {}
}

#[tokio::test]
async fn replica_that_has_no_schema_yet_is_kept_with_its_connection_for_others() {
    let cluster = Cluster::open().await;
    let replica = cluster.replica().await;
    let config = cluster.config().replica(&cluster.on(&replica)).unwrap();
    let db = Database::connect(config.pool_size(1)).await.unwrap();
    until_state(&db, ReplicaState::Fit).await;
    let schemas = Tenancy::Schemas(SearchPath::tenant());
    let schemas = db.with_tenancy(schemas).unwrap();
    let backend = async || {
        let read = db.read(&cluster.b, async |tx| {
            assert_eq!(port(tx).await?, replica.port());
            let sql = "SELECT pg_backend_pid()";
            let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql));
            row.await?.unwrap().try_get_by_index::<i32>(0)
        });
        read.await.unwrap()
    };
    let before = backend().await;
    let admin = cluster.admin(&replica).await;
    admin.execute_unprepared(PAUSE).await.unwrap();
    let url = primary().url("postgres", primary().password(), &cluster.name);
    let there = sea_orm::Database::connect(url).await.unwrap();
    let make = format!(
        "CREATE SCHEMA tenant_acme; GRANT USAGE ON SCHEMA tenant_acme TO {}",
        roles().application
    );
    there.execute_unprepared(&make).await.unwrap();
    for _ in 0..3 {
        assert_eq!(port_of_read(&schemas, &cluster.a).await, primary().port());
        // Its only connection was rolled back, and nobody closed it.
        assert_eq!(backend().await, before);
    }
    assert_eq!(db.statistics().replicas[0].state, ReplicaState::Fit);
    admin.execute_unprepared(RESUME).await.unwrap();
    while port_of_read(&schemas, &cluster.a).await != replica.port() {}
}

#[tokio::test]
async fn promoted_replica_is_not_read() {
    let cluster = Cluster::open().await;
    let replica = cluster.replica().await;
    let db = cluster.connect(&replica).await;
    assert_eq!(port_of_read(&db, &cluster.a).await, replica.port());
    let admin = cluster.admin(&replica).await;
    admin
        .execute_unprepared("SELECT pg_promote()")
        .await
        .unwrap();
    until_state(&db, ReplicaState::Promoted).await;
    assert_eq!(port_of_read(&db, &cluster.a).await, primary().port());
    // One that was promoted before the program started, too.
    let config = cluster.config().replica(&cluster.on(&replica)).unwrap();
    let late = Database::connect(config).await.unwrap();
    until_state(&late, ReplicaState::Promoted).await;
    assert_eq!(port_of_read(&late, &cluster.a).await, primary().port());
    assert_eq!(late.statistics().replicas[0].reads, 0);
}

#[tokio::test]
async fn replica_login_that_bypasses_rls_is_never_used() {
    let cluster = Cluster::open().await;
    let mut replica = cluster.replica().await;
    let superuser = replica.url("postgres", primary().password(), &cluster.name);
    let config = || cluster.config().replica(&superuser).unwrap();
    let refused = Database::connect(config()).await;
    assert_eq!(kind(refused), ErrorKind::BypassesRls);

    // Unreachable at the start, it is checked when it comes back.
    replica.stop().unwrap();
    let db = Database::connect(config()).await.unwrap();
    until_state(&db, ReplicaState::Lost).await;
    let mut replica = tokio::task::spawn_blocking(move || {
        replica.start().unwrap();
        replica
    })
    .await
    .unwrap();
    until_state(&db, ReplicaState::Refused).await;
    assert_eq!(port_of_read(&db, &cluster.a).await, primary().port());
    assert_eq!(db.statistics().replicas[0].reads, 0);
    replica.stop().unwrap();
}

#[tokio::test]
async fn replica_of_another_database_is_never_used() {
    let cluster = Cluster::open().await;
    let other = Cluster::open().await;
    let replica = Cluster::shared_replica().await;
    let config = cluster.config().replica(&other.on(replica)).unwrap();
    let db = Database::connect(config).await.unwrap();
    until_state(&db, ReplicaState::Refused).await;
    assert_eq!(port_of_read(&db, &cluster.a).await, primary().port());
}

#[tokio::test]
async fn replica_behind_pgbouncer_is_read() {
    let cluster = Cluster::open().await;
    // Copied with the database in it: PgBouncer remembers for a while that a server has none.
    let replica = cluster.replica().await;
    let bouncer = PgBouncer::before(replica.port(), 1);
    let url = cluster.on(&replica);
    let url = url.replace(&replica.port().to_string(), &bouncer.port.to_string());
    let config = cluster.config().pgbouncer(true).replica(&url).unwrap();
    let db = Database::connect(config).await.unwrap();
    until_state(&db, ReplicaState::Fit).await;
    for context in [&cluster.a, &cluster.b, &cluster.a] {
        assert_eq!(port_of_read(&db, context).await, replica.port());
        assert_eq!(total(&db, context).await, 10);
    }
    // One server connection for the probe and all sessions, and no answer to the wrong question.
    until(&db, |it| it.replicas[0].lag.is_some()).await;
    assert_eq!(db.statistics().replicas[0].losses, 0);
    // PgBouncer waits for its clients before it ends.
    db.close().await;
}

#[tokio::test]
async fn sqlite_has_no_replicas() {
    let config = DatabaseConfig::new("sqlite::memory:").unwrap();
    let refused = Database::connect(config.replica("postgres://h/d").unwrap()).await;
    assert_eq!(kind(refused), ErrorKind::Config);
}
