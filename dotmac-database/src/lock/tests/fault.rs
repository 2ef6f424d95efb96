//! What becomes of locks when their keeper hangs, fails or panics.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep, timeout};

use super::faulty::{Fault, Faults, Faulty};
use super::{TTL, WAIT, acme, elsewhere, import, is_free};
use crate::error::{Error, LockError};
use crate::lock::{Lock, Locks, Released};

fn named(locks: &Locks, name: &str) -> Lock {
    let lock = locks.lock(name).and_then(|lock| lock.with_ttl(TTL));
    lock.expect("a lock")
}

fn keep(keep: Fault) -> Faults {
    Faults {
        keep,
        ..Faults::default()
    }
}

fn attempt(attempt: Fault) -> Faults {
    Faults {
        attempt,
        ..Faults::default()
    }
}

#[tokio::test(start_paused = true)]
async fn renewal_that_hangs_keeps_no_other_lock_from_its_own() {
    let way = Faulty::new();
    let locks = way.locks();
    let slow = named(&locks, "slow").acquire(&acme(), WAIT).await;
    let slow = slow.expect("is free");
    // Not together with the other one.
    sleep(TTL / 6).await;
    let other = named(&locks, "other").acquire(&acme(), WAIT).await;
    let other = other.expect("is free");
    way.set(Faults {
        names: "slow",
        ..keep(Fault::Hangs)
    });
    slow.lost().await;
    sleep(TTL * 10).await;
    assert!(other.is_valid());
}

#[tokio::test(start_paused = true)]
async fn l08_renewal_that_fails_is_tried_again_within_the_lease() {
    let way = Faulty::new();
    let lock = import(&way.locks());
    let guard = lock.acquire(&acme(), WAIT).await.expect("is free");
    for fault in [Fault::Fails, Fault::Hangs, Fault::Panics] {
        way.set(keep(fault));
        sleep(TTL / 2).await;
        assert!(guard.is_valid(), "{fault:?}");
        way.set(Faults::default());
        sleep(TTL * 3).await;
        assert!(guard.is_valid(), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn l08_loss_is_told_at_the_end_of_the_lease() {
    for fault in [Fault::Fails, Fault::Hangs, Fault::Panics] {
        let way = Faulty::new();
        let locks = way.locks();
        let lock = import(&locks);
        let guard = lock.acquire(&acme(), WAIT).await.expect("is free");
        let taken = Instant::now();
        way.set(keep(fault));
        guard.lost().await;
        let held = taken.elapsed();
        assert!(held < TTL && TTL * 9 / 10 < held, "{fault:?} {held:?}");
        assert_eq!(guard.release().await.expect("asks"), Released::WasLost);
        assert!(is_free(&lock).await, "it was given back where it is kept");
        assert_eq!(locks.statistics().lost, 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn keeper_that_is_away_is_asked_a_few_times_in_a_lease() {
    // An error comes at once, so it is asked each twentieth of the time to live.
    for (fault, least) in [(Fault::Fails, 10), (Fault::Hangs, 2)] {
        let way = Faulty::new();
        let lock = import(&way.locks());
        let guard = lock.acquire(&acme(), WAIT).await.expect("is free");
        way.set(keep(fault));
        let before = way.asked();
        guard.lost().await;
        let asked = way.asked() - before;
        assert!((least..20).contains(&asked), "{fault:?} {asked}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempt_that_hangs_is_told_and_gives_back_what_it_gets() {
    let way = Faulty::new();
    let lock = import(&way.locks());
    way.set(attempt(Fault::Hangs));
    let before = Instant::now();
    let asked = lock.try_acquire(&acme()).await;
    assert!(matches!(
        asked,
        Err(Error::Lock(LockError::Unavailable { .. }))
    ));
    assert!(before.elapsed() <= Duration::from_secs(5));
    way.set(Faults::default());
    let other = lock.clone();
    let taken = elsewhere(async move { other.acquire(&acme(), WAIT).await.map(drop) }).await;
    taken.expect("is free within a second");
}

#[tokio::test(start_paused = true)]
async fn l03_caller_that_goes_away_from_an_attempt_that_hangs_leaves_nothing() {
    let way = Faulty::new();
    let lock = import(&way.locks());
    way.set(attempt(Fault::Hangs));
    let left = timeout(WAIT / 10, lock.acquire(&acme(), WAIT)).await;
    assert!(left.is_err());
    way.set(Faults::default());
    let other = lock.clone();
    let taken = elsewhere(async move { other.acquire(&acme(), WAIT).await.map(drop) }).await;
    taken.expect("is free within a second");
}

#[tokio::test]
async fn l03_attempt_dropped_in_a_thread_without_runtime_leaves_nothing() {
    let way = Faulty::new();
    let lock = import(&way.locks());
    // It is taken, and nobody has heard of it.
    way.set(Faults {
        attempted: Fault::Hangs,
        ..Faults::default()
    });
    let other = lock.clone();
    let mut asks = Box::pin(async move { other.acquire(acme(), WAIT).await.map(drop) });
    assert!(futures_util::poll!(&mut asks).is_pending());
    std::thread::spawn(move || drop(asks))
        .join()
        .expect("does not panic");
    way.set(Faults::default());
    let taken = elsewhere(async move { lock.acquire(acme(), WAIT).await.map(drop) }).await;
    taken.expect("is free within a second");
}

#[tokio::test(start_paused = true)]
async fn attempt_that_fails_or_panics_leaves_nothing() {
    let way = Faulty::new();
    let lock = import(&way.locks());
    way.set(attempt(Fault::Fails));
    let failed = lock.try_acquire(&acme()).await;
    assert!(matches!(
        failed,
        Err(Error::Lock(LockError::Unavailable { .. }))
    ));
    way.set(attempt(Fault::Panics));
    let context = acme();
    let panicked = std::panic::AssertUnwindSafe(lock.try_acquire(&context));
    assert!(panicked.catch_unwind().await.is_err());
    way.set(Faults::default());
    assert!(is_free(&lock).await);
}

#[tokio::test(start_paused = true)]
async fn lock_that_cannot_be_given_back_is_free_when_its_time_is_over() {
    let way = Faulty::new();
    let lock = import(&way.locks());
    let guard = lock.acquire(&acme(), WAIT).await.expect("is free");
    way.set(Faults {
        give_back: Fault::Fails,
        ..Faults::default()
    });
    let released = guard.release().await;
    assert!(matches!(
        released,
        Err(Error::Lock(LockError::Unavailable { .. }))
    ));
    assert!(!is_free(&lock).await);
    sleep(TTL).await;
    assert!(is_free(&lock).await, "it is not renewed");
}

#[tokio::test(start_paused = true)]
async fn wait_may_be_as_long_as_a_duration() {
    let lock = import(&Locks::in_process());
    let guard = lock.acquire(&acme(), Duration::MAX).await;
    let guard = guard.expect("is free");
    let other = lock.clone();
    let waits = elsewhere(async move {
        let waits = other.acquire(acme(), Duration::MAX).map(drop);
        timeout(TTL * 100, waits).await.is_err()
    });
    assert!(waits.await);
    assert!(guard.is_valid());
}
