//! What one cache is made of, for all its handles and loads.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::{CacheClient, Shared, tag_scope};
use super::client_statistics::Counted;
use super::entity::Generations;
use super::envelope::{self, Sealed, Unreadable};
use super::far::{FarValue, Habit, Place};
use super::fingerprint;
use super::flight::Flights;
use super::key::{CacheKey, EncodedKey, KeyWriter};
use super::near::Near;
use super::options::CacheOptions;
use super::scope::{Scopes, Seen};
use super::statistics::{CacheStatistics, Tally};
use crate::context::OwnerName;
use crate::error::{CacheError, Error, RedisFault, Result};

/// The longest name of a cache, in bytes.
const MAX_NAMESPACE: usize = 64;

/// What can be cached.
pub trait CacheValue: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<V: Serialize + DeserializeOwned + Send + Sync + 'static> CacheValue for V {}

pub struct Core<V> {
    pub namespace: Box<str>,
    pub client: CacheClient,
    pub options: CacheOptions,
    pub near: Near<V>,
    pub flights: Arc<Flights<V>>,
    pub tally: Arc<Tally>,
    /// Held by whoever writes into the only level there is.
    pub writing: Mutex<()>,
    /// Of the tables that entries depend on, once there are any.
    pub generations: OnceLock<Generations>,
    /// How Redis is asked for values.
    pub habit: Habit,
    fingerprint: u32,
}

/// Where an entry is, owned: a load outlives its caller.
#[derive(Clone)]
pub struct Spot {
    pub owner: OwnerName,
    pub key: EncodedKey,
    /// The tags that its key gives it.
    pub tags: Vec<String>,
}

/// A value out of Redis.
pub struct Opened<V> {
    pub value: Option<Arc<V>>,
    /// How long its entry lives.
    pub left: Duration,
    /// For how long of that it is stale.
    pub stale: Duration,
    pub bytes: usize,
    pub tags: Vec<String>,
}

/// A value as it is sent to Redis.
pub struct Packed {
    pub envelope: Bytes,
    pub bytes: usize,
}

