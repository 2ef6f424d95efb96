//! Work that is done at most once in a period.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::faulty::Faulty;
use super::{acme, import};
use crate::error::{Error, LockError};
use crate::lock::local::Local;
use crate::lock::{Lock, Locks, Once};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MOMENT: Duration = Duration::from_millis(1);

/// Asks in a task of its own for work that takes so long.
async fn ask(lock: &Lock, time: Duration) -> Once<(), Infallible> {
    let lock = lock.clone();
    let asks = async move {
        let work = |_| async move {
            sleep(time).await;
            Ok(())
        };
        lock.run_once_per(&acme(), DAY, work).await.expect("asks")
    };
    super::elsewhere(asks).await
}

#[tokio::test(start_paused = true)]
async fn work_is_done_by_one_of_all_processes_in_a_period() {
    let keeper = Arc::new(Local::default());
    let done = Arc::new(AtomicU32::new(0));
    for day in 1..=3 {
        let asks = (0..50).map(|_| {
            // A process of its own.
            let lock = import(&Faulty::to(&keeper).locks());
            let done = Arc::clone(&done);
            tokio::spawn(async move {
                let work = |_| async {
                    done.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok::<_, Infallible>(())
                };
                lock.run_once_per(&acme(), DAY, work).await.expect("asks")
            })
        });
        let mut ran = 0;
        for ask in asks.collect::<Vec<_>>() {
            ran += u32::from(ask.await.expect("ends") == Once::Ran(()));
        }
        assert_eq!((ran, done.load(Ordering::SeqCst)), (1, day));
        sleep(DAY).await;
    }
}

#[tokio::test(start_paused = true)]
async fn period_begins_with_the_work_however_often_it_was_renewed() {
    let lock = import(&Locks::in_process());
    let begun = Instant::now();
    assert_eq!(ask(&lock, DAY * 4 / 5).await, Once::Ran(()));
    sleep(begun + DAY - MOMENT - Instant::now()).await;
    assert_eq!(ask(&lock, DAY * 2).await, Once::NotDue);
    sleep(MOMENT).await;
    let (long, begun) = (lock.clone(), Instant::now());
    let long = tokio::spawn(async move { ask(&long, DAY * 2).await });
    sleep(DAY * 2 - MOMENT).await;
    assert_eq!(ask(&lock, MOMENT).await, Once::NotDue, "it is under way");
    assert_eq!(long.await.expect("ends"), Once::Ran(()));
    assert_eq!(begun.elapsed(), DAY * 2);
    assert_eq!(ask(&lock, MOMENT).await, Once::Ran(()));
}

#[tokio::test(start_paused = true)]
async fn work_that_fails_is_due_again() {
    let lock = import(&Locks::in_process());
    let context = acme();
    let fails = lock.run_once_per(&context, DAY, |_| async { Err::<(), _>("full") });
    assert_eq!(fails.await.expect("asks"), Once::Failed("full"));
    assert_eq!(ask(&lock, MOMENT).await, Once::Ran(()));
}

#[tokio::test(start_paused = true)]
async fn work_that_is_dropped_or_panics_is_not_due_before_the_period_is_over() {
    let lock = import(&Locks::in_process());
    assert!(timeout(DAY / 4, ask(&lock, DAY * 3)).await.is_err());
    // The task that was left behind goes on; here, one that is dropped itself.
    let dropped = import(&Locks::in_process());
    let context = acme();
    let work = dropped.run_once_per(&context, DAY, |_| async {
        std::future::pending::<Result<(), Infallible>>().await
    });
    assert!(timeout(DAY / 4, work).await.is_err());
    assert_eq!(ask(&dropped, MOMENT).await, Once::NotDue);
    sleep(DAY * 3 / 4 - MOMENT * 2).await;
    assert_eq!(ask(&dropped, MOMENT).await, Once::NotDue);
    sleep(MOMENT * 2).await;
    assert_eq!(ask(&dropped, MOMENT).await, Once::Ran(()));

    let panics = import(&Locks::in_process());
    let own = panics.clone();
    let panicked = tokio::spawn(async move {
        let work = |_| async { panic!("on purpose") };
        own.run_once_per::<_, (), ()>(&acme(), DAY, work).await
    });
    assert!(panicked.await.is_err());
    assert_eq!(ask(&panics, MOMENT).await, Once::NotDue);
}

#[tokio::test(start_paused = true)]
async fn who_did_the_work_is_seen_and_an_operator_makes_it_due_again() {
    let locks = Locks::in_process();
    let lock = import(&locks);
    assert_eq!(ask(&lock, MOMENT).await, Once::Ran(()));
    let [holder] = &locks.holders(&acme()).await.expect("lists")[..] else {
        panic!("one has it");
    };
    assert_eq!(
        (&*holder.name, holder.process),
        ("import", std::process::id())
    );
    let is_due = locks.force_release(&acme(), "import").await;
    assert!(is_due.expect("asks"));
    assert_eq!(ask(&lock, MOMENT).await, Once::Ran(()));
}

#[tokio::test(start_paused = true)]
async fn work_whose_period_is_taken_away_is_dropped() {
    let locks = Locks::in_process();
    let lock = import(&locks);
    let context = acme();
    let work = lock.run_once_per(&context, DAY, |_| async {
        let taken = locks.force_release(&acme(), "import").await;
        assert!(taken.expect("asks"));
        std::future::pending::<Result<(), Infallible>>().await
    });
    assert!(matches!(
        work.await,
        Err(Error::Lock(LockError::Lost { .. }))
    ));
}

#[tokio::test]
async fn period_has_a_length() {
    let lock = import(&Locks::in_process());
    for period in [Duration::ZERO, Duration::MAX] {
        let asked = lock
            .run_once_per(&acme(), period, |_| async { Ok::<_, Infallible>(()) })
            .await;
        assert!(matches!(
            asked,
            Err(Error::Lock(LockError::InvalidDuration {
                option: "period",
                ..
            }))
        ));
    }
}
