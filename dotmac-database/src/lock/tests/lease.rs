//! The states of a lease, by a model of them.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::{Instant, advance};
use uuid::Uuid;

use crate::context::OwnerName;
use crate::lock::lease::Lease;
use crate::lock::{Fence, LockName};

fn lease(ttl: Duration, ends: Option<Instant>) -> Lease {
    let name = LockName::new(OwnerName::of(None), &"import".into());
    let fence = Fence::from_number(1);
    Lease::new(name, Uuid::new_v4(), fence, ttl, Instant::now(), ends, None)
}

#[derive(Debug, Clone)]
enum Step {
    /// So many milliseconds pass.
    Pass(u64),
    /// An answer to a request so many milliseconds ago: it is held.
    Renewed(u64),
    PutOff,
    AskedAgain,
    Lose,
    GiveBack,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..60_u64).prop_map(Step::Pass),
        8 => (0..60_u64).prop_map(Step::Renewed),
        1 => Just(Step::PutOff),
        1 => Just(Step::AskedAgain),
        1 => Just(Step::Lose),
        1 => Just(Step::GiveBack),
    ]
}

const TTL: Duration = Duration::from_millis(100);
/// The time to live without what clocks may differ by: 1 ms and 2 ms.
const SURE: Duration = Duration::from_millis(97);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// It is valid exactly while a request that was answered covers this moment, and never again once it was
    /// not.
    #[test]
    fn lease_is_valid_for_as_long_as_its_requests_cover(
        cap in proptest::option::of(100..400_u64),
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("starts");
        runtime.block_on(async move {
            let begun = Instant::now();
            let ends = cap.map(|cap| begun + Duration::from_millis(cap));
            let lease = lease(TTL, ends);
            let until = |asked: Instant| ends.map_or(asked + SURE, |ends| ends.min(asked + SURE));
            let (mut covered, mut has_ended) = (until(begun), false);
            for step in steps {
                let now = Instant::now();
                has_ended |= covered <= now;
                match step {
                    Step::Pass(millis) => advance(Duration::from_millis(millis)).await,
                    Step::Renewed(ago) => {
                        let asked = now - Duration::from_millis(ago).min(now - begun);
                        lease.renewed(asked);
                        if !has_ended {
                            covered = covered.max(until(asked));
                        }
                    }
                    Step::PutOff => lease.put_off(now),
                    Step::AskedAgain => lease.asked_again(now),
                    Step::Lose => {
                        lease.lose();
                        has_ended = true;
                    }
                    Step::GiveBack => {
                        lease.give_back();
                        has_ended = true;
                    }
                }
                let is_covered = !has_ended && Instant::now() < covered;
                prop_assert_eq!(lease.is_valid(), is_covered);
                prop_assert!(lease.due() <= covered, "it is looked at when it ends");
            }
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn lease_ends_once() {
    let lost = lease(TTL, None);
    assert!(lost.lose());
    assert!(!lost.lose());
    assert!(lost.give_back().is_none());
    assert!(lost.is_lost());
    lost.lost().await;
    let given_back = lease(TTL, None);
    assert!(given_back.give_back().is_some());
    assert!(given_back.give_back().is_none());
    assert!(!given_back.lose());
    let pending = tokio::time::timeout(TTL * 10, given_back.lost()).await;
    assert!(pending.is_err(), "what is given back is not lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_loss_and_a_release_at_once_one_wins_and_nobody_waits_for_ever() {
    for _ in 0..1_000 {
        let lease = Arc::new(lease(Duration::from_secs(600), None));
        let told = Arc::clone(&lease);
        let waiter = tokio::spawn(async move { told.lost().await });
        let (barrier, loser) = (Arc::new(Barrier::new(2)), Arc::clone(&lease));
        let start = Arc::clone(&barrier);
        let losing = std::thread::spawn(move || {
            start.wait();
            loser.lose()
        });
        barrier.wait();
        let is_given_back = lease.give_back().is_some();
        let is_lost = losing.join().expect("no panic");
        assert_ne!(is_given_back, is_lost);
        match is_lost {
            true => waiter.await.expect("is told"),
            false => waiter.abort(),
        }
    }
}
