//! Who holds a lock in Redis, under which fence, and how that ends.

use std::pin::pin;
use std::time::{Duration, Instant};

use dotmac_database::Global;
use dotmac_database::lock::Released;
use futures_util::future::join_all;
use futures_util::poll;

use super::support::{
    WAIT, acme, calls, import, locks, scripts, take, tenant, try_to_take, until_answered,
};
use crate::cache::server::ThrowawayRedis;

const TTL: Duration = Duration::from_secs(30);
const EXISTS: &str = "EXISTS dotmac:{acme}:lock:import";

#[tokio::test(flavor = "multi_thread")]
async fn one_process_of_two_holds_it_and_the_next_fence_is_greater() {
    let redis = ThrowawayRedis::start();
    let (here, there) = (locks(&redis).await, locks(&redis).await);
    let (here, there) = (import(&here, TTL), import(&there, TTL));
    let first = take(&here).await;
    assert!(first.is_valid());
    assert!(try_to_take(&there).await.is_none());
    let fence = first.fence();
    assert_eq!(first.release().await.expect("gives back"), Released::Now);
    let second = try_to_take(&there).await.expect("is free");
    assert!(second.fence() > fence);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fence_grows_across_a_flush_and_a_clock_that_is_set_back() {
    let redis = ThrowawayRedis::start();
    let lock = import(&locks(&redis).await, TTL);
    let fence = async || {
        let guard = take(&lock).await;
        let fence = guard.fence();
        guard.release().await.expect("gives back");
        fence.number()
    };
    let mut last = fence().await;
    for _ in 0..20 {
        assert_eq!(redis.ask("FLUSHALL"), "+OK");
        let next = fence().await;
        assert!(next > last, "{next} after {last}");
        last = next;
    }
    // It was given by a clock that is ahead of today's by an hour.
    let ahead = last + 3_600_000_000;
    let set = format!("ZADD dotmac:{{acme}}:locks -{ahead} \"\"");
    assert_eq!(redis.ask(&set), ":0");
    assert_eq!(fence().await, ahead + 1);
    assert_eq!(fence().await, ahead + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn l05_whoever_does_not_hold_it_ends_nothing() {
    let redis = ThrowawayRedis::start();
    let (here, there) = (locks(&redis).await, locks(&redis).await);
    let first = take(&import(&here, TTL)).await;
    let ended = there.force_release(&acme(), "import").await;
    assert!(ended.expect("takes it away"));
    assert_eq!(first.release().await.expect("is told"), Released::WasLost);
    // It runs out, and another takes it.
    let late = take(&import(&here, TTL)).await;
    assert_eq!(redis.ask("PEXPIRE dotmac:{acme}:lock:import 0"), ":1");
    let owner = take(&import(&there, TTL)).await;
    assert_eq!(late.release().await.expect("is told"), Released::WasLost);
    assert_eq!(redis.ask(EXISTS), ":1");
    owner.renew().await.expect("is held");
    assert_eq!(owner.release().await.expect("gives back"), Released::Now);
}

#[tokio::test(flavor = "multi_thread")]
async fn l05_a_holder_whose_lock_is_anothers_does_not_renew_it() {
    let redis = ThrowawayRedis::start();
    let (here, there) = (locks(&redis).await, locks(&redis).await);
    let late = take(&import(&here, TTL)).await;
    assert_eq!(redis.ask("PEXPIRE dotmac:{acme}:lock:import 0"), ":1");
    let owner = take(&import(&there, TTL)).await;
    assert!(late.renew().await.is_err());
    assert!(!late.is_valid());
    assert!(owner.is_valid());
}

#[tokio::test(flavor = "multi_thread")]
async fn l07_a_lock_is_lost_within_a_renewal_where_redis_restarts_empty() {
    let mut redis = ThrowawayRedis::start();
    let lock = import(&locks(&redis).await, Duration::from_secs(6));
    let guard = take(&lock).await;
    redis.kill();
    redis.restart();
    let restarted = Instant::now();
    guard.lost().await;
    // It is renewed at a third of its time, and while that fails each 300 ms.
    assert!(
        restarted.elapsed() < Duration::from_secs(4),
        "{:?}",
        restarted.elapsed()
    );
    let fence = guard.fence();
    assert_eq!(guard.release().await.expect("is told"), Released::WasLost);
    let deadline = Instant::now() + WAIT;
    let next = loop {
        if let Ok(Some(next)) = lock.try_acquire(&acme()).await {
            break next;
        }
        assert!(Instant::now() < deadline, "it is not taken again");
        tokio::task::yield_now().await;
    };
    assert!(next.fence() > fence);
}

#[tokio::test(flavor = "multi_thread")]
async fn l09_a_renewal_that_meets_a_release_leaves_no_lock() {
    let redis = ThrowawayRedis::start();
    let lock = import(&locks(&redis).await, TTL);
    let turns = match std::env::var_os("DOTMAC_SOAK") {
        Some(_) => 10_000,
        None => 500,
    };
    for _ in 0..turns {
        let guard = take(&lock).await;
        // On its way, on a connection of its own; on a busy machine it may be back.
        let _ = poll!(pin!(guard.renew()));
        assert_eq!(guard.release().await.expect("gives back"), Released::Now);
        assert_eq!(redis.ask(EXISTS), ":0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn l10_a_guard_that_is_dropped_anywhere_gives_the_lock_back() {
    let redis = ThrowawayRedis::start();
    let lock = import(&locks(&redis).await, TTL);
    let free = || until_answered(&redis, EXISTS, ":0", WAIT);
    drop(take(&lock).await);
    free().await;
    let guard = take(&lock).await;
    let panics = tokio::spawn(async move {
        let _guard = guard;
        panic!("on purpose");
    });
    assert!(panics.await.is_err());
    free().await;
    let guard = take(&lock).await;
    std::thread::spawn(move || drop(guard))
        .join()
        .expect("does not panic");
    free().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn l14_tenants_have_different_locks_of_one_name_in_slots_of_their_own() {
    let redis = ThrowawayRedis::start();
    let locks = locks(&redis).await;
    let (lock, global) = (import(&locks, TTL), locks.global("import").expect("valid"));
    let _acme = take(&lock).await;
    let _beta = lock
        .try_acquire(&tenant("beta"))
        .await
        .expect("asks")
        .expect("is free");
    let _all = global
        .try_acquire(Global)
        .await
        .expect("asks")
        .expect("is free");
    for owner in ["acme", "beta", "*"] {
        assert_eq!(
            redis.ask(&format!("EXISTS dotmac:{{{owner}}}:lock:import")),
            ":1"
        );
    }
    assert_eq!(
        locks.holders(&tenant("beta")).await.expect("lists").len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_holds_what_is_listed_and_a_lock_can_be_taken_away() {
    let redis = ThrowawayRedis::start();
    let (here, there) = (locks(&redis).await, locks(&redis).await);
    let lock = import(&here, TTL);
    let asked = tenant("acme").request_id("r-1").expect("valid");
    let guard = lock
        .try_acquire(&asked)
        .await
        .expect("asks")
        .expect("is free");
    let other = here.lock("export").expect("valid");
    let other = other
        .try_acquire(&acme())
        .await
        .expect("asks")
        .expect("is free");
    let mut holders = there.holders(&acme()).await.expect("lists");
    holders.sort_by(|one, two| one.name.cmp(&two.name));
    let names: Vec<_> = holders.iter().map(|holder| &*holder.name).collect();
    assert_eq!(names, ["export", "import"]);
    let holder = &holders[1];
    assert_eq!(holder.fence, Some(guard.fence()));
    assert_eq!(holder.process, std::process::id());
    assert_eq!(holder.request_id.as_deref(), Some("r-1"));
    other.release().await.expect("gives back");
    assert!(
        there
            .force_release(&acme(), "import")
            .await
            .expect("takes it away")
    );
    assert!(
        !there
            .force_release(&acme(), "import")
            .await
            .expect("nobody has it")
    );
    assert!(there.holders(&acme()).await.expect("lists").is_empty());
    assert!(guard.renew().await.is_err());
    guard.lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_out_is_not_listed() {
    let redis = ThrowawayRedis::start();
    let locks = locks(&redis).await;
    let token = take(&import(&locks, Duration::from_millis(100))).await;
    let _ = token.hand_over().expect("is held");
    until_answered(&redis, EXISTS, ":0", WAIT).await;
    assert!(locks.holders(&acme()).await.expect("lists").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_locks_of_many_tenants_are_renewed_by_two_scripts_at_a_time() {
    let redis = ThrowawayRedis::start();
    let locks = locks(&redis).await;
    let ttl = Duration::from_secs(3);
    let taken = (0..500).map(async |at| {
        let lock = locks.lock(&format!("import-{at}"));
        let lock = lock.and_then(|lock| lock.with_ttl(ttl)).expect("valid");
        let owner = tenant(&format!("t{}", at % 20));
        lock.try_acquire(&owner)
            .await
            .expect("asks")
            .expect("is free")
    });
    let guards = join_all(taken).await;
    assert_eq!(redis.ask("CONFIG RESETSTAT"), "+OK");
    let begun = Instant::now();
    // Longer than any of them lives unless it is renewed: at a third, and together.
    let first = &guards[0];
    let patience = tokio::time::timeout(ttl + Duration::from_millis(500), first.lost()).await;
    assert!(patience.is_err(), "one was lost");
    assert!(guards.iter().all(|guard| guard.is_valid()));
    let listed = locks.holders(&tenant("t0")).await.expect("lists");
    assert_eq!(listed.len(), 25, "what is renewed stays listed");
    let ticks = begun.elapsed().as_millis() / 1_000 + 1;
    let scripts = u128::from(scripts(&redis));
    // What was taken in the same twelfth of their time is renewed together, but not all 500 at once.
    assert!(
        scripts >= 4 && scripts <= 4 * ticks,
        "{scripts} in {ticks} ticks"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_251_locks_one_is_renewed_by_a_script_of_its_own() {
    let redis = ThrowawayRedis::start();
    let locks = locks(&redis).await;
    // What is taken within a second is renewed together, four seconds later.
    let ttl = Duration::from_secs(12);
    let taken = (0..251).map(async |at| {
        let lock = locks.lock(&format!("import-{at}"));
        let lock = lock.and_then(|lock| lock.with_ttl(ttl)).expect("valid");
        lock.acquire(&acme(), WAIT).await.expect("is free")
    });
    let _guards = join_all(taken).await;
    assert_eq!(redis.ask("CONFIG RESETSTAT"), "+OK");
    let renewed = || calls(&redis, "cmdstat_pexpire:");
    let deadline = Instant::now() + ttl;
    while renewed() < 251 {
        assert!(Instant::now() < deadline, "{} are renewed", renewed());
        tokio::task::yield_now().await;
    }
    assert!(scripts(&redis) >= 2, "Redis does nothing else meanwhile");
}
