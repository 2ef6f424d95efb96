//! `Far`: reads, fills and invalidations, each one script and one round trip.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};
use uuid::Uuid;

use super::answer::{self, Count, FarValue, Found, Lease};
use super::home::{Home, Shards};
use super::place::Place;
use super::script;
use crate::cache::glob::Glob;
use crate::context::OwnerName;
use crate::redis::{Fault, Redis};

/// The second level. Keys are `dotmac:{<home>}:…`: all of a home are in one hash slot.
#[derive(Clone)]
pub struct Far {
    redis: Redis,
    sender: Bytes,
    shards: Arc<Shards>,
}

/// For how long things are, in a read that may be followed by a load.
#[derive(Debug, Clone, Copy)]
pub struct LeaseTimes {
    /// How long the load may take.
    pub lease: Duration,
    /// How long entries live.
    pub lifetime: Duration,
    /// An entry that lives no longer than this is loaded again.
    pub refresh: Duration,
}

/// Whether a write minds what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    Always,
    IfAbsent,
    IfPresent,
}

impl Far {
    pub fn new(redis: Redis, shards: Shards) -> Self {
        Far {
            redis,
            sender: token(),
            shards: Arc::new(shards),
        }
    }

    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// Who this process is in messages.
    pub fn sender(&self) -> &[u8] {
        &self.sender
    }

    /// Looks for a value.
    pub async fn look(&self, place: Place<'_>) -> Result<Option<FarValue>, Fault> {
        let home = self.home(place);
        let arguments = vec![home.prefix(), Bytes::new()];
        let keys = place.keys(&home);
        let answer = self.redis.run(&script::READ, &keys, arguments).await?;
        let found = answer::found(answer, 1, &[])?.into_iter().next();
        Ok(found.and_then(|found| found.value))
    }

