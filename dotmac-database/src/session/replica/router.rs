//! Chooses where a read session runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::clock::{Clock, Micros, micros};
use super::node::Replica;
use super::probe::{Probe, Prober};
use super::standing::ReplicaState;
use super::writes::Writes;
use crate::config::DatabaseConfig;
use crate::context::RequestContext;
use crate::error::Result;

/// The replicas of a cluster.
pub struct Replicas {
    nodes: Arc<[Arc<Replica>]>,
    clock: Clock,
    max_lag: Micros,
    writes: Writes,
    next: AtomicUsize,
    probe: OnceLock<Probe>,
}

impl Replicas {
    /// Connects to nothing yet.
    pub fn open(config: &DatabaseConfig) -> Result<Self> {
        let urls = config.replicas.urls();
        let nodes: Vec<_> = urls
            .map(|url| Replica::open(config, url).map(Arc::new))
            .collect::<Result<_>>()?;
        Ok(Replicas {
            nodes: nodes.into(),
            clock: Clock::start(),
            max_lag: micros(config.replicas.max_lag),
            writes: Writes::new(),
            next: AtomicUsize::new(0),
            probe: OnceLock::new(),
        })
    }

    /// Asks every server once, and goes on asking in the background until dropped.
    ///
    /// # Errors
    /// The start check's, for a replica that answers and is not protected.
    pub async fn start(&self, config: &DatabaseConfig) -> Result<()> {
        let prober = Prober::new(&self.nodes, self.clock, config)?;
        let probe = prober.start(config.replicas.probe_interval).await?;
        // Started once, before anybody else has the value.
        let _ = self.probe.set(probe);
        Ok(())
    }

    /// The replicas that are fit for the context, each judged when its turn comes.
    pub fn candidates(&self, context: &RequestContext) -> impl Iterator<Item = &Arc<Replica>> {
        let since = self.writes.last(context);
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let turns = (0..self.nodes.len()).map(move |turn| start.wrapping_add(turn));
        turns
            .filter_map(|turn| self.nodes.get(turn % self.nodes.len()))
            .filter(move |replica| replica.standing.is_fit(since.max(self.oldest())))
    }

    /// The context committed, or may have.
    pub fn wrote(&self, context: &RequestContext) {
        self.writes.note(context, self.clock.now());
    }

    pub fn nodes(&self) -> &[Arc<Replica>] {
        &self.nodes
    }

    pub fn state(&self, replica: &Replica) -> ReplicaState {
        replica.standing.state(self.oldest())
    }

    /// How old the state is that it shows; none where that is not known.
    pub fn lag(&self, replica: &Replica) -> Option<Duration> {
        match replica.standing.caught_up_to() {
            0 => None,
            at => Some(Duration::from_micros(self.clock.now().saturating_sub(at))),
        }
    }

    /// Asks no more.
    pub fn stop(&self) {
        if let Some(probe) = self.probe.get() {
            probe.stop();
        }
    }

    pub async fn close(&self) {
        if let Some(probe) = self.probe.get() {
            probe.ended().await;
        }
        for replica in self.nodes.iter() {
            replica.pool.close().await;
        }
    }

    /// The oldest state that may be read.
    fn oldest(&self) -> Micros {
        // What was never sampled is too old, however long the limit is.
        self.clock.now().saturating_sub(self.max_lag).max(1)
    }
}
