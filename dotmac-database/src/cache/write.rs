//! Direct reads and writes of one key, without a load.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use scopeguard::guard;
use tracing::field::Empty;

use super::core::{CacheValue, Core, Kept, Opened, Spot};
use super::far::Write;
use super::near::{Age, Entry};
use super::options::checked;
use super::scope::Seen;
use super::statistics::Answer;
use crate::error::Result;

/// What a look found: a value, or the knowledge that there is none.
type Looked<V> = Option<Option<Arc<V>>>;

impl<V: CacheValue> Core<V> {
    /// Looks for an entry in both levels; counts it as a hit or a miss.
    pub async fn look(&self, spot: &Spot) -> Looked<V> {
        match self.glance(spot.key.whole()) {
            Ok(value) => Some(value),
            Err(_) => self.look_beyond(spot).await,
        }
    }

    /// Looks for an entry in this process, by its whole key: what is fresh, which counts as a hit, or else
    /// what is stale.
    pub fn glance(&self, key: &[u8]) -> Result<Option<Arc<V>>, Option<Arc<Entry<V>>>> {
        if !self.shared().switch.mode().uses_near() {
            return Err(None);
        }
        match self.near.find_whole(key) {
            Some((entry, Age::Fresh)) => {
                self.tally.near_hits.add(1);
                Ok(entry.value.clone())
            }
            Some((entry, Age::Stale)) => Err(Some(entry)),
            None => Err(None),
        }
    }

    /// Looks for an entry in Redis; counts it as a hit or a miss.
    #[tracing::instrument(
        name = "dotmac.cache.get",
        level = "debug",
        skip_all,
        fields(
            otel.kind = "internal",
            tenant.id = spot.owner.as_str(),
            cache.namespace = &*self.namespace,
            cache.outcome = Empty,
        )
    )]
    pub async fn look_beyond(&self, spot: &Spot) -> Looked<V> {
        let seen = self.see(spot, &spot.tags);
        let Some(opened) = self.look_far(spot).await else {
            self.tally.answer(Answer::Miss);
            return None;
        };
        self.tally.answer(Answer::Far);
        Some(self.take(spot, seen, opened))
    }

    /// Keeps what Redis had.
    pub fn take(&self, spot: &Spot, seen: Seen, opened: Opened<V>) -> Option<Arc<V>> {
        let (value, kept) = (opened.value.clone(), opened.kept());
        let late = opened.tags.iter().filter(|tag| !spot.tags.contains(tag));
        let late: Vec<String> = late.cloned().collect();
        self.keep(spot, value, seen, &late, kept);
        opened.value
    }

    /// How long an entry is fresh.
    pub async fn left(&self, spot: &Spot) -> Option<Duration> {
        match self.shared().far_in_use(&spot.owner) {
            Some(_) => {
                let opened = self.look_far(spot).await?;
                Some(opened.left.saturating_sub(opened.stale))
            }
            None => {
                let (entry, age) = self.near.find(&spot.key)?;
                let left = entry.left().saturating_sub(self.options.stale);
                (age == Age::Fresh).then_some(left)
            }
        }
    }

    async fn look_far(&self, spot: &Spot) -> Option<Opened<V>> {
        let far = self.shared().far_in_use(&spot.owner)?;
        let scopes = self.scopes(&spot.tags);
        let found = far.look(&[self.place(spot)], &scopes, &self.habit).await;
        let found = found.inspect_err(|fault| self.fault(fault)).ok()?;
        let opened = self.unpack(found.into_iter().next()??).ok()?;
        opened.is_fresh().then_some(opened)
    }

    /// Stores a value; whether it was.
    #[tracing::instrument(
        name = "dotmac.cache.set",
        level = "debug",
        skip_all,
        fields(
            otel.kind = "client",
            otel.status_code = Empty,
            db.system = "redis",
            tenant.id = spot.owner.as_str(),
            cache.namespace = &*self.namespace,
        )
    )]
    pub async fn write(
        &self,
        spot: &Spot,
        value: V,
        ttl: Duration,
        write: Write,
        tags: &[String],
    ) -> Result<bool> {
        let ttl = checked("ttl", ttl)?;
        let stale = self.options.stale;
        let packed = self.pack(Some(&value), stale)?;
        let kept = Kept {
            left: ttl.saturating_add(stale),
            stale,
            bytes: packed.bytes,
        };
        let value = Some(Arc::new(value));
        let Some(far) = &self.shared().far else {
            return Ok(self.write_here(spot, value, write, tags, kept));
        };
        self.drop_here(spot);
        let seen = self.see(spot, tags);
        let (place, scopes) = (self.place(spot), self.scopes(tags));
        let written = far
            .write(place, write, packed.envelope, kept.left, &scopes)
            .await;
        let is_written = written.map_err(|fault| self.refused(fault))?;
        match seen.is_current() {
            true if is_written => self.keep(spot, value, seen, &[], kept),
            true => {}
            // Another write was under way: which of them Redis took last is not known here.
            false => self.drop_here(spot),
        }
        Ok(is_written)
    }

    /// The same where the process is all there is.
    fn write_here(
        &self,
        spot: &Spot,
        value: Option<Arc<V>>,
        write: Write,
        tags: &[String],
        kept: Kept,
    ) -> bool {
        // One at a time, so that what is there stays so until it is replaced.
        let _one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = self.near.find(&spot.key).is_some();
        if write != Write::Always && is_there != (write == Write::IfPresent) {
            return false;
        }
        self.drop_here(spot);
        let seen = self.see(spot, tags);
        self.keep(spot, value, seen, &[], kept);
        true
    }

    /// Removes an entry; whether there was one. Here it is removed twice, also where the future is dropped,
    /// because what was read from Redis in between is old.
    #[tracing::instrument(
        name = "dotmac.cache.delete",
        level = "debug",
        skip_all,
        fields(
            otel.kind = "client",
            otel.status_code = Empty,
            db.system = "redis",
            tenant.id = spot.owner.as_str(),
            cache.namespace = &*self.namespace,
        )
    )]
    pub async fn remove(&self, spot: &Spot) -> Result<bool> {
        let was_here = self.near.find(&spot.key).is_some();
        self.drop_here(spot);
        let Some(far) = &self.shared().far else {
            return Ok(was_here);
        };
        let again = guard((), |()| self.drop_here(spot));
        let removed = far.remove(self.place(spot)).await;
        drop(again);
        Ok(removed.map_err(|fault| self.refused(fault))?)
    }

    /// Lets an entry live for so long from now on; whether there is one.
    #[tracing::instrument(
        name = "dotmac.cache.expire",
        level = "debug",
        skip_all,
        fields(
            otel.kind = "client",
            otel.status_code = Empty,
            db.system = "redis",
            tenant.id = spot.owner.as_str(),
            cache.namespace = &*self.namespace,
        )
    )]
    pub async fn expire(&self, spot: &Spot, ttl: Duration) -> Result<bool> {
        let ttl = checked("ttl", ttl)?;
        let stale = self.options.stale;
        let Some(far) = &self.shared().far else {
            let Some((entry, Age::Fresh)) = self.near.find(&spot.key) else {
                return Ok(false);
            };
            self.near.renew(
                &spot.key,
                &entry,
                self.options.near_life(ttl.saturating_add(stale), stale),
            );
            return Ok(true);
        };
        let left = ttl.saturating_add(stale);
        let again = guard((), |()| self.drop_here(spot));
        let expired = far.expire(self.place(spot), left).await;
        drop(again);
        Ok(expired.map_err(|fault| self.refused(fault))?)
    }
}
