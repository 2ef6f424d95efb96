//! What the tests of the cache share: a value, a source that counts its loads.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dotmac_database::cache::{CacheClient, CacheOptions, SmartCache};
use dotmac_database::{Error, RequestContext};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub number: String,
    pub version: u64,
}

pub const TTL: Duration = Duration::from_secs(60);

pub fn orders(client: &CacheClient) -> SmartCache<Order> {
    SmartCache::new("orders", client, CacheOptions::new(TTL)).expect("valid")
}

pub fn tenant(id: &str) -> RequestContext {
    RequestContext::tenant(id).expect("valid")
}

/// A source of truth.
#[derive(Clone, Default)]
pub struct Source(Arc<Inner>);

#[derive(Default)]
struct Inner {
    version: AtomicU64,
    loads: AtomicU64,
}

impl Source {
    pub fn load(&self) -> impl Future<Output = Result<Order, Error>> + Send + 'static + use<> {
        let source = self.clone();
        async move {
            source.0.loads.fetch_add(1, Ordering::SeqCst);
            Ok(source.order())
        }
    }

    /// The order as it is now.
    pub fn order(&self) -> Order {
        Order {
            number: "A-1".to_owned(),
            version: self.0.version.load(Ordering::SeqCst),
        }
    }

    pub fn change(&self) {
        self.0.version.fetch_add(1, Ordering::SeqCst);
    }

    pub fn loads(&self) -> u64 {
        self.0.loads.load(Ordering::SeqCst)
    }
}

/// Asks for order 7 of acme.
pub async fn ask(cache: &SmartCache<Order>, source: &Source) -> Arc<Order> {
    let source = source.clone();
    let found = cache.get_or_load(tenant("acme"), 7, move || source.load());
    found.await.expect("loads").expect("is there")
}
