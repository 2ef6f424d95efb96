//! Scopes in this process: generations that entries of the first level are compared with.
//!
//! An entry remembers the generations of its scopes from before its load. To invalidate is to count one
//! up; a hit compares numbers behind pointers that it has, and looks nothing up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;

use super::key::EncodedKey;
use crate::context::OwnerName;

/// Single keys share so many generations in each namespace of an owner: a removal takes others with it,
/// which are then read from Redis.
const STRIPES: usize = 16;

/// All scopes of a process.
#[derive(Default)]
pub struct Scopes {
    owners: Mutex<HashMap<OwnerName, OwnerScopes>>,
    /// How many owners there were after those that nothing refers to were last taken out.
    swept: AtomicU64,
}

#[derive(Default)]
struct OwnerScopes {
    namespaces: HashMap<Box<str>, Arc<Domain>>,
    tags: HashMap<Box<str>, Generation>,
    /// Counts all invalidations of tags.
    epoch: Generation,
}

type Generation = Arc<AtomicU64>;

/// A namespace of an owner.
#[derive(Default)]
struct Domain {
    generation: AtomicU64,
    stripes: [AtomicU64; STRIPES],
}

/// The generations at one moment, of one key and its tags.
#[derive(Clone)]
pub struct Seen {
    domain: Arc<Domain>,
    generation: u64,
    stripe: (usize, u64),
    tags: SmallVec<[(Generation, u64); 2]>,
    /// Counts for tags that were not known at that moment.
    epoch: (Generation, u64),
}

impl Scopes {
    /// The generations now.
    pub fn see(
        &self,
        owner: &OwnerName,
        namespace: &str,
        key: &EncodedKey,
        tags: &[String],
    ) -> Seen {
        let mut owners = self.owners();
        self.sweep(&mut owners);
        let scopes = owners.entry(owner.clone()).or_default();
        let domain = match scopes.namespaces.get(namespace) {
            Some(domain) => Arc::clone(domain),
            None => Arc::clone(scopes.namespaces.entry(namespace.into()).or_default()),
        };
        let stripe = stripe_of(key.bare());
        Seen {
            generation: domain.generation.load(Ordering::Acquire),
            stripe: (stripe, domain.stripe(stripe)),
            tags: tags.iter().map(|tag| scopes.tag(tag)).collect(),
            epoch: seen(&scopes.epoch),
            domain,
        }
    }

    /// Adds tags that became known later.
    pub fn add_tags(&self, seen: &mut Seen, owner: &OwnerName, tags: &[String]) {
        let mut owners = self.owners();
        let scopes = owners.entry(owner.clone()).or_default();
        seen.tags.extend(tags.iter().map(|tag| scopes.tag(tag)));
    }

