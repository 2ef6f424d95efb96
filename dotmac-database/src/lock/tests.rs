//! What holds for every keeper, seen with the locks of the process and a clock that stands still.

mod all;
mod fault;
mod faulty;
mod leader;
mod lease;
mod once;
mod semaphore;
mod statistics;
mod turn;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::poll;

use super::*;
use crate::context::{Global, RequestContext};
use crate::error::{Error, LockError};

const TTL: Duration = Duration::from_secs(3);
const WAIT: Duration = Duration::from_secs(1);

fn acme() -> RequestContext {
    RequestContext::tenant("acme").expect("is an id")
}

fn import(locks: &Locks) -> Lock {
    locks
        .lock("import")
        .and_then(|lock| lock.with_ttl(TTL))
        .expect("a lock")
}

/// Runs as a task of its own: one task does not wait for itself.
async fn elsewhere<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    tokio::spawn(work).await.expect("ends")
}

async fn is_free(lock: &Lock) -> bool {
    let lock = lock.clone();
    elsewhere(async move { lock.try_acquire(&acme()).await.expect("asks").is_some() }).await
}

#[tokio::test(start_paused = true)]
async fn one_holds_it_and_the_other_waits_for_its_end() {
    let lock = import(&Locks::in_process());
    let guard = lock
        .try_acquire(&acme())
        .await
        .expect("asks")
        .expect("is free");
    assert!(guard.is_valid());
    assert!(!is_free(&lock).await);
    let other = lock.clone();
    let waiter = tokio::spawn(async move { other.acquire(&acme(), WAIT).await });
    tokio::task::yield_now().await;
    assert_eq!(guard.release().await.expect("gives back"), Released::Now);
    let next = waiter.await.expect("ends").expect("gets it");
    assert!(next.is_valid());
}

