//! Scopes in this process: generations that entries of the first level are compared with.
//!
//! An entry remembers the generations of its scopes from before its load. To invalidate is to count one
//! up; a hit compares numbers behind pointers that it has, and looks nothing up.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ahash::RandomState;
use smallvec::SmallVec;

use super::key::EncodedKey;
use crate::context::OwnerName;

/// Single keys share so many generations: with the entry of a key that is removed, one of so many others
/// ends, and is read from Redis or loaded again.
const STRIPES: u64 = 1 << 15;

/// All scopes of a process.
#[derive(Default)]
pub struct Scopes {
    owners: Mutex<HashMap<OwnerName, OwnerScopes>>,
    stripes: Stripes,
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
struct Domain {
    generation: AtomicU64,
    /// The owner's.
    epoch: Generation,
}

/// The generations of single keys, of all owners.
struct Stripes {
    /// Nobody chooses whose keys end with his own.
    hasher: RandomState,
    generations: Arc<[AtomicU64]>,
}

/// The generations at one moment, of one key and its tags.
#[derive(Clone)]
pub struct Seen {
    domain: Arc<Domain>,
    generation: u64,
    stripes: Arc<[AtomicU64]>,
    stripe: (usize, u64),
    tags: SmallVec<[(Generation, u64); 1]>,
    /// Counts for tags that were not known at that moment.
    epoch: u64,
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
        let domain = scopes.domain(namespace);
        let tags = tags.iter().map(|tag| scopes.tag(tag)).collect();
        drop(owners);
        let stripe = self.stripes.of(owner.as_str(), namespace, key.bare());
        Seen {
            generation: domain.generation.load(Ordering::Acquire),
            stripe: (stripe, generation(&self.stripes.generations, stripe)),
            stripes: Arc::clone(&self.stripes.generations),
            tags,
            epoch: domain.epoch.load(Ordering::Acquire),
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
        let stripe = self.stripes.of(owner.as_str(), namespace, bare_key);
        self.stripes.end(stripe);
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
            !scopes.namespaces.is_empty() || !scopes.tags.is_empty()
        });
        let left = u64::try_from(owners.len()).unwrap_or(u64::MAX);
        self.swept.store(left, Ordering::Relaxed);
    }

    fn owners(&self) -> MutexGuard<'_, HashMap<OwnerName, OwnerScopes>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnerScopes {
    fn domain(&mut self, namespace: &str) -> Arc<Domain> {
        if let Some(domain) = self.namespaces.get(namespace) {
            return Arc::clone(domain);
        }
        let domain = Arc::new(Domain {
            generation: AtomicU64::new(0),
            epoch: Arc::clone(&self.epoch),
        });
        self.namespaces
            .insert(namespace.into(), Arc::clone(&domain));
        domain
    }

    fn tag(&mut self, tag: &str) -> (Generation, u64) {
        match self.tags.get(tag) {
            Some(generation) => seen(generation),
            None => seen(self.tags.entry(tag.into()).or_default()),
        }
    }
}

impl Domain {
    fn end(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }
}

impl Default for Stripes {
    fn default() -> Self {
        Stripes {
            hasher: RandomState::new(),
            generations: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Stripes {
    fn of(&self, owner: &str, namespace: &str, bare_key: &[u8]) -> usize {
        let hash = self.hasher.hash_one((owner, namespace, bare_key));
        usize::try_from(hash % STRIPES).unwrap_or(0)
    }

    fn end(&self, stripe: usize) {
        if let Some(generation) = self.generations.get(stripe) {
            generation.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Seen {
    /// Whether nothing that it saw was invalidated since.
    pub fn is_current(&self) -> bool {
        let (stripe, seen) = self.stripe;
        self.domain.generation.load(Ordering::Acquire) == self.generation
            && generation(&self.stripes, stripe) == seen
            && self.tags.iter().all(is_current)
    }

    /// Whether no tag at all was invalidated since.
    pub fn is_epoch_current(&self) -> bool {
        self.domain.epoch.load(Ordering::Acquire) == self.epoch
    }
}

fn generation(stripes: &[AtomicU64], stripe: usize) -> u64 {
    let generation = stripes.get(stripe);
    generation.map_or(0, |it| it.load(Ordering::Acquire))
}

fn seen(generation: &Generation) -> (Generation, u64) {
    (Arc::clone(generation), generation.load(Ordering::Acquire))
}

fn is_current((generation, seen): &(Generation, u64)) -> bool {
    generation.load(Ordering::Acquire) == *seen
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
    fn a_removed_key_takes_hardly_any_other_with_it() {
        let scopes = Scopes::default();
        let owner = Global.owner("orders").expect("global");
        let see = |key: u32| scopes.see(&owner, "orders", &EncodedKey::new("*", &key), &[]);
        let seen: Vec<Seen> = (0..1_000).map(see).collect();
        scopes.drop_key(&owner, "orders", b"1000");
        scopes.drop_key(&owner, "users", b"7");
        let ended = seen.iter().filter(|it| !it.is_current()).count();
        assert!(ended <= 10, "{ended}");
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
