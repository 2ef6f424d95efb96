//! Turns under many threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::context::OwnerName;
use crate::lock::LockName;
use crate::lock::turn::Turns;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_at_a_time_has_a_turn_and_no_queue_is_left() {
    let (turns, inside) = (Turns::default(), Arc::new(AtomicU32::new(0)));
    let name = LockName::new(OwnerName::of(None), &"import".into());
    let far = Instant::now() + Duration::from_secs(60);
    let tasks = (0..16_u32).map(|number| {
        let (turns, inside, name) = (turns.clone(), Arc::clone(&inside), name.clone());
        tokio::spawn(async move {
            for round in 0..500 {
                // Some go away while they wait.
                if (number + round) % 7 == 0 {
                    let left = timeout(Duration::ZERO, turns.take(&name, far)).await;
                    drop(left);
                    continue;
                }
                let turn = turns.take(&name, far).await.expect("is no holder");
                let turn = turn.expect("comes");
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(turn);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("holds");
    }
    assert_eq!(turns.len(), 0);
}
