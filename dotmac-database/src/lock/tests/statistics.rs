//! What is counted, and what is told.

use std::time::Duration;

use tokio::time::sleep;

use super::{TTL, WAIT, acme, elsewhere, import, is_free};
use crate::context::RequestContext;
use crate::lock::Locks;

#[tokio::test(start_paused = true)]
async fn each_ask_and_each_end_is_counted_once() {
    let locks = Locks::in_process();
    let lock = import(&locks);
    let guard = lock.acquire(&acme(), WAIT).await.expect("is free");
    let first = locks.statistics();
    assert_eq!((first.acquired, first.contended, first.held), (1, 0, 1));
    assert!(!is_free(&lock).await);
    let other = lock.clone();
    let in_vain = elsewhere(async move { other.acquire(&acme(), WAIT).await.is_err() });
    assert!(in_vain.await);
    let nobody = RequestContext::without_tenant();
    assert!(lock.try_acquire(&nobody).await.is_err(), "it never asks");
    assert!(lock.try_acquire(&acme()).await.is_err(), "it has it");
    let refused = locks.statistics();
    assert_eq!(
        (refused.contended, refused.timed_out, refused.failed),
        (2, 2, 1)
    );
    assert_eq!(refused.wait, WAIT);
    guard.release().await.expect("gives back");
    let released = locks.statistics();
    assert_eq!((released.held, released.ended, released.lost), (0, 1, 0));
    assert_eq!(released.hold, WAIT);

    let guard = lock.acquire(&acme(), WAIT).await.expect("is free");
    let is_taken = locks.force_release(&acme(), "import").await;
    assert!(is_taken.expect("asks"));
    guard.lost().await;
    drop(guard);
    let token = lock.acquire(&acme(), WAIT).await.expect("is free");
    let token = token.hand_over().expect("is held");
    let resumed = locks.resume(&token).await.expect("goes on");
    sleep(Duration::from_secs(1)).await;
    drop(resumed);
    sleep(TTL).await;
    let now = locks.statistics();
    assert_eq!((now.acquired, now.held), (3, 0));
    assert_eq!((now.ended, now.lost), (3, 1), "one was handed over");
}
