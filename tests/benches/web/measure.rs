//! Rounds of requests, in which the variants take turns.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Outcome;
use crate::bed::Bed;
use crate::client::Client;
use crate::variant::Variant;

/// Requests of a client in a round.
const REQUESTS: usize = 50;

/// What was seen of a variant.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Requests a second, of each round.
    pub throughputs: Vec<f64>,
    /// Of each request.
    pub latencies: Vec<Duration>,
}

pub async fn rounds(bed: &Bed, rounds: usize) -> Outcome<[Seen; Variant::ALL.len()]> {
    let mut clients = connect(bed).await?;
    let mut seen: [Seen; Variant::ALL.len()] = Default::default();
    // The first round warms up.
    for round in 0..=rounds {
        for (seen, variant) in seen.iter_mut().zip(Variant::ALL) {
            let start = Instant::now();
            let (back, latencies) = crowd(clients, variant, REQUESTS).await?;
            let taken = start.elapsed();
            clients = back;
            if round > 0 {
                let throughput = latencies.len() as f64 / taken.as_secs_f64();
                seen.throughputs.push(throughput);
                seen.latencies.extend(latencies);
            }
        }
    }
    Ok(seen)
}

pub async fn connect(bed: &Bed) -> Outcome<Vec<Client>> {
    let mut clients = Vec::new();
    for order in &bed.orders {
        clients.push(Client::connect(bed.address, *order).await?);
    }
    Ok(clients)
}

/// Lets all clients send so many requests each, at the same time.
pub async fn crowd(
    clients: Vec<Client>,
    variant: Variant,
    requests: usize,
) -> Outcome<(Vec<Client>, Vec<Duration>)> {
    let mut tasks = JoinSet::new();
    for mut client in clients {
        tasks.spawn(async move {
            let request = client.request(variant);
            let mut latencies = Vec::with_capacity(requests);
            for _ in 0..requests {
                let start = Instant::now();
                client.send(&request).await?;
                latencies.push(start.elapsed());
            }
            Outcome::Ok((client, latencies))
        });
    }
    let (mut clients, mut latencies) = (Vec::new(), Vec::new());
    while let Some(done) = tasks.join_next().await {
        let (client, taken) = done??;
        clients.push(client);
        latencies.extend(taken);
    }
    Ok((clients, latencies))
}