#[tokio::test(start_paused = true)]
async fn l14_tenants_have_different_locks_of_one_name() {
    let locks = Locks::in_process();
    let lock = import(&locks);
    let beta = RequestContext::tenant("beta").expect("is an id");
    let _acme = lock
        .try_acquire(&acme())
        .await
        .expect("asks")
        .expect("is free");
    let _beta = lock
        .try_acquire(&beta)
        .await
        .expect("asks")
        .expect("is free");
    let global = locks.global("import").expect("a lock");
    let _global = global
        .try_acquire(Global)
        .await
        .expect("asks")
        .expect("is free");
    assert_eq!(locks.holders(&beta).await.expect("lists").len(), 1);
    assert!(matches!(
        lock.try_acquire(&RequestContext::without_tenant()).await,
        Err(Error::MissingTenant { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn who_holds_it_is_told_instead_of_waiting_for_itself() {
    let lock = import(&Locks::in_process());
    let _guard = lock
        .try_acquire(&acme())
        .await
        .expect("asks")
        .expect("is free");
    for asked in [
        lock.try_acquire(&acme()).await.map(|_| ()),
        lock.acquire(&acme(), WAIT).await.map(|_| ()),
    ] {
        assert!(
            matches!(asked, Err(Error::Lock(LockError::AlreadyHeld { .. }))),
            "{asked:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_in_vain_is_told_after_that_time() {
    let lock = import(&Locks::in_process());
    let guard = lock
        .try_acquire(&acme())
        .await
        .expect("asks")
        .expect("is free");
    let (other, before) = (lock.clone(), tokio::time::Instant::now());
    let asked = elsewhere(async move { other.acquire(&acme(), WAIT).await }).await;
    assert!(matches!(
        asked,
        Err(Error::Lock(LockError::TimedOut { waited: WAIT, .. }))
    ));
    assert_eq!(before.elapsed(), WAIT);
    assert!(guard.is_valid());
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_for_as_long_as_the_guard_lives() {
    let lock = import(&Locks::in_process());
    let guard = lock
        .try_acquire(&acme())
        .await
        .expect("asks")
        .expect("is free");
    for _ in 0..100 {
        tokio::time::sleep(TTL / 2).await;
        assert!(guard.is_valid());
        assert!(!is_free(&lock).await);
    }
    drop(guard);
    let other = lock.clone();
    elsewhere(async move { other.acquire(&acme(), WAIT).await.map(drop) })
        .await
        .expect("is free");
}

#[tokio::test(start_paused = true)]
async fn one_that_is_short_is_renewed_though_one_that_is_long_is_held() {
    let locks = Locks::in_process();
    let lock = |name, ttl| locks.lock(name).and_then(|lock| lock.with_ttl(ttl));
    let long = lock("long", TTL * 100).expect("a lock");
    let _long = long.acquire(&acme(), WAIT).await.expect("is free");
    tokio::time::sleep(TTL).await;
    let short = lock("short", TTL).expect("a lock");
    let short = short.acquire(&acme(), WAIT).await.expect("is free");
    tokio::time::sleep(TTL * 10).await;
    assert!(short.is_valid());
}

#[tokio::test(start_paused = true)]
async fn what_was_given_back_is_not_kept_in_mind() {
    let locks = Locks::in_process();
    let held = import(&locks).acquire(&acme(), WAIT).await;
    let held = held.expect("is free");
    for _ in 0..1_000 {
        let other = locks.lock("other").expect("a lock");
        let guard = other.acquire(&acme(), WAIT).await.expect("is free");
        guard.release().await.expect("gives back");
    }
    let kept = locks.0.keeper.len();
    assert!(kept < 100, "{kept} of one");
    tokio::time::sleep(TTL * 2).await;
    assert_eq!(locks.0.keeper.len(), 1);
    assert!(held.is_valid());
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_is_taken_away_is_lost_within_a_renewal() {
    let locks = Locks::in_process();
    let lock = import(&locks);
    let guard = lock
        .try_acquire(&acme())
        .await
        .expect("asks")
        .expect("is free");
    assert!(
        locks
            .force_release(&acme(), "import")
            .await
            .expect("takes it away")
    );
    assert!(
        !locks
            .force_release(&acme(), "import")
            .await
            .expect("nobody has it")
    );
    let before = tokio::time::Instant::now();
    guard.lost().await;
    assert!(
        before.elapsed() <= TTL / 3 + Duration::from_millis(1),
        "{:?}",
        before.elapsed()
    );
    assert!(!guard.is_valid());
    assert!(
        is_free(&lock).await,
        "whoever waits in this process may ask"
    );
    assert_eq!(guard.release().await.expect("is told"), Released::WasLost);
}

#[tokio::test(start_paused = true)]
async fn the_cap_ends_it_though_the_holder_lives() {
    let lock = import(&Locks::in_process())
        .with_max_hold(TTL * 3)
        .expect("a cap");
    let guard = lock
        .try_acquire(&acme())
        .await
        .expect("asks")
        .expect("is free");
    let before = tokio::time::Instant::now();
    guard.lost().await;
    assert_eq!(before.elapsed(), TTL * 3);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(is_free(&lock).await);
}

#[tokio::test(start_paused = true)]
async fn work_is_dropped_when_the_lock_is_lost() {
    let locks = Locks::in_process();
    let lock = import(&locks);
    let done = lock
        .run(&acme(), WAIT, |fence| async move { fence })
        .await
        .expect("runs");
    let evicted = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&evicted);
    let context = acme();
    let run = lock.run(&context, WAIT, |fence| async move {
        assert!(fence > done, "the fence grows");
        locks
            .force_release(&acme(), "import")
            .await
            .expect("takes it away");
        seen.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<()>().await;
    });
    assert!(matches!(
        run.await,
        Err(Error::Lock(LockError::Lost { .. }))
    ));
    assert_eq!(evicted.load(Ordering::Relaxed), 1);
    assert!(is_free(&lock).await);
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_where_it_is_handed_over() {
    let locks = Locks::in_process();
    let lock = import(&locks);
    let asked = acme().request_id("r-1").expect("valid");
    let guard = lock
        .try_acquire(&asked)
        .await
        .expect("asks")
        .expect("is free");
    let fence = guard.fence();
    let token = guard.hand_over().expect("is held");
    assert!(!is_free(&lock).await, "nobody has it, and nobody may");
    let (resumed, again) = (locks.clone(), token.clone());
    let there = elsewhere(async move { resumed.resume(&token).await })
        .await
        .expect("goes on");
    assert_eq!(there.fence(), fence);
    let twice = locks.resume(&again).await;
    assert!(matches!(twice, Err(Error::Lock(LockError::Lost { .. }))));
    let holders = locks.holders(&acme()).await.expect("lists");
    assert_eq!(holders.len(), 1);
    assert_eq!(holders[0].fence, Some(fence));
    assert_eq!(holders[0].request_id, None, "it is not that of the first");
    tokio::time::sleep(TTL * 2).await;
    assert!(there.is_valid());
}

#[tokio::test(start_paused = true)]
async fn l03_a_future_dropped_after_any_poll_leaves_nothing() {
    let locks = Locks::in_process();
    let lock = import(&locks);
    for polls in 1..8 {
        {
            let (context, mut left) = (acme(), polls);
            let mut asks = pin!(lock.acquire(&context, WAIT));
            while left > 0 && poll!(&mut asks).is_pending() {
                tokio::task::yield_now().await;
                left -= 1;
            }
        }
        let other = lock.clone();
        let taken = elsewhere(async move { other.acquire(&acme(), WAIT).await.map(drop) }).await;
        taken.expect("is free within a second");
    }
    tokio::time::sleep(WAIT).await;
    assert_eq!(locks.0.turns.len(), 0, "no queue is left behind");
}

#[tokio::test(start_paused = true)]
async fn l10_a_guard_may_be_dropped_in_a_panic_and_in_a_thread_without_runtime() {
    let lock = import(&Locks::in_process());
    let other = lock.clone();
    let panicked = tokio::spawn(async move {
        let _guard = other
            .try_acquire(&acme())
            .await
            .expect("asks")
            .expect("is free");
        panic!("on purpose");
    });
    assert!(panicked.await.is_err());
    let guard = lock.acquire(&acme(), WAIT).await.expect("was given back");
    std::thread::spawn(move || drop(guard))
        .join()
        .expect("does not panic");
    let again = lock.acquire(&acme(), WAIT).await;
    assert!(again.expect("was given back").is_valid());
}

#[test]
fn l10_a_guard_may_outlive_its_runtime() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("starts")
    };
    let locks = Locks::in_process();
    let lock = locks
        .lock("import")
        .and_then(|lock| lock.with_ttl(Duration::from_millis(100)))
        .expect("a lock");
    let first = runtime();
    let guard = first.block_on(async { lock.acquire(&acme(), WAIT).await.expect("is free") });
    drop(first);
    drop(guard);
    let again = runtime().block_on(async {
        lock.acquire(&acme(), WAIT)
            .await
            .map(|guard| guard.is_valid())
    });
    assert!(again.expect("its time is over"));
}

#[test]
fn names_and_times_are_checked() {
    let locks = Locks::in_process();
    for name in ["", "a\nb", &"x".repeat(201)] {
        assert!(
            matches!(locks.lock(name), Err(Error::Lock(LockError::InvalidName))),
            "{name:?}"
        );
    }
    for ttl in [Duration::ZERO, Duration::from_millis(99), Duration::MAX] {
        let lock = locks.lock("import").and_then(|lock| lock.with_ttl(ttl));
        assert!(matches!(
            lock,
            Err(Error::Lock(LockError::InvalidDuration { .. }))
        ));
    }
}
