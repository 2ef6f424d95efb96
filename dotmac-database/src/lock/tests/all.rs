//! Several locks at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::{TTL, WAIT, acme, elsewhere, is_free};
use crate::error::{Error, LockError};
use crate::lock::{Lock, Locks, Released};

fn three(locks: &Locks) -> [Lock; 3] {
    ["a", "b", "c"].map(|name| {
        let lock = locks.lock(name).and_then(|lock| lock.with_ttl(TTL));
        lock.expect("a lock")
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_of_the_call_is_a_deadlock() {
    let (locks, inside) = (Locks::in_process(), Arc::new(AtomicU32::new(0)));
    let orders = [[0, 1], [1, 0], [1, 2], [2, 1], [0, 2], [2, 0]];
    let tasks = orders.map(|order| {
        let (locks, inside) = (locks.clone(), Arc::clone(&inside));
        tokio::spawn(async move {
            let three = three(&locks);
            for _ in 0..1_000 {
                let wanted = order.map(|index: usize| &three[index]);
                let guards = Lock::acquire_all(wanted, &acme(), Duration::from_secs(60)).await;
                let guards = guards.expect("no deadlock");
                // Any two of three have one in common.
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                assert!(guards.is_valid());
                inside.fetch_sub(1, Ordering::SeqCst);
                assert_eq!(guards.release().await.expect("gives back"), Released::Now);
            }
        })
    });
    for task in tasks {
        task.await.expect("ends");
    }
}

#[tokio::test(start_paused = true)]
async fn all_are_taken_or_none_within_one_wait() {
    let locks = Locks::in_process();
    let [a, b, c] = three(&locks);
    let last = elsewhere({
        let c = c.clone();
        async move { c.acquire(&acme(), WAIT).await.expect("is free") }
    });
    let last = last.await;
    let before = Instant::now();
    let asked = Lock::acquire_all([&c, &b, &a], &acme(), WAIT).await;
    let Err(Error::Lock(LockError::TimedOut { name, waited: WAIT })) = asked else {
        panic!("{asked:?}");
    };
    assert_eq!((&*name, before.elapsed()), ("acme/c", WAIT));
    tokio::task::yield_now().await;
    assert!(is_free(&a).await && is_free(&b).await);
    drop(last);
    let guards = Lock::acquire_all([&c, &b, &a, &b], &acme(), WAIT).await;
    let guards = guards.expect("are free");
    let names: Vec<&str> = guards.guards().iter().map(|it| it.name().name()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn loss_of_one_is_told() {
    let locks = Locks::in_process();
    let [a, b, _] = three(&locks);
    let guards = Lock::acquire_all([&a, &b], &acme(), WAIT).await;
    let guards = guards.expect("are free");
    let is_taken = locks.force_release(&acme(), "b").await;
    assert!(is_taken.expect("asks"));
    guards.lost().await;
    assert!(!guards.is_valid());
    assert_eq!(guards.release().await.expect("asks"), Released::WasLost);
    assert!(is_free(&a).await, "the other one was given back");
    let none = Lock::acquire_all(Vec::<&Lock>::new(), &acme(), WAIT).await;
    assert!(none.expect("takes none").is_valid());
}
