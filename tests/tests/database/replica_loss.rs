//! A replica that breaks while it is read, or was not there: no caller learns of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dotmac_database::prelude::*;
use dotmac_database::testing::ThrowawayReplica;
use dotmac_database::{ReplicaState, StartCheck};
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::cluster::{Cluster, port, port_of_read, primary, until, until_state};
use crate::fault_proxy::FaultProxy;
use crate::support::kind;

/// Ends the session's own connection where it runs on a replica.
const BREAK: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN \
    pg_terminate_backend(pg_backend_pid()) END, pg_sleep(0), inet_server_port() AS port";

fn breaking() -> Statement {
    Statement::from_string(DbBackend::Postgres, BREAK)
}

/// Starts or stops it beside the runtime.
async fn blocking(
    mut replica: ThrowawayReplica,
    change: impl FnOnce(&mut ThrowawayReplica) + Send + 'static,
) -> ThrowawayReplica {
    tokio::task::spawn_blocking(move || {
        change(&mut replica);
        replica
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_replica_leaves_and_rejoins_without_an_error_to_any_reader() {
    let cluster = Arc::new(Cluster::open().await);
    let replica = cluster.replica().await;
    let db = cluster.connect(&replica).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let (cluster, db, done) = (Arc::clone(&cluster), db.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    // One statement each: a session that has seen the replica cannot be moved.
                    let orders =
                        db.read(&cluster.a, async |tx| order::Entity::find().all(tx).await);
                    assert_eq!(orders.await.unwrap().len(), 1);
                }
            })
        })
        .collect();
    let reads = |db: &Database| db.statistics().replicas[0].reads;
    until(&db, |it| it.replicas[0].reads > 100).await;

    let stopping = Instant::now();
    let replica = blocking(replica, |it| it.stop().unwrap()).await;
    until_state(&db, ReplicaState::Lost).await;
    println!("stopped and left within {:?}", stopping.elapsed());
    let fallbacks = db.statistics().reads.fallbacks;
    until(&db, |it| it.reads.fallbacks > fallbacks + 100).await;

    let before = reads(&db);
    let starting = Instant::now();
    let replica = blocking(replica, |it| it.start().unwrap()).await;
    let started = Instant::now();
    until(&db, |it| it.replicas[0].state != ReplicaState::Lost).await;
    let answered = started.elapsed();
    until(&db, |it| it.replicas[0].reads > before).await;
    println!(
        "started in {:?}, answered {answered:?} after, served {:?} after",
        started - starting,
        started.elapsed()
    );
    until(&db, |it| it.replicas[0].reads > before + 100).await;
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    drop(replica);
}

#[tokio::test]
async fn replica_that_is_unreachable_at_the_start_serves_when_it_comes() {
    let cluster = Cluster::open().await;
    let replica = cluster.replica().await;
    let replica = blocking(replica, |it| it.stop().unwrap()).await;
    let config = cluster.config().replica(&cluster.on(&replica)).unwrap();
    let db = Database::connect(config).await.unwrap();
    assert_eq!(db.statistics().replicas[0].state, ReplicaState::Lost);
    assert_eq!(port_of_read(&db, &cluster.a).await, primary().port());
    let replica = blocking(replica, |it| it.start().unwrap()).await;
    until_state(&db, ReplicaState::Fit).await;
    assert_eq!(port_of_read(&db, &cluster.a).await, replica.port());
}

#[tokio::test]
async fn replica_whose_login_takes_longer_than_a_round_serves_all_the_same() {
    let cluster = Cluster::open().await;
    let replica = Cluster::shared_replica().await;
    let network = FaultProxy::start(replica.port());
    // Three answers are a login, which no round of two seconds waits for; one answers a question.
    network.delay(Duration::from_millis(400));
    let (server, proxy) = (replica.port().to_string(), network.port().to_string());
    let url = cluster.on(replica).replace(&server, &proxy);
    let config = cluster.config().start_check(StartCheck::SkippedUnprotected);
    let db = Database::connect(config.replica(&url).unwrap())
        .await
        .unwrap();
    assert_eq!(db.statistics().replicas[0].state, ReplicaState::Lost);
    until_state(&db, ReplicaState::Fit).await;
    assert_eq!(
        network.connections(),
        1,
        "one login, and no other beside it"
    );
    db.close().await;
    let closed = async {
        while network.connections() > 0 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), closed).await;
    waited.expect("the probe's connection ends with the database");
}

#[tokio::test]
async fn session_whose_first_statement_breaks_goes_on_elsewhere() {
    let cluster = Cluster::open().await;
    let replica = Cluster::shared_replica().await;
    let db = cluster.connect(replica).await;
    let session = db
        .begin_with(&cluster.a, SessionOptions::read_only())
        .unwrap();
    // In a savepoint, which is sent again as well.
    let nested = session.nested().unwrap();
    let row = nested.query_one_raw(breaking()).await.unwrap().unwrap();
    assert_eq!(
        row.try_get::<i32>("", "port").unwrap(),
        i32::from(primary().port())
    );
    nested.commit().await.unwrap();
    assert_eq!(order::Entity::find().all(&session).await.unwrap().len(), 1);
    session.commit().await.unwrap();
    until(&db, |it| it.sessions.open == 0).await;
    let statistics = db.statistics();
    assert_eq!(statistics.replicas[0].losses, 1);
    assert_eq!(statistics.sessions.opened, 1);
    assert_eq!(statistics.sessions.committed, 1);
    until_state(&db, ReplicaState::Fit).await;
    assert_eq!(port_of_read(&db, &cluster.a).await, replica.port());
}

#[tokio::test]
async fn session_that_has_seen_the_replica_cannot_be_moved() {
    let cluster = Cluster::open().await;
    let replica = Cluster::shared_replica().await;
    let db = cluster.connect(replica).await;
    let session = db
        .begin_with(&cluster.a, SessionOptions::read_only())
        .unwrap();
    assert_eq!(port(&session).await.unwrap(), replica.port());
    assert_eq!(
        kind(session.query_one_raw(breaking()).await),
        ErrorKind::ConnectionLost
    );
    assert_eq!(kind(port(&session).await), ErrorKind::ConnectionLost);
    drop(session);
    until_state(&db, ReplicaState::Fit).await;
}

#[tokio::test]
async fn connection_that_broke_while_it_was_idle_is_no_error() {
    let cluster = Cluster::open().await;
    let replica = Cluster::shared_replica().await;
    let db = cluster.connect(replica).await;
    assert_eq!(port_of_read(&db, &cluster.a).await, replica.port());
    let admin = cluster.admin(replica).await;
    // Ended and gone, for which the timeout waits.
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    admin.execute_unprepared(end).await.unwrap();
    for _ in 0..20 {
        port_of_read(&db, &cluster.a).await;
    }
    until_state(&db, ReplicaState::Fit).await;
    assert_eq!(port_of_read(&db, &cluster.a).await, replica.port());
}
