//! Many locks that are held: what their renewals cost.

use std::time::{Duration, Instant};

use crate::server::ThrowawayRedis;
use crate::{acme, line, locks, scripts};

/// They are renewed each second.
const TTL: Duration = Duration::from_secs(3);

pub async fn print(count: usize, ticks: u32) {
    let redis = ThrowawayRedis::start();
    let locks = locks(&redis.config()).await;
    let mut guards = Vec::new();
    for at in 0..count {
        let lock = locks.lock(&format!("held-{at}")).expect("valid");
        let lock = lock.with_ttl(TTL).expect("valid");
        let taken = lock.try_acquire(&acme()).await.expect("asks");
        guards.push(taken.expect("is free"));
    }
    redis.ask("CONFIG RESETSTAT");
    let begun = Instant::now();
    let (ours, theirs) = (cpu(), server_cpu(&redis));
    let first = guards.first().expect("some");
    // Nothing is lost, so that this is the time that passes.
    let _ = tokio::time::timeout(ticks * TTL / 3, first.lost()).await;
    let passed = begun.elapsed();
    assert!(guards.iter().all(|guard| guard.is_valid()), "one was lost");
    let seconds = passed.as_secs_f64();
    line(
        &format!("{count} locks held: scripts for each renewal"),
        format!("{:.1}", scripts(&redis) / f64::from(ticks)),
    );
    let share = |used: Duration| 100.0 * used.as_secs_f64() / seconds;
    line(
        &format!("{count} locks held, renewed each second: CPU here, of Redis"),
        format!(
            "{:.2} %, {:.2} %",
            share(cpu() - ours),
            share(server_cpu(&redis) - theirs)
        ),
    );
}

/// What this process has used, in ticks of 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields = stat.rsplit(')').next().expect("a name").split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(10 * ticks)
}

fn server_cpu(redis: &ThrowawayRedis) -> Duration {
    let info = redis.info("cpu");
    let used = info.lines().filter_map(|line| {
        let (name, seconds) = line.split_once(':')?;
        ["used_cpu_user", "used_cpu_sys"]
            .contains(&name)
            .then(|| seconds.trim().parse::<f64>())
    });
    let seconds: f64 = used.map(|seconds| seconds.expect("a number")).sum();
    Duration::from_secs_f64(seconds)
}
