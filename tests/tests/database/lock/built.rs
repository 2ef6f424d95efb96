//! What is built on locks, over several processes: leaders, work once in a period, permits, several locks.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dotmac_database::lock::{Leader, Lock, Locks, Once, Term};
use dotmac_database::{Error, LockError, RequestContext};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::redis::support::locks;
use crate::cache::server::ThrowawayRedis;

const TTL: Duration = Duration::from_secs(2);
/// A limit that no test reaches where the code holds.
const LONG: Duration = Duration::from_secs(60);

/// The locks of three processes that share a keeper.
pub type Processes = [Locks; 3];

fn in_process() -> Processes {
    let locks = Locks::in_process();
    [locks.clone(), locks.clone(), locks]
}

/// The locks of three clients of one Redis, which lives as long as the first value.
async fn in_redis() -> (ThrowawayRedis, Processes) {
    let redis = ThrowawayRedis::start();
    let processes = [
        locks(&redis).await,
        locks(&redis).await,
        locks(&redis).await,
    ];
    (redis, processes)
}

fn acme() -> RequestContext {
    RequestContext::tenant("acme").unwrap()
}

fn lock(locks: &Locks, name: &str) -> Lock {
    locks.lock(name).unwrap().with_ttl(TTL).unwrap()
}

/// How many are inside at a moment, and were at most.
#[derive(Clone, Default)]
struct Room(Arc<(AtomicU32, AtomicU32)>);

struct Visit(Room);

impl Room {
    fn enter(&self) -> Visit {
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(now, Ordering::SeqCst);
        Visit(self.clone())
    }