    /// Ends the entries of a key, and of those that share its stripe.
    pub fn drop_key(&self, owner: &OwnerName, namespace: &str, bare_key: &[u8]) {
        if let Some(scopes) = self.owners().get(owner)
            && let Some(domain) = scopes.namespaces.get(namespace)
            && let Some(stripe) = domain.stripes.get(stripe_of(bare_key))
        {
            stripe.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Ends the entries with a tag.
    pub fn drop_tag(&self, owner: &OwnerName, tag: &str) {
        if let Some(scopes) = self.owners().get(owner) {
            scopes.epoch.fetch_add(1, Ordering::AcqRel);
            if let Some(generation) = scopes.tags.get(tag) {
                generation.fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    /// Ends the entries of a namespace.
    pub fn drop_namespace(&self, owner: &OwnerName, namespace: &str) {
        if let Some(scopes) = self.owners().get(owner)
            && let Some(domain) = scopes.namespaces.get(namespace)
        {
            domain.end();
        }
    }

    /// Ends all entries of an owner.
    pub fn drop_owner(&self, owner: &OwnerName) {
        if let Some(scopes) = self.owners().get(owner) {
            scopes.namespaces.values().for_each(|domain| domain.end());
        }
    }

    /// Ends all entries.
    pub fn drop_all(&self) {
        for scopes in self.owners().values() {
            scopes.namespaces.values().for_each(|domain| domain.end());
        }
    }

    /// The owners of which something is kept or loaded.
    pub fn owners_in_use(&self) -> Vec<OwnerName> {
        let owners = self.owners();
        let used = owners.iter().filter(|(_, scopes)| {
            let mut domains = scopes.namespaces.values();
            domains.any(|domain| Arc::strong_count(domain) > 1)
        });
        used.map(|(owner, _)| owner.clone()).collect()
    }

    /// Takes out what no entry and no load refers to, whenever the owners have doubled.
    fn sweep(&self, owners: &mut HashMap<OwnerName, OwnerScopes>) {
        let count = u64::try_from(owners.len()).unwrap_or(u64::MAX);
        if count < self.swept.load(Ordering::Relaxed).saturating_mul(2).max(64) {
            return;
        }
        owners.retain(|_, scopes| {
            scopes.namespaces.retain(|_, it| Arc::strong_count(it) > 1);
            scopes.tags.retain(|_, it| Arc::strong_count(it) > 1);
            let is_held = Arc::strong_count(&scopes.epoch) > 1;
            is_held || !scopes.namespaces.is_empty() || !scopes.tags.is_empty()
        });
        let left = u64::try_from(owners.len()).unwrap_or(u64::MAX);
        self.swept.store(left, Ordering::Relaxed);
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<OwnerName, OwnerScopes>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnerScopes {
    fn tag(&mut self, tag: &str) -> (Generation, u64) {
        match self.tags.get(tag) {
            Some(generation) => seen(generation),
            None => seen(self.tags.entry(tag.into()).or_default()),
        }
    }
}

impl Domain {
    fn stripe(&self, stripe: usize) -> u64 {
        let stripe = self.stripes.get(stripe);
        stripe.map_or(0, |stripe| stripe.load(Ordering::Acquire))
    }

    fn end(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

impl Seen {
    /// Whether nothing that it saw was invalidated since.
    pub fn is_current(&self) -> bool {
        let (stripe, generation) = self.stripe;
        self.domain.generation.load(Ordering::Acquire) == self.generation
            && self.domain.stripe(stripe) == generation
            && self.tags.iter().all(is_current)
    }

    /// Whether no tag at all was invalidated since.
    pub fn is_epoch_current(&self) -> bool {
        is_current(&self.epoch)
    }
}

fn seen(generation: &Generation) -> (Generation, u64) {
    (Arc::clone(generation), generation.load(Ordering::Acquire))
}

fn is_current((generation, seen): &(Generation, u64)) -> bool {
    generation.load(Ordering::Acquire) == *seen
}

fn stripe_of(key: &[u8]) -> usize {
    let hash = crc32fast::hash(key);
    usize::try_from(hash).unwrap_or(0) % STRIPES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Global, Owner};

    #[test]
    fn what_was_seen_ends_with_any_of_its_scopes_and_no_other() {
        let scopes = Scopes::default();
        let owner = Global.owner("orders").expect("global");
        let key = EncodedKey::new("*", &7);
        let see = || scopes.see(&owner, "orders", &key, &["red".to_owned()]);
        let drops: [(&dyn Fn(), bool); 7] = [
            (&|| scopes.drop_key(&owner, "orders", key.bare()), false),
            (&|| scopes.drop_tag(&owner, "red"), false),
            (&|| scopes.drop_namespace(&owner, "orders"), false),
            (&|| scopes.drop_owner(&owner), false),
            (&|| scopes.drop_all(), false),
            (&|| scopes.drop_tag(&owner, "blue"), true),
            (&|| scopes.drop_namespace(&owner, "users"), true),
        ];
        for (at, (drop, stays)) in drops.into_iter().enumerate() {
            let seen = see();
            assert!(seen.is_current());
            drop();
            assert_eq!(seen.is_current(), stays, "case {at}");
            assert!(see().is_current());
        }
    }

    #[test]
    fn scopes_that_nothing_refers_to_do_not_pile_up() {
        let scopes = Scopes::default();
        let key = EncodedKey::new("t", "k");
        let kept: Vec<Seen> = (0..10_000)
            .map(|at| {
                let context =
                    crate::context::RequestContext::tenant(&format!("t{at}")).expect("valid");
                let owner = context.owner("orders").expect("tenant");
                scopes.see(&owner, "orders", &key, &[format!("tag{at}")])
            })
            .filter(|_| false)
            .collect();
        assert!(kept.is_empty());
        assert!(scopes.owners().len() < 200, "{}", scopes.owners().len());
    }
}
