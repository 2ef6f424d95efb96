//! Taking a lock, giving it back, and handing it on to another process, beside a GET by fred alone.

use std::time::{Duration, Instant};

use fred::prelude::{Builder, ClientLike, Config, KeysInterface};

use crate::server::{ThrowawayRedis, until};
use crate::{acme, import, line, locks, median, timed};

const WAIT: Duration = Duration::from_secs(60);

pub async fn print(rounds: usize) {
    let redis = ThrowawayRedis::start();
    let (here, there) = (locks(&redis.config()).await, locks(&redis.config()).await);
    let (here, there) = (import(&here), import(&there));
    let config = Config::from_url(&format!("redis://{}", redis.address())).expect("valid");
    let bare = Builder::from_config(config).build_pool(16).expect("a pool");
    bare.init().await.expect("connects");
    let mut samples: [Vec<Duration>; 4] = Default::default();
    for round in 0..rounds {
        let (get, _) = timed(bare.get::<Option<String>, _>("import")).await;
        let (acquire, guard) = timed(here.acquire(&acme(), WAIT)).await;
        let (release, _) = timed(guard.expect("is free").release()).await;
        samples[0].push(get);
        samples[1].push(acquire);
        samples[2].push(release);
        if round % 10 == 0 {
            let guard = here.acquire(&acme(), WAIT).await.expect("is free");
            let other = there.clone();
            let waits = tokio::spawn(async move {
                let guard = other.acquire(&acme(), WAIT).await.expect("gets it");
                let taken = Instant::now();
                guard.release().await.expect("gives back");
                taken
            });
            until(|| redis.ask("ZCARD dotmac:{acme}:queue:import") == ":1").await;
            let released = Instant::now();
            guard.release().await.expect("gives back");
            let taken = waits.await.expect("gets it");
            samples[3].push(taken.saturating_duration_since(released));
        }
    }
    let [get, acquire, release, hand_over] = samples.map(|mut it| median(&mut it));
    line("GET by fred", format!("{:.0} µs", micros(get)));
    for (what, figure) in [
        ("acquire", acquire),
        ("release", release),
        ("hand-over to another process", hand_over),
    ] {
        let ratio = figure.div_duration_f64(get);
        line(
            what,
            format!("{:.0} µs, {ratio:.2} of a GET", micros(figure)),
        );
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
