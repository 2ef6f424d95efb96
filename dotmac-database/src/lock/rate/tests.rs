//! The formula against a bucket of tokens, and the rates of the process.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::{Instant, advance};

use super::local::Local;
use super::meter::Meter;
use super::{Rate, RateLimits, Verdict};
use crate::context::{Global, OwnerName, RequestContext};
use crate::error::{Error, LockError};
use crate::lock::{LockName, Locks};

fn acme() -> RequestContext {
    RequestContext::tenant("acme").expect("is an id")
}

const HOUR: Duration = Duration::from_secs(3_600);

proptest! {
    /// A bucket that holds `burst` tokens and is given one each interval, counted in thousandths.
    #[test]
    fn formula_is_that_of_a_bucket_of_tokens(
        burst in 1..20_u32,
        calls in proptest::collection::vec((0..5_000_u64, 0..20_u32), 1..200),
    ) {
        let interval = Duration::from_millis(1);
        let rate = Rate::new(1, interval).and_then(|rate| rate.with_burst(burst)).expect("valid");
        let (mut now, full) = (Instant::now(), u64::from(burst) * 1_000);
        let (mut unused, mut tokens) = (now, full);
        for (pause, cost) in calls {
            let cost = cost.min(burst);
            now += Duration::from_micros(pause);
            tokens = full.min(tokens + pause);
            let wanted = u64::from(cost) * 1_000;
            let (verdict, after) = rate.decide(unused, now, cost);
            unused = after;
            let expected = match tokens.checked_sub(wanted) {
                Some(left) => {
                    tokens = left;
                    Verdict::Allowed { remaining: u32::try_from(left / 1_000).expect("few") }
                }
                None => Verdict::Denied { retry_after: Duration::from_micros(wanted - tokens) },
            };
            prop_assert_eq!(verdict, expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn burst_passes_and_then_one_for_each_interval() {
    let rate = Rate::per_minute(60).and_then(|rate| rate.with_burst(3));
    let limit = RateLimits::in_process().limit("api", rate.expect("valid"));
    let limit = limit.expect("valid");
    for remaining in [2, 1, 0] {
        let verdict = limit.check(&acme()).await.expect("counts");
        assert_eq!(verdict, Verdict::Allowed { remaining });
    }
    let second = Duration::from_secs(1);
    let denied = Verdict::Denied {
        retry_after: second,
    };
    assert_eq!(limit.check(&acme()).await.expect("counts"), denied);
    advance(second - Duration::from_millis(1)).await;
    assert!(!limit.check(&acme()).await.expect("counts").is_allowed());
    advance(Duration::from_millis(1)).await;
    assert!(limit.check(&acme()).await.expect("counts").is_allowed());
    assert!(!limit.check(&acme()).await.expect("counts").is_allowed());
    advance(HOUR).await;
    let verdict = limit.check_cost(&acme(), 3).await.expect("counts");
    assert_eq!(verdict, Verdict::Allowed { remaining: 0 });
}

#[tokio::test]
async fn tenants_have_rates_of_their_own_and_all_share_a_global_one() {
    let rate = Rate::new(1, HOUR).expect("valid");
    let locks = Locks::in_process();
    let limits = locks.rate_limits().expect("the process counts");
    let (limit, global) = (limits.limit("api", rate), limits.global("api", rate));
    let (limit, global) = (limit.expect("valid"), global.expect("valid"));
    let beta = RequestContext::tenant("beta").expect("is an id");
    assert!(limit.check(&acme()).await.expect("counts").is_allowed());
    assert!(!limit.check(&acme()).await.expect("counts").is_allowed());
    assert!(limit.check(&beta).await.expect("counts").is_allowed());
    assert!(global.check(Global).await.expect("counts").is_allowed());
    assert!(!global.check(Global).await.expect("counts").is_allowed());
    let again = locks.rate_limits().and_then(|it| it.limit("api", rate));
    let again = again.expect("valid").check(&acme()).await;
    assert!(!again.expect("counts").is_allowed(), "it is the same");
    let nobody = limit.check(&RequestContext::without_tenant()).await;
    assert!(matches!(nobody, Err(Error::MissingTenant { .. })));
}

#[tokio::test]
async fn what_can_never_pass_or_be_kept_is_an_error() {
    for rate in [
        Rate::new(0, HOUR),
        Rate::new(1, Duration::ZERO),
        Rate::new(1, Duration::MAX),
        Rate::per_second(10_001),
        Rate::new(2, HOUR).and_then(|rate| rate.with_burst(0)),
        Rate::new(1, HOUR).and_then(|rate| rate.with_burst(u32::MAX)),
    ] {
        assert!(matches!(rate, Err(Error::Lock(LockError::InvalidRate))));
    }
    let rate = Rate::per_second(10_000).expect("the most");
    let limit = RateLimits::in_process().limit("api", rate).expect("a name");
    let costly = limit.check_cost(&acme(), 10_001).await;
    assert!(matches!(
        costly,
        Err(Error::Lock(LockError::TooCostly {
            cost: 10_001,
            burst: 10_000,
            ..
        }))
    ));
}

#[tokio::test(start_paused = true)]
async fn process_forgets_rates_that_are_unused() {
    let meter = Arc::new(Local::default());
    let rate = Rate::per_second(1).expect("valid");
    for round in 0..10 {
        for number in 0..2_000 {
            let name = format!("{round}/{number}").into();
            let name = LockName::new(OwnerName::of(None), &name);
            meter.take(&name, rate, 1).await.expect("counts");
        }
        advance(HOUR).await;
    }
    assert!(meter.len() <= 4_000, "{}", meter.len());
}