impl<V: CacheValue> Core<V> {
    pub fn new(namespace: &str, client: &CacheClient, options: CacheOptions) -> Result<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if namespace.is_empty()
            || namespace.len() > MAX_NAMESPACE
            || !namespace.bytes().all(is_plain)
        {
            return Err(Error::Config {
                variable: "namespace",
                reason: "of a cache must be 1 to 64 of the ASCII letters, digits, `_`, `-` and `.`"
                    .to_owned(),
            });
        }
        let mut options = options.check()?;
        if client.shared().far.is_none() {
            options = options.of_one_level();
        }
        let tally = Arc::<Tally>::default();
        let longest = options.near_ttl.saturating_add(options.stale);
        Ok(Core {
            namespace: namespace.into(),
            client: client.clone(),
            near: Near::new(
                options.near_entries,
                options.near_bytes,
                longest,
                Arc::clone(&tally),
            ),
            flights: Arc::default(),
            tally,
            writing: Mutex::default(),
            generations: OnceLock::new(),
            habit: Habit::default(),
            fingerprint: fingerprint::of::<V>() ^ options.schema,
            options,
        })
    }

    pub fn shared(&self) -> &Arc<Shared> {
        self.client.shared()
    }

    pub fn spot(&self, owner: OwnerName, key: &impl CacheKey) -> Spot {
        let mut writer = KeyWriter::of(owner.as_str());
        key.write(&mut writer);
        self.spot_of(owner, writer)
    }

    /// Where the entry of a key is that is written after its owner.
    pub fn spot_of(&self, owner: OwnerName, writer: KeyWriter) -> Spot {
        let prefixes = writer.prefixes(self.options.prefixes);
        Spot {
            tags: prefixes.map(|prefix| self.prefix_tag(prefix)).collect(),
            key: EncodedKey::of(writer),
            owner,
        }
    }

    /// The tag of all entries whose keys begin with these components.
    ///
    /// # Errors
    /// [`Error::Config`] where entries do not have it.
    pub fn tag_of_prefix(&self, prefix: &impl CacheKey) -> Result<String> {
        let mut writer = KeyWriter::default();
        prefix.write(&mut writer);
        let components = writer.prefixes(usize::MAX).count() + 1;
        if components > self.options.prefixes {
            return Err(Error::Config {
                variable: "prefixes",
                reason: format!(
                    "of the cache must be {components} at least to invalidate by such a prefix: call \
                     `CacheOptions::prefixes`"
                ),
            });
        }
        Ok(self.prefix_tag(writer.text()))
    }

    fn prefix_tag(&self, prefix: &str) -> String {
        format!("prefix:{}:{prefix}", self.namespace)
    }

    /// Invalidates all entries of an owner.
    pub async fn invalidate_namespace(&self, owner: &OwnerName) -> Result<()> {
        let here = |scopes: &Scopes| scopes.drop_namespace(owner, &self.namespace);
        self.shared().invalidate(owner, &[self.scope()], here).await
    }

    pub fn place<'p>(&'p self, spot: &'p Spot) -> Place<'p> {
        Place {
            namespace: &self.namespace,
            owner: &spot.owner,
            key: &spot.key,
        }
    }

    /// The scopes of an entry with these tags.
    pub fn scopes(&self, tags: &[String]) -> Vec<String> {
        let own = ["*".to_owned(), self.scope()];
        let patterns = self.options.patterns;
        let patterns = patterns.then(|| format!("p:{}", self.namespace));
        let tags = tags.iter().map(|tag| tag_scope(tag));
        own.into_iter().chain(patterns).chain(tags).collect()
    }

    /// The scope of the whole cache.
    pub fn scope(&self) -> String {
        format!("n:{}", self.namespace)
    }

    pub fn see(&self, spot: &Spot, tags: &[String]) -> Seen {
        let scopes = &self.shared().scopes;
        scopes.see(&spot.owner, &self.namespace, &spot.key, tags)
    }

    /// Forgets a key in this process, and whatever is being loaded for it.
    pub fn drop_here(&self, spot: &Spot) {
        let scopes = &self.shared().scopes;
        scopes.drop_key(&spot.owner, &self.namespace, spot.key.bare());
        self.near.forget(&spot.key);
    }

    /// Keeps a value in this process, unless something was invalidated since `seen`. `late` are the tags
    /// that were not known then.
    pub fn keep(
        &self,
        spot: &Spot,
        value: Option<Arc<V>>,
        mut seen: Seen,
        late: &[String],
        kept: Kept,
    ) {
        if !self.shared().switch.mode().uses_near() {
            return;
        }
        if !late.is_empty() {
            let scopes = &self.shared().scopes;
            scopes.add_tags(&mut seen, &spot.owner, late);
            if !seen.is_epoch_current() {
                return;
            }
        }
        let life = self.options.near_life(kept.left, kept.stale);
        let life = self.shared().bounded(life);
        self.near.keep(&spot.key, value, seen, life, kept.bytes);
    }

    /// The value as it is sent to Redis, with the time for which it is stale.
    ///
    /// # Errors
    /// [`CacheError::Unfit`].
    pub fn pack(&self, value: Option<&V>, stale: Duration) -> Result<Packed, CacheError> {
        let unfit = |reason: String| CacheError::Unfit {
            namespace: self.namespace.to_string(),
            reason,
        };
        let encoded = value.map(|value| self.options.codec.encode(value));
        let encoded = encoded
            .transpose()
            .map_err(|error| unfit(error.to_string()))?;
        let sealed = Sealed {
            codec: self.options.codec,
            fingerprint: self.fingerprint,
            stale,
        };
        let envelope = envelope::seal(sealed, encoded.as_deref(), self.options.limits);
        let envelope = envelope.ok_or_else(|| unfit("it is larger than `max_bytes`".to_owned()))?;
        Ok(Packed {
            bytes: encoded.map_or(0, |encoded| encoded.len()),
            envelope: Bytes::from(envelope),
        })
    }

    /// Reads what Redis had; what cannot be read is counted.
    pub fn unpack(&self, found: FarValue) -> Result<Opened<V>, Unreadable> {
        self.open(found).inspect_err(|reason| {
            self.tally.unreadable.add(1);
            tracing::debug!(?reason, namespace = &*self.namespace, "a value is not read");
        })
    }

    /// Reads what Redis had.
    pub fn open(&self, found: FarValue) -> Result<Opened<V>, Unreadable> {
        let expected = (self.options.codec, self.fingerprint);
        let opened = envelope::open(&found.envelope, expected, self.options.limits);
        opened.and_then(|envelope::Opened { value, stale }| {
            let decoded = value
                .as_ref()
                .map(|encoded| self.options.codec.decode(encoded));
            Ok(Opened {
                value: decoded.transpose()?.map(Arc::new),
                left: found.left,
                stale,
                bytes: value.map_or(0, |encoded| encoded.len()),
                tags: found.tags,
            })
        })
    }

    /// The error of a call that Redis did not do.
    pub fn refused(&self, fault: RedisFault) -> CacheError {
        self.fault(&fault);
        tracing::Span::current().record("otel.status_code", "ERROR");
        fault.into()
    }

    /// Counts a command that Redis did not do.
    pub fn fault(&self, fault: &RedisFault) {
        self.tally.faults.add(1);
        tracing::debug!(error = %fault, namespace = &*self.namespace, "Redis is left out");
    }
}

impl<V: CacheValue> Counted for Core<V> {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn statistics(&self) -> CacheStatistics {
        self.tally.statistics(self.near.size())
    }
}

impl<V> Opened<V> {
    /// Whether it is within its time to live.
    pub fn is_fresh(&self) -> bool {
        self.left > self.stale
    }

    /// As it is kept in this process.
    pub fn kept(&self) -> Kept {
        Kept {
            left: self.left,
            stale: self.stale,
            bytes: self.bytes,
        }
    }
}

/// For how long a value may be kept, and how large it is.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    pub left: Duration,
    pub stale: Duration,
    pub bytes: usize,
}