    fn most(&self) -> u32 {
        self.0.1.load(Ordering::SeqCst)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One leads at a time; the lead moves when a process goes, and when an operator takes it away.
pub async fn one_leads(processes: Processes) {
    let room = Room::default();
    let leaders = processes
        .each_ref()
        .map(|locks| Leader::new(lock(locks, "lead")));
    let mut standing = leaders.each_ref().map(|leader| stand(leader, &room));
    let (mut at, mut term) = elected(&leaders).await;
    for _ in 0..3 {
        standing[at].abort();
        let _ = (&mut standing[at]).await;
        let (next, new) = elected(&leaders).await;
        assert!(!term.is_valid() && term.fence() < new.fence());
        standing[at] = stand(&leaders[at], &room);
        (at, term) = (next, new);
    }
    let broken = processes[0].force_release(acme(), "lead").await;
    assert!(broken.unwrap());
    let evicted = Instant::now();
    while term.is_valid() {
        assert!(evicted.elapsed() < LONG);
        tokio::task::yield_now().await;
    }
    let (_, new) = elected(&leaders).await;
    assert!(term.fence() < new.fence());
    // An eviction is the one case in which two may work for a moment.
    assert!(room.most() <= 2);
    for task in standing {
        task.abort();
    }
}

/// Stands for election in a task of its own, and works for ever.
fn stand(leader: &Leader, room: &Room) -> JoinHandle<Result<(), Error>> {
    let (leader, room) = (leader.clone(), room.clone());
    tokio::spawn(async move {
        let task = |_| {
            let visit = room.enter();
            async move {
                let _visit = visit;
                pending::<()>().await;
            }
        };
        leader.run(acme(), pending(), task).await.map(drop)
    })
}

async fn elected(leaders: &[Leader; 3]) -> (usize, Term) {
    let won = async {
        tokio::select! {
            term = leaders[0].elected() => (0, term),
            term = leaders[1].elected() => (1, term),
            term = leaders[2].elected() => (2, term),
        }
    };
    timeout(LONG, won).await.expect("one leads")
}

/// Of many that ask at once, one does the work.
pub async fn one_runs_in_a_period(processes: Processes) {
    let (done, room) = (Arc::new(AtomicU32::new(0)), Room::default());
    let asks = (0..30).map(|number| {
        let lock = lock(&processes[number % 3], "daily");
        let (done, room) = (Arc::clone(&done), room.clone());
        tokio::spawn(async move {
            let work = |_| async {
                let _visit = room.enter();
                done.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok::<_, Infallible>(())
            };
            lock.run_once_per(acme(), LONG, work).await.unwrap()
        })
    });
    let mut ran = 0;
    for ask in asks.collect::<Vec<_>>() {
        ran += u32::from(ask.await.unwrap() == Once::Ran(()));
    }
    assert_eq!((ran, done.load(Ordering::SeqCst), room.most()), (1, 1, 1));
    let holders = processes[1].holders(acme()).await.unwrap();
    let mark = holders.iter().find(|holder| holder.name == "daily");
    assert_eq!(mark.unwrap().process, std::process::id());
    assert!(processes[2].force_release(acme(), "daily").await.unwrap());
    let failed = lock(&processes[0], "daily");
    let failed = failed.run_once_per(acme(), LONG, |_| async { Err::<(), _>("full") });
    assert_eq!(failed.await.unwrap(), Once::Failed("full"));
    let again = lock(&processes[1], "daily");
    let again = again.run_once_per(acme(), LONG, |_| async { Ok::<_, Infallible>(()) });
    assert_eq!(again.await.unwrap(), Once::Ran(()));
}

/// The mark ends with its period, counted from the beginning of the work, also where it was renewed.
pub async fn period_ends(processes: Processes) {
    let (period, begun) = (Duration::from_millis(1_500), Instant::now());
    let long = lock(&processes[0], "often");
    let work = |_| async move {
        // Beyond the first renewals.
        tokio::time::sleep_until(begun + period * 4 / 5).await;
        Ok::<_, Infallible>(())
    };
    let ran = long.run_once_per(acme(), period, work).await.unwrap();
    assert_eq!(ran, Once::Ran(()));
    loop {
        let next = lock(&processes[1], "often");
        let next = next.run_once_per(acme(), LONG, |_| async { Ok::<_, Infallible>(()) });
        match next.await.unwrap() {
            Once::Ran(()) => break,
            _ => assert!(begun.elapsed() < LONG),
        }
        tokio::task::yield_now().await;
    }
    assert!(period <= begun.elapsed(), "{:?}", begun.elapsed());
}

/// No more than there are permits, and all of them.
pub async fn permits_are_counted(processes: Processes) {
    let room = Room::default();
    let tasks = (0..9).map(|number| {
        let semaphore = lock(&processes[number % 3], "report").with_permits(2);
        let (semaphore, room) = (semaphore.unwrap(), room.clone());
        tokio::spawn(async move {
            for _ in 0..10 {
                let guard = semaphore.acquire(acme(), LONG).await.unwrap();
                let visit = room.enter();
                tokio::task::yield_now().await;
                drop(visit);
                guard.release().await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(room.most(), 2);
}

/// Calls that name locks in different orders do not wait for each other for ever.
pub async fn no_order_is_a_deadlock(processes: Processes, turns: u32) {
    let room = Room::default();
    let orders = [["a", "b"], ["b", "a"], ["b", "a"]];
    let tasks = [0, 1, 2].map(|number: usize| {
        let locks = orders[number].map(|name| lock(&processes[number], name));
        let room = room.clone();
        tokio::spawn(async move {
            for _ in 0..turns {
                let guards = Lock::acquire_all(&locks, acme(), LONG).await.unwrap();
                let visit = room.enter();
                tokio::task::yield_now().await;
                drop(visit);
                guards.release().await.unwrap();
            }
        })
    });
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(room.most(), 1);
    let b = lock(&processes[0], "b")
        .acquire(acme(), LONG)
        .await
        .unwrap();
    let both = ["b", "a"].map(|name| lock(&processes[1], name));
    let short = Duration::from_millis(50);
    let asked = tokio::spawn(async move { Lock::acquire_all(&both, acme(), short).await });
    assert!(matches!(
        asked.await.unwrap(),
        Err(Error::Lock(LockError::TimedOut { .. }))
    ));
    assert!(b.is_valid());
    let a = lock(&processes[2], "a").acquire(acme(), LONG).await;
    assert!(a.unwrap().is_valid(), "the first one was given back");
}

#[tokio::test]
async fn in_the_process_one_leads() {
    one_leads(in_process()).await;
}

#[tokio::test]
async fn in_the_process_one_runs_in_a_period() {
    one_runs_in_a_period(in_process()).await;
}

#[tokio::test]
async fn in_the_process_a_period_ends() {
    period_ends(in_process()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_process_permits_are_counted() {
    permits_are_counted(in_process()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_process_no_order_is_a_deadlock() {
    no_order_is_a_deadlock(in_process(), 1_000).await;
}

#[tokio::test]
async fn in_redis_one_leads() {
    let (_redis, processes) = in_redis().await;
    one_leads(processes).await;
}

#[tokio::test]
async fn in_redis_one_runs_in_a_period() {
    let (_redis, processes) = in_redis().await;
    one_runs_in_a_period(processes).await;
}

#[tokio::test]
async fn in_redis_a_period_ends() {
    let (_redis, processes) = in_redis().await;
    period_ends(processes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_redis_permits_are_counted() {
    let (_redis, processes) = in_redis().await;
    permits_are_counted(processes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_redis_no_order_is_a_deadlock() {
    let (_redis, processes) = in_redis().await;
    no_order_is_a_deadlock(processes, 100).await;
}

#[tokio::test]
async fn in_redis_the_mark_of_a_long_period_stays_listed() {
    let (redis, processes) = in_redis().await;
    let month = Duration::from_secs(30 * 24 * 60 * 60);
    let monthly = lock(&processes[0], "monthly");
    let done = monthly.run_once_per(acme(), month, |_| async { Ok::<_, Infallible>(()) });
    assert_eq!(done.await.unwrap(), Once::Ran(()));
    // A lock that is short comes after it.
    let short = lock(&processes[1], "short").acquire(acme(), LONG).await;
    short.unwrap().release().await.unwrap();
    let left = redis.ask("PTTL dotmac:{acme}:locks");
    let left: u64 = left[1..].parse().unwrap();
    assert!(29 * 24 * 60 * 60 * 1_000 < left, "{left}");
}
