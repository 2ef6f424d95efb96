//! The first level: values of this process, behind `Arc`s.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ahash::RandomState;
use coarsetime::Instant as CoarseInstant;
use moka::notification::RemovalCause;
use moka::sync::Cache;

use super::key::EncodedKey;
use super::scope::Seen;
use super::statistics::Tally;

/// The entries of a cache in this process, bounded by their number and their bytes.
pub struct Near<V> {
    entries: Cache<Box<[u8]>, Arc<Entry<V>>, RandomState>,
    /// What an entry weighs at least, so that one bound is the other's share.
    least_weight: u32,
}

/// By how much the coarse clock may be late, amply: it is a few ms on Linux, and 16 on Windows.
const COARSE: Duration = Duration::from_millis(50);

/// An entry; without a value it says that there is none.
pub struct Entry<V> {
    pub value: Option<Arc<V>>,
    seen: Seen,
    fresh_until: Instant,
    /// Somewhat before, by a clock that is late and costs next to nothing.
    surely_fresh_until: CoarseInstant,
    dead_at: Instant,
    weight: u32,
}

/// How an entry may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    Fresh,
    /// Only while nothing better can be had in time.
    Stale,
}

/// For how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    pub fresh: Duration,
    /// After that.
    pub stale: Duration,
}

impl<V: Send + Sync + 'static> Near<V> {
    pub fn new(max_entries: u64, max_bytes: u64, longest: Duration, tally: Arc<Tally>) -> Self {
        let max_entries = max_entries.max(1);
        let least_weight = u32::try_from(max_bytes / max_entries).unwrap_or(u32::MAX);
        let entries = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|_, entry: &Arc<Entry<V>>| entry.weight)
            // Only to free memory: each entry knows its own end.
            .time_to_live(longest)
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    tally.evicted.add(1);
                }
            })
            .build_with_hasher(RandomState::new());
        Near {
            entries,
            least_weight,
        }
    }

    /// The entry of a key, unless it was invalidated or is too old.
    pub fn find(&self, key: &EncodedKey) -> Option<(Arc<Entry<V>>, Age)> {
        self.find_whole(key.whole())
    }

    /// The same, of a key that is written with its owner.
    pub fn find_whole(&self, key: &[u8]) -> Option<(Arc<Entry<V>>, Age)> {
        let entry = self.entries.get(key)?;
        if !entry.seen.is_current() {
            return None;
        }
        if CoarseInstant::now_without_cache_update() < entry.surely_fresh_until {
            return Some((entry, Age::Fresh));
        }
        match Instant::now() {
            now if now < entry.fresh_until => Some((entry, Age::Fresh)),
            now if now < entry.dead_at => Some((entry, Age::Stale)),
            _ => None,
        }
    }

    /// Keeps what was read or loaded, of about so many bytes. Where something that it was seen under was
    /// invalidated meanwhile, nobody will find it.
    pub fn keep(
        &self,
        key: &EncodedKey,
        value: Option<Arc<V>>,
        seen: Seen,
        life: Life,
        bytes: usize,
    ) {
        let bytes = bytes.saturating_add(key.whole().len());
        let weight = u32::try_from(bytes).unwrap_or(u32::MAX);
        let weight = weight.max(self.least_weight);
        self.insert(key, value, seen, life, weight);
    }

    /// Lets an entry live for another time.
    pub fn renew(&self, key: &EncodedKey, entry: &Entry<V>, life: Life) {
        self.insert(
            key,
            entry.value.clone(),
            entry.seen.clone(),
            life,
            entry.weight,
        );
    }

    fn insert(&self, key: &EncodedKey, value: Option<Arc<V>>, seen: Seen, life: Life, weight: u32) {
        let now = Instant::now();
        let (Some(fresh_until), Some(dead_at)) = (
            now.checked_add(life.fresh),
            now.checked_add(life.fresh.saturating_add(life.stale)),
        ) else {
            return;
        };
        let surely = life.fresh.saturating_sub(COARSE);
        let entry = Entry {
            value,
            seen,
            fresh_until,
            surely_fresh_until: CoarseInstant::now_without_cache_update() + surely.into(),
            dead_at,
            weight,
        };
        self.entries.insert(key.whole().into(), Arc::new(entry));
    }

    /// Forgets an entry.
    pub fn forget(&self, key: &EncodedKey) {
        self.entries.invalidate(key.whole());
    }

    /// How many entries there are, and what they weigh.
    pub fn size(&self) -> (u64, u64) {
        // moka counts in its own time.
        self.entries.run_pending_tasks();
        (self.entries.entry_count(), self.entries.weighted_size())
    }
}

impl<V> Entry<V> {
    /// For how long it may still be used.
    pub fn left(&self) -> Duration {
        self.dead_at.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::scope::Scopes;
    use crate::context::{Global, Owner};

    #[test]
    fn a_renewed_entry_weighs_what_it_weighed() {
        let near = Near::<u32>::new(1_000, 1 << 20, Duration::from_secs(60), Arc::default());
        let owner = Global.owner("orders").expect("global");
        let key = EncodedKey::new("*", &7);
        let seen = Scopes::default().see(&owner, "orders", &key, &[]);
        let life = Life {
            fresh: Duration::from_secs(9),
            stale: Duration::ZERO,
        };
        near.keep(&key, Some(Arc::new(7)), seen, life, 5_000);
        let weight = || near.find(&key).expect("is there").0.weight;
        let before = weight();
        for _ in 0..10 {
            let (entry, _) = near.find(&key).expect("is there");
            near.renew(&key, &entry, life);
        }
        assert_eq!(weight(), before);
    }
}
