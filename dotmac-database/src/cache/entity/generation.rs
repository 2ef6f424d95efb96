//! Generations of tables: part of the keys of what depends on a table, over all tenants.
//!
//! In a cluster, the keys of each tenant are in a slot of their own, and no script can look at a token of
//! all tenants beside them. So the token is an entry of a cache itself, which belongs to no tenant and is
//! kept in each process as its other values are; and it is part of the keys. To end the entries of a table
//! for everyone is to remove it: the next who asks makes another.

use std::time::Duration;

use crate::cache::client::CacheClient;
use crate::cache::options::CacheOptions;
use crate::cache::smart::SmartCache;
use crate::context::Global;
use crate::error::{Error, Result};

/// The name of the cache.
const NAMESPACE: &str = "dotmac.tables";
/// What is not used for so long is made anew, which is a miss for each entry of the table.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
/// A process asks Redis again after so long, in case that a message was lost.
pub const NEAR: Duration = Duration::from_secs(5);

/// The generations of tables.
#[derive(Clone)]
pub struct Generations(SmartCache<u64, Global>);

impl Generations {
    /// Those that a process keeps for so long at most, or for `NEAR` where that is shorter.
    pub fn of(client: &CacheClient, near_ttl: Duration) -> Result<Self> {
        let options = CacheOptions::new(LIFETIME).near_ttl(near_ttl.min(NEAR));
        Ok(Generations(SmartCache::global(NAMESPACE, client, options)?))
    }

    /// The generation of a table, by the name under which its rows are cached.
    pub async fn now(&self, table: &str) -> Result<u64> {
        let made = || async { Ok::<_, Error>(fastrand::u64(..)) };
        let known = self.0.get_or_load(Global, table, made).await?;
        Ok(known.map_or(0, |known| *known))
    }

    /// Ends the generation of a table.
    pub async fn end(&self, table: &str) -> Result<()> {
        self.0.delete(Global, table).await?;
        Ok(())
    }
}
