//! `Sweep`: gives Redis the memory back of values that were invalidated.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::client::{CacheClient, Shared};
use super::far::{Home, Walk};
use crate::error::{CacheError, Result};

/// One walk over all that is in Redis, from [`CacheClient::sweep`].
///
/// To invalidate leaves the values where they are, where nobody finds them, until their time to live ends.
/// Where that is long and much is invalidated, a sweep now and then reclaims their memory.
#[must_use = "nothing is removed before `run`"]
#[derive(Clone)]
pub struct Sweep {
    shared: Arc<Shared>,
    per_second: u32,
}

/// What a [`Sweep`] did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Swept {
    /// Values that were met, of all tenants.
    pub met: u64,
    /// Those that were removed.
    pub removed: u64,
}

impl CacheClient {
    /// A walk that removes the values that nobody can find any more, of all tenants and caches.
    pub fn sweep(&self) -> Sweep {
        Sweep {
            shared: Arc::clone(self.shared()),
            per_second: 10_000,
        }
    }
}

impl Sweep {
    /// How many keys of Redis are looked at in a second; 10,000 by default. They are taken in steps of 200.
    pub fn per_second(self, keys: u32) -> Self {
        Sweep {
            per_second: keys.max(1),
            ..self
        }
    }

    /// Walks, and tells `progress` after each step. Several processes may do it at a time; one is enough.
    ///
    /// # Errors
    /// [`CacheError::Redis`]: the walk ends where it is.
    ///
    /// # Cancel safety
    /// Dropping the future ends the walk where it is.
    pub async fn run(self, mut progress: impl FnMut(Swept)) -> Result<Swept> {
        let mut swept = Swept::default();
        let Some(far) = &self.shared.far else {
            return Ok(swept);
        };
        let pause = Duration::from_secs(Walk::STEP.into()) / self.per_second;
        let mut ticks = interval_at(Instant::now(), pause.max(Duration::from_micros(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut walk = far.walk().map_err(CacheError::from)?;
        loop {
            ticks.tick().await;
            let Some(keys) = walk.next().await.map_err(CacheError::from)? else {
                return Ok(swept);
            };
            for (home, keys) in by_home(keys) {
                swept.met += u64::try_from(keys.len()).unwrap_or(0);
                swept.removed += far.sweep(&home, &keys).await.map_err(CacheError::from)?;
            }
            progress(swept);
        }
    }
}

/// A script sees the keys of one home.
fn by_home(keys: Vec<Bytes>) -> HashMap<Home, Vec<Bytes>> {
    let mut homes: HashMap<Home, Vec<Bytes>> = HashMap::new();
    for key in keys {
        if let Some(home) = Home::of_key(&key) {
            homes.entry(home).or_default().push(key);
        }
    }
    homes
}

impl std::fmt::Debug for Sweep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sweep")
            .field("per_second", &self.per_second)
            .finish_non_exhaustive()
    }
}