    /// Looks for values of one owner, and takes a lease for each that is to be loaded.
    pub async fn lease(
        &self,
        places: &[Place<'_>],
        scopes: &[String],
        times: LeaseTimes,
    ) -> Result<Vec<Found>, Fault> {
        let mut homes: Vec<(Home, Vec<usize>)> = Vec::new();
        for (at, place) in places.iter().enumerate() {
            let home = self.home(*place);
            match homes.iter_mut().find(|(it, _)| *it == home) {
                Some((_, there)) => there.push(at),
                None => homes.push((home, vec![at])),
            }
        }
        let mut asked = Vec::with_capacity(homes.len());
        for (home, there) in &homes {
            let places = there.iter().filter_map(|at| places.get(*at).copied());
            asked.push(self.lease_at(home, places.collect(), scopes, times));
        }
        let answers = try_join_all(asked).await?;
        let mut found: Vec<Found> = places.iter().map(|_| Found::default()).collect();
        for ((_, there), answers) in homes.iter().zip(answers) {
            for (at, answer) in there.iter().zip(answers) {
                if let Some(found) = found.get_mut(*at) {
                    *found = answer;
                }
            }
        }
        Ok(found)
    }

    async fn lease_at(
        &self,
        home: &Home,
        places: Vec<Place<'_>>,
        scopes: &[String],
        times: LeaseTimes,
    ) -> Result<Vec<Found>, Fault> {
        let mut arguments = vec![
            home.prefix(),
            token(),
            milliseconds(times.lease),
            milliseconds(times.lifetime + times.lease),
            Bytes::from(times.refresh.as_millis().to_string()),
        ];
        arguments.extend(scopes.iter().map(|scope| Bytes::from(scope.clone())));
        let keys: Vec<Bytes> = places.iter().flat_map(|place| place.keys(home)).collect();
        let answer = self.redis.run(&script::READ, &keys, arguments).await?;
        answer::found(answer, places.len(), scopes)
    }

    /// Stores what was loaded under a lease; whether it was.
    pub async fn fill(
        &self,
        place: Place<'_>,
        lease: &Lease,
        envelope: Bytes,
        lifetime: Duration,
        late: &[String],
    ) -> Result<bool, Fault> {
        let home = self.home(place);
        let mut arguments = vec![
            home.prefix(),
            lease.token.clone(),
            milliseconds(lifetime),
            envelope,
            lease.epoch.clone(),
            token(),
            Bytes::from(lease.scopes.len().to_string()),
        ];
        for (name, token) in &lease.scopes {
            arguments.extend([name.clone(), token.clone()]);
        }
        arguments.extend(late.iter().map(|scope| Bytes::from(scope.clone())));
        let keys = place.keys(&home);
        let answer = self.redis.run(&script::FILL, &keys, arguments).await?;
        Ok(answer.number()? == 1)
    }

    /// Stores a value; whether it was.
    pub async fn write(
        &self,
        place: Place<'_>,
        write: Write,
        envelope: Bytes,
        lifetime: Duration,
        scopes: &[String],
    ) -> Result<bool, Fault> {
        let home = self.home(place);
        let mut arguments = vec![
            home.prefix(),
            token(),
            milliseconds(lifetime),
            envelope,
            Bytes::from_static(match write {
                Write::Always => b"",
                Write::IfAbsent => b"NX",
                Write::IfPresent => b"XX",
            }),
            home.name(),
            self.sender.clone(),
            place.message_key(),
        ];
        arguments.extend(scopes.iter().map(|scope| Bytes::from(scope.clone())));
        let keys = place.keys(&home);
        let answer = self.redis.run(&script::WRITE, &keys, arguments).await?;
        Ok(answer.number()? == 1)
    }

    /// Removes a value; whether there was one.
    pub async fn remove(&self, place: Place<'_>) -> Result<bool, Fault> {
        let home = self.home(place);
        let arguments = vec![
            home.prefix(),
            token(),
            home.name(),
            self.sender.clone(),
            place.message_key(),
        ];
        let keys = place.keys(&home);
        let answer = self.redis.run(&script::REMOVE, &keys, arguments).await?;
        Ok(answer.number()? == 1)
    }

    /// Lets a value live for so long from now on; whether there is one.
    pub async fn expire(&self, place: Place<'_>, lifetime: Duration) -> Result<bool, Fault> {
        let home = self.home(place);
        let arguments = vec![
            home.prefix(),
            milliseconds(lifetime),
            token(),
            home.name(),
            self.sender.clone(),
            place.message_key(),
        ];
        let keys = place.keys(&home);
        let answer = self.redis.run(&script::EXPIRE, &keys, arguments).await?;
        Ok(answer.number()? == 1)
    }

    /// Invalidates scopes, in all homes of the owner; all are tried.
    pub async fn invalidate(&self, of: &OwnerName, scopes: &[String]) -> Result<(), Fault> {
        let homes = self.shards.homes(of);
        let mut dropped = Vec::with_capacity(homes.len());
        for home in &homes {
            dropped.push(self.invalidate_at(home, scopes));
        }
        join_all(dropped).await.into_iter().collect()
    }

    async fn invalidate_at(&self, home: &Home, scopes: &[String]) -> Result<(), Fault> {
        let mut arguments = vec![home.prefix(), token(), home.name(), self.sender.clone()];
        arguments.extend(scopes.iter().map(|scope| Bytes::from(scope.clone())));
        let keys = [home.prefix()];
        let answer = self.redis.run(&script::DROP, &keys, arguments).await?;
        answer.number().map(drop)
    }

    /// Invalidates the entries of a cache whose keys are of a pattern; whether there was room for it, in all
    /// homes of the owner.
    pub async fn invalidate_matching(
        &self,
        of: &OwnerName,
        namespace: &str,
        glob: &Glob,
        most: u32,
    ) -> Result<bool, Fault> {
        let homes = self.shards.homes(of);
        let mut matched = Vec::with_capacity(homes.len());
        for home in &homes {
            matched.push(self.match_at(home, namespace, glob, most));
        }
        let matched = join_all(matched).await.into_iter();
        let matched: Vec<bool> = matched.collect::<Result<_, Fault>>()?;
        Ok(matched.into_iter().all(|it| it))
    }

    async fn match_at(
        &self,
        home: &Home,
        namespace: &str,
        glob: &Glob,
        most: u32,
    ) -> Result<bool, Fault> {
        let arguments = vec![
            home.prefix(),
            token(),
            home.name(),
            self.sender.clone(),
            Bytes::copy_from_slice(namespace.as_bytes()),
            Bytes::copy_from_slice(glob.as_str().as_bytes()),
            Bytes::from(most.to_string()),
        ];
        let keys = [home.prefix()];
        let answer = self.redis.run(&script::PATTERN, &keys, arguments).await?;
        Ok(answer.number()? == 1)
    }

    /// How many invalidations a home has seen.
    pub async fn count(&self, home: &Home) -> Result<Count, Fault> {
        let keys = [home.prefix()];
        let answer = self.redis.run(&script::COUNT, &keys, vec![home.prefix()]);
        answer::count(answer.await?)
    }

    /// The homes of an owner.
    pub fn homes(&self, owner: &OwnerName) -> Vec<Home> {
        self.shards.homes(owner)
    }

    fn home(&self, place: Place<'_>) -> Home {
        self.shards.home(place.owner, place.key)
    }
}

/// 16 bytes that were never used before.
fn token() -> Bytes {
    Bytes::copy_from_slice(Uuid::new_v4().as_bytes())
}

fn milliseconds(duration: Duration) -> Bytes {
    Bytes::from(duration.as_millis().max(1).to_string())
}
