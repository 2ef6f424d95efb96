//! Locks in Redis that go on in another process: in one, under the same fence.

use std::time::Duration;

use dotmac_database::lock::Released;
use dotmac_database::{Error, LockError, RedisConfig};

use super::support::{acme, import, locks, locks_at, take, tenant};
use crate::cache::server::ThrowawayRedis;
use crate::fault_proxy::{Fault, FaultProxy};

const TTL: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn one_process_goes_on_with_it_and_is_its_holder() {
    let redis = ThrowawayRedis::start();
    let (here, there) = (locks(&redis).await, locks(&redis).await);
    let asked = tenant("acme").request_id("r-1").expect("valid");
    let guard = import(&here, TTL).try_acquire(&asked).await.expect("asks");
    let guard = guard.expect("is free");
    let fence = guard.fence();
    let [first] = &*here.holders(&acme()).await.expect("lists") else {
        panic!("one is held");
    };
    let token = guard.hand_over().expect("is held");
    let resumed = there.resume(&token).await.expect("goes on");
    assert_eq!(resumed.fence(), fence);
    let [second] = &*here.holders(&acme()).await.expect("lists") else {
        panic!("one is held");
    };
    assert_eq!(second.fence, Some(fence));
    assert_eq!(second.request_id, None, "that of the first has ended");
    assert!(first.since < second.since);
    for other in [&here, &there] {
        let again = other.resume(&token).await;
        assert!(matches!(again, Err(Error::Lock(LockError::Lost { .. }))));
    }
    resumed.renew().await.expect("is held");
    let released = resumed.release().await.expect("gives back");
    assert_eq!(released, Released::Now);
    let late = there.resume(&token).await;
    assert!(matches!(late, Err(Error::Lock(LockError::Lost { .. }))));
}

#[tokio::test(flavor = "multi_thread")]
async fn l02_whoever_goes_on_and_does_not_hear_the_answer_is_its_holder_all_the_same() {
    let redis = ThrowawayRedis::start();
    let proxy = FaultProxy::start(redis.port());
    let here = locks(&redis).await;
    let config = RedisConfig::new(&format!("redis://127.0.0.1:{}", proxy.port()));
    let there = locks_at(&config.expect("valid"), Duration::from_secs(5)).await;
    let token = || async {
        let guard = take(&import(&here, TTL)).await;
        guard.hand_over().expect("is held")
    };
    // From here on the server knows the script.
    let warm = here.resume(&token().await).await.expect("goes on");
    warm.release().await.expect("gives back");
    for (at, fault) in [Fault::ReplyLost, Fault::RequestLost]
        .into_iter()
        .enumerate()
    {
        let token = token().await;
        proxy.next("lock:import", fault);
        let resumed = there.resume(&token).await.expect("goes on");
        assert_eq!(proxy.happened(), at + 1);
        let released = resumed.release().await.expect("gives back");
        assert_eq!(released, Released::Now);
    }
}
