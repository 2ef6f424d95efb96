//! `Home`: the hash tag of keys, and so the slot of a cluster that they are in.

use std::collections::HashMap;

use bytes::Bytes;

use crate::cache::key::EncodedKey;
use crate::context::OwnerName;
use crate::context::TenantId;

/// Over how many homes the entries of an owner are spread.
#[derive(Debug, Clone)]
pub struct Shards {
    usual: u16,
    large: HashMap<TenantId, u16>,
}

/// An owner, or one of its shards: `acme` or `acme#3`. All keys of a home are in one slot, and with them
/// the tokens that they live by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Home(Box<str>);

impl Default for Shards {
    fn default() -> Self {
        Shards {
            usual: 1,
            large: HashMap::new(),
        }
    }
}

impl Shards {
    pub fn set_usual(&mut self, shards: u16) {
        self.usual = shards;
    }

    pub fn set_large(&mut self, tenant: TenantId, shards: u16) {
        self.large.insert(tenant, shards);
    }

    /// Whether there is one at least everywhere, and nowhere more.
    pub fn are_within(&self, most: u16) -> bool {
        let mut all = self.large.values().chain([&self.usual]);
        all.all(|shards| (1..=most).contains(shards))
    }

    fn of(&self, owner: &OwnerName) -> u16 {
        let large = owner.tenant().and_then(|tenant| self.large.get(tenant));
        large.copied().unwrap_or(self.usual)
    }

    /// Where the entry of a key is.
    pub fn home(&self, owner: &OwnerName, key: &EncodedKey) -> Home {
        match self.of(owner) {
            1 => Home(owner.as_str().into()),
            shards => {
                let shard = crc32fast::hash(key.bare()) % u32::from(shards);
                Home::shard(owner, shard)
            }
        }
    }

    /// Where entries of an owner may be.
    pub fn homes(&self, owner: &OwnerName) -> Vec<Home> {
        match self.of(owner) {
            1 => vec![Home(owner.as_str().into())],
            shards => (0..u32::from(shards))
                .map(|shard| Home::shard(owner, shard))
                .collect(),
        }
    }
}

impl Home {
    fn shard(owner: &OwnerName, shard: u32) -> Self {
        Home(format!("{}#{shard}", owner.as_str()).into())
    }

    /// The owner of a home that is written so; tenants' names hold no `#`.
    pub fn owner(name: &str) -> Option<OwnerName> {
        let owner = name.split_once('#').map_or(name, |(owner, _)| owner);
        OwnerName::parse(owner)
    }

    /// The home of a key, which is written between braces.
    pub fn of_key(key: &[u8]) -> Option<Self> {
        let key = std::str::from_utf8(key).ok()?;
        let (name, _) = key.strip_prefix("dotmac:{")?.split_once('}')?;
        Some(Home(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same, as it is sent.
    pub fn name(&self) -> Bytes {
        Bytes::copy_from_slice(self.0.as_bytes())
    }

    /// What all its keys begin with.
    pub fn root(&self) -> String {
        format!("dotmac:{{{}}}:", self.0)
    }

    /// What the keys of its tokens begin with.
    pub fn prefix(&self) -> Bytes {
        Bytes::from(self.root() + "t:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Owner;
    use crate::context::RequestContext;

    fn owner(tenant: &str) -> OwnerName {
        let context = RequestContext::tenant(tenant).expect("valid");
        context.owner("orders").expect("a tenant")
    }

    #[test]
    fn keys_of_a_large_tenant_are_spread_and_those_of_others_are_not() {
        let mut shards = Shards::default();
        shards.set_large(TenantId::parse("big").expect("valid"), 4);
        let (big, small) = (owner("big"), owner("small"));
        let mut seen = HashMap::<String, usize>::new();
        for at in 0..1_000 {
            let key = EncodedKey::new("t", &at);
            let home = shards.home(&big, &key);
            assert_eq!(home, shards.home(&big, &key));
            assert!(shards.homes(&big).contains(&home));
            assert_eq!(Home::owner(home.as_str()), Some(big.clone()));
            *seen.entry(home.as_str().to_owned()).or_default() += 1;
            assert_eq!(shards.home(&small, &key).as_str(), "small");
        }
        assert_eq!(seen.len(), 4);
        assert!(seen.values().all(|count| *count > 150), "{seen:?}");
        assert_eq!(shards.homes(&small).len(), 1);
    }

    #[test]
    fn the_home_of_a_key_is_read_back() {
        let home = Shards::default().homes(&owner("acme")).remove(0);
        let key = home.root() + "v:orders:7";
        assert_eq!(Home::of_key(key.as_bytes()), Some(home));
        assert_eq!(Home::of_key(b"other:{acme}:v"), None);
    }
}
