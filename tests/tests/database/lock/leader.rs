//! Leaders in processes of their own, which are killed and stopped.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use dotmac_database::lock::{Fence, Leader};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::redis::child::{self, Role};
use super::redis::support::{WAIT, acme, import, locks};
use crate::cache::server::ThrowawayRedis;

const TTL_MS: u64 = 1_500;
const TTL: Duration = Duration::from_millis(TTL_MS);
/// Others ask within a second, and a busy machine takes its time.
const LATE: Duration = Duration::from_secs(4);

/// A process that leads, and its fence.
async fn leading(redis: &ThrowawayRedis) -> (Child, Fence) {
    let port = redis.port();
    let started = tokio::task::spawn_blocking(move || {
        let mut child = child::start(port, Role::Leader { ttl_ms: TTL_MS });
        let fence = child::hear(&mut child, "leads=");
        (child, Fence::from_number(fence.parse().expect("a number")))
    });
    started.await.expect("leads")
}

/// A candidate of this process.
async fn candidate(redis: &ThrowawayRedis) -> (Leader, JoinHandle<()>) {
    let leader = Leader::new(import(&locks(redis).await, TTL));
    let stands = leader.clone();
    let stands = tokio::spawn(async move {
        let task = |_| std::future::pending::<()>();
        let led = stands.run(acme(), std::future::pending(), task).await;
        led.expect("stands");
    });
    (leader, stands)
}

fn signal(child: &Child, signal: &str) {
    let mut kill = Command::new("kill");
    kill.args([signal, &child.id().to_string()]);
    assert!(kill.status().expect("kill").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lead_moves_from_a_process_that_is_killed_within_its_time() {
    let redis = ThrowawayRedis::start();
    let (mut child, fence) = leading(&redis).await;
    let (leader, standing) = candidate(&redis).await;
    assert!(timeout(TTL * 3 / 2, leader.elected()).await.is_err());
    child.kill().expect("is killed");
    child.wait().expect("has ended");
    let killed = Instant::now();
    let term = timeout(WAIT, leader.elected()).await.expect("is elected");
    assert!(killed.elapsed() < TTL + LATE, "{:?}", killed.elapsed());
    assert!(fence < term.fence());
    standing.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l06_leader_that_was_stopped_for_too_long_drops_its_task_when_it_wakes() {
    let redis = ThrowawayRedis::start();
    let (child, fence) = leading(&redis).await;
    let (leader, standing) = candidate(&redis).await;
    signal(&child, "-STOP");
    let term = timeout(WAIT, leader.elected()).await.expect("is elected");
    assert!(fence < term.fence());
    signal(&child, "-CONT");
    let heard = tokio::task::spawn_blocking(move || {
        let mut child = child;
        child::hear(&mut child, "dropped=");
        child
    });
    let mut child = heard.await.expect("its task was dropped");
    assert!(term.is_valid());
    // It stands again, and leads when this process ends.
    standing.abort();
    let again = tokio::task::spawn_blocking(move || {
        let again = child::hear(&mut child, "leads=");
        child.kill().expect("is killed");
        child.wait().expect("has ended");
        again
    });
    let again = again.await.expect("leads again").parse();
    assert!(term.fence().number() < again.expect("a number"));
}
