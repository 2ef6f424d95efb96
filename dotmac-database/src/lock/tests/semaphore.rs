//! A lock that several may hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt;

use super::faulty::{Fault, Faults, Faulty};
use super::{TTL, WAIT, acme, elsewhere, import};
use crate::error::{Error, LockError};
use crate::lock::local::Local;
use crate::lock::{LockGuard, Locks, Semaphore};

fn permits(locks: &Locks, count: usize) -> Semaphore {
    import(locks).with_permits(count).expect("a semaphore")
}

async fn taken(semaphore: &Semaphore) -> Option<LockGuard> {
    let semaphore = semaphore.clone();
    elsewhere(async move { semaphore.try_acquire(&acme()).await.expect("asks") }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_its_permits_are_held_and_all_of_them_are() {
    let keeper = Arc::new(Local::default());
    let (inside, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let tasks = (0..12).map(|_| {
        // Each in a process of its own.
        let semaphore = permits(&Faulty::to(&keeper).locks(), 3);
        let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
        tokio::spawn(async move {
            for _ in 0..50 {
                let guard = semaphore.acquire(&acme(), Duration::from_secs(60)).await;
                let guard = guard.expect("gets one");
                let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                guard.release().await.expect("gives back");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("ends");
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn waiter_gets_the_permit_that_is_free_first() {
    let locks = Locks::in_process();
    let semaphore = permits(&locks, 4);
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(taken(&semaphore).await.expect("is free"));
    }
    assert!(taken(&semaphore).await.is_none());
    for freed in [2, 0, 3, 1] {
        let waiter = semaphore.clone();
        let waiter = tokio::spawn(async move { waiter.acquire(&acme(), WAIT).await });
        tokio::task::yield_now().await;
        let name = held[freed].name().clone();
        let empty = held.remove(freed);
        empty.release().await.expect("gives back");
        let guard = waiter.await.expect("ends").expect("gets it");
        assert_eq!(guard.name(), &name);
        held.insert(freed, guard);
    }
    tokio::time::sleep(TTL * 3).await;
    assert!(held.iter().all(LockGuard::is_valid), "they are renewed");
    held.clear();
    tokio::time::sleep(WAIT).await;
    assert_eq!(locks.statistics().held, 0);
    assert_eq!(locks.0.turns.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_is_told_and_leaves_nothing() {
    let locks = Locks::in_process();
    let semaphore = permits(&locks, 2);
    let one = taken(&semaphore).await.expect("is free");
    let other = taken(&semaphore).await.expect("is free");
    let waits = semaphore.clone();
    let told = elsewhere(async move { waits.acquire(&acme(), WAIT).await }).await;
    let Err(Error::Lock(LockError::TimedOut { name, waited: WAIT })) = told else {
        panic!("{told:?}");
    };
    assert_eq!(name, "import");
    // One that is dropped while it waits.
    let context = acme();
    assert!(semaphore.acquire(&context, WAIT).now_or_never().is_none());
    drop((one, other));
    tokio::time::sleep(WAIT).await;
    assert_eq!(locks.0.turns.len(), 0);
    let both = (taken(&semaphore).await, taken(&semaphore).await);
    assert!(both.0.is_some() && both.1.is_some());
}

#[tokio::test(start_paused = true)]
async fn permit_that_cannot_be_asked_for_keeps_nobody_from_another() {
    let way = Faulty::new();
    let semaphore = permits(&way.locks(), 2);
    let one = taken(&semaphore).await.expect("is free");
    let other = taken(&semaphore).await.expect("is free");
    let waiter = semaphore.clone();
    let waiter = tokio::spawn(async move { waiter.acquire(&acme(), WAIT).await });
    tokio::task::yield_now().await;
    way.set(Faults {
        attempt: Fault::Fails,
        names: "import#0",
        ..Faults::default()
    });
    let (first, second) = match one.name().name() {
        "import#0" => (one, other),
        _ => (other, one),
    };
    first.release().await.expect("gives back");
    tokio::time::sleep(WAIT / 2).await;
    second.release().await.expect("gives back");
    let guard = waiter.await.expect("ends").expect("gets the other");
    assert_eq!(guard.name().name(), "import#1");
    drop(guard);
    tokio::time::sleep(WAIT).await;
    for _ in 0..10 {
        let guard = taken(&semaphore).await.expect("the other is free");
        guard.release().await.expect("gives back");
    }
    way.set(Faults {
        attempt: Fault::Fails,
        ..Faults::default()
    });
    let waits = semaphore.clone();
    let refused = elsewhere(async move { waits.acquire(&acme(), WAIT).await });
    assert!(matches!(
        refused.await,
        Err(Error::Lock(LockError::Unavailable { .. }))
    ));
}

#[tokio::test(start_paused = true)]
async fn who_has_all_is_told_instead_of_waiting_for_itself() {
    let semaphore = permits(&Locks::in_process(), 2);
    let mut held = Vec::new();
    for _ in 0..2 {
        let permit = semaphore.try_acquire(&acme()).await.expect("asks");
        held.push(permit.expect("is free"));
    }
    for asked in [
        semaphore.try_acquire(&acme()).await.map(|_| ()),
        semaphore.acquire(&acme(), WAIT).await.map(|_| ()),
    ] {
        assert!(matches!(
            asked,
            Err(Error::Lock(LockError::AlreadyHeld { .. }))
        ));
    }
}

#[test]
fn number_of_permits_is_checked() {
    let lock = import(&Locks::in_process());
    for count in [0, 101, usize::MAX] {
        assert!(matches!(
            lock.with_permits(count),
            Err(Error::Lock(LockError::InvalidPermits { most: 100 }))
        ));
    }
}
