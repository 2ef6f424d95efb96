//! Who leads, and how the lead moves.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::faulty::{Fault, Faults, Faulty};
use super::{TTL, acme, import};
use crate::context::RequestContext;
use crate::error::{Error, LockError};
use crate::lock::local::Local;
use crate::lock::{Leader, Led, Locks, Term};

/// A candidate of its own process, whose locks go this way.
fn candidate(way: &Faulty) -> Leader {
    Leader::new(import(&way.locks()))
}

/// Counts those who do the work at a moment.
#[derive(Clone, Default)]
struct Desk(Arc<AtomicU32>);

struct Worker(Arc<AtomicU32>);

impl Desk {
    fn sit_down(&self) -> Worker {
        assert_eq!(self.0.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
        Worker(Arc::clone(&self.0))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Stands for election in a task of its own, and works for ever.
fn stand(leader: &Leader, desk: &Desk) -> tokio::task::JoinHandle<()> {
    let (leader, desk) = (leader.clone(), desk.clone());
    tokio::spawn(async move {
        let led = leader.run(acme(), pending(), |_| {
            let worker = desk.sit_down();
            async move {
                let _worker = worker;
                pending::<()>().await;
            }
        });
        led.await.expect("stands");
    })
}

#[tokio::test(start_paused = true)]
async fn task_that_ends_gives_the_lead_to_another() {
    let locks = Locks::in_process();
    let (one, other) = (Leader::new(import(&locks)), Leader::new(import(&locks)));
    let (end, ends) = oneshot::channel();
    let first = one.clone();
    let first = tokio::spawn(async move {
        let mut ends = Some(ends);
        let task = |_| {
            let ends = ends.take().expect("is begun once");
            async { ends.await.expect("is told") }
        };
        first.run(&acme(), pending(), task).await.expect("leads")
    });
    let before = one.elected().await;
    let waiting = stand(&other, &Desk::default());
    tokio::task::yield_now().await;
    assert!(one.is_leader() && !other.is_leader());
    end.send(7).expect("listens");
    let after = other.elected().await;
    assert_eq!(first.await.expect("ends"), Led::Done(7));
    assert!(!one.is_leader() && other.is_leader());
    assert!(before.fence() < after.fence());
    assert!(!before.is_valid());
    waiting.abort();
}

#[tokio::test(start_paused = true)]
async fn task_is_dropped_when_the_lead_is_lost_and_begun_again_when_it_is_won() {
    let (locks, desk) = (Locks::in_process(), Desk::default());
    let leader = Leader::new(import(&locks));
    let standing = stand(&leader, &desk);
    for _ in 0..10 {
        let term = leader.elected().await;
        assert!(
            locks
                .force_release(&acme(), "import")
                .await
                .expect("is taken away")
        );
        let next = loop {
            // A poll of a lock that is free comes after 100 ms at the latest.
            sleep(Duration::from_millis(100)).await;
            if let Some(next) = leader.term().filter(|next| term.fence() < next.fence()) {
                break next;
            }
        };
        assert!(!term.is_valid() && next.is_valid());
    }
    standing.abort();
}

#[tokio::test(start_paused = true)]
async fn lead_moves_within_its_time_from_a_process_that_is_cut_off() {
    for fault in [Fault::Fails, Fault::Hangs, Fault::Panics] {
        let (keeper, desk) = (Arc::new(Local::default()), Desk::default());
        let (near, far) = (Faulty::to(&keeper), Faulty::to(&keeper));
        let (one, other) = (candidate(&near), candidate(&far));
        let first = stand(&one, &desk);
        one.elected().await;
        let second = stand(&other, &desk);
        sleep(TTL * 5).await;
        assert!(one.is_leader() && !other.is_leader());
        near.set(Faults {
            attempt: Fault::Fails,
            attempted: Fault::None,
            keep: fault,
            give_back: fault,
            names: "",
        });
        let cut_off = Instant::now();
        other.elected().await;
        assert!(cut_off.elapsed() <= TTL + Duration::from_millis(100));
        assert!(!one.is_leader(), "its task is gone: the desk was free");
        first.abort();
        second.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn lead_is_won_when_the_keeper_is_back() {
    for fault in [Fault::Fails, Fault::StandsBy] {
        let way = Faulty::new();
        way.set(Faults {
            attempt: fault,
            ..Faults::default()
        });
        let leader = candidate(&way);
        let standing = stand(&leader, &Desk::default());
        sleep(TTL * 10).await;
        assert!(!leader.is_leader());
        way.set(Faults::default());
        let back = Instant::now();
        leader.elected().await;
        assert!(back.elapsed() <= TTL / 6);
        standing.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn what_asking_again_does_not_mend_is_an_error() {
    let leader = Leader::new(import(&Locks::in_process()));
    let nobody = RequestContext::without_tenant();
    let led = leader
        .run(&nobody, pending(), |_| async { unreachable!() })
        .await;
    assert!(matches!(
        led,
        Err::<Led<()>, _>(Error::MissingTenant { .. })
    ));
    let own = import(&Locks::in_process());
    let _guard = own.try_acquire(&acme()).await.expect("asks");
    let leader = Leader::new(own);
    let led = leader.run(acme(), pending(), |_| async { unreachable!() });
    assert!(matches!(
        led.await,
        Err::<Led<()>, _>(Error::Lock(LockError::AlreadyHeld { .. }))
    ));
}

#[tokio::test(start_paused = true)]
async fn stop_ends_a_candidate_and_a_leader_and_gives_the_lead_back() {
    let locks = Locks::in_process();
    let (stop, desk) = (CancellationToken::new(), Desk::default());
    let run = |leader: Leader| {
        let (stop, desk) = (stop.clone(), desk.clone());
        tokio::spawn(async move {
            let task = |_| {
                let worker = desk.sit_down();
                async move {
                    let _worker = worker;
                    pending::<()>().await;
                }
            };
            let led = leader.run(&acme(), stop.cancelled(), task).await;
            led.expect("stands")
        })
    };
    let leader = Leader::new(import(&locks));
    let leads = run(leader.clone());
    leader.elected().await;
    let waits = run(Leader::new(import(&locks)));
    tokio::task::yield_now().await;
    stop.cancel();
    assert_eq!(leads.await.expect("ends"), Led::Stopped);
    assert_eq!(waits.await.expect("ends"), Led::Stopped);
    assert!(!leader.is_leader());
    assert!(super::is_free(&import(&locks)).await, "without a pause");
}

#[tokio::test(start_paused = true)]
async fn task_may_end_by_itself_within_its_grace() {
    let ends_in = |time: Duration| {
        move |term: Term| async move {
            term.stopping().await;
            sleep(time).await;
            assert!(term.is_valid(), "it leads until its end");
        }
    };
    for (time, led) in [(TTL * 2, Led::Done(())), (TTL * 3, Led::Stopped)] {
        let lock = import(&Locks::in_process());
        let leader = Leader::new(lock.clone()).with_grace(TTL * 5 / 2);
        let begun = Instant::now();
        let ended = leader.run(&acme(), sleep(TTL), ends_in(time)).await;
        assert_eq!(ended.expect("leads"), led);
        assert_eq!(begun.elapsed(), TTL + time.min(TTL * 5 / 2));
        assert!(super::is_free(&lock).await);
    }
}

#[tokio::test(start_paused = true)]
async fn task_that_panics_gives_the_lead_back() {
    let (locks, has_begun) = (Locks::in_process(), Arc::new(AtomicBool::new(false)));
    let (leader, begins) = (Leader::new(import(&locks)), Arc::clone(&has_begun));
    let one = leader.clone();
    let panicked = tokio::spawn(async move {
        let task = |_| async {
            begins.store(true, Ordering::SeqCst);
            panic!("on purpose");
        };
        one.run::<_, ()>(&acme(), pending(), task).await
    });
    assert!(panicked.await.expect_err("panics").is_panic());
    assert!(has_begun.load(Ordering::SeqCst) && !leader.is_leader());
    let other = Leader::new(import(&locks));
    let standing = stand(&other, &Desk::default());
    other.elected().await;
    standing.abort();
}
