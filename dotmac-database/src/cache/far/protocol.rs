//! `Far`: reads, fills and invalidations, each one script and one round trip.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};
use uuid::Uuid;

use super::answer::{self, Count, Found, Lease};
use super::clock::Clocks;
use super::group::in_order;
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
    clocks: Arc<Clocks>,
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
            clocks: Arc::default(),
        }
    }

    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// Who this process is in messages.
    pub fn sender(&self) -> &[u8] {
        &self.sender
    }

    /// Looks for values of one owner, and takes a lease for each that is to be loaded.
    pub async fn lease(
        &self,
        places: &[Place<'_>],
        scopes: &[String],
        times: LeaseTimes,
    ) -> Result<Vec<Found>, Fault> {
        let groups = self.by_home(places);
        let mut asked = Vec::with_capacity(groups.len());
        for group in &groups {
            asked.push(self.lease_at(&group.home, &group.places, scopes, times));
        }
        Ok(in_order(&groups, try_join_all(asked).await?))
    }

    async fn lease_at(
        &self,
        home: &Home,
        places: &[Place<'_>],
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
        self.ask(home, places, scopes, arguments).await
    }

    /// Asks the script that reads, and learns the time of its server.
    pub(super) async fn ask(
        &self,
        home: &Home,
        places: &[Place<'_>],
        scopes: &[String],
        arguments: Vec<Bytes>,
    ) -> Result<Vec<Found>, Fault> {
        let keys: Vec<Bytes> = places.iter().flat_map(|place| place.keys(home)).collect();
        let asked = Instant::now();
        let answer = self.redis.run(&script::READ, &keys, arguments).await?;
        let (time, found) = answer::found(answer, places.len(), scopes)?;
        self.clocks.learn(self.server_of(home), asked, time);
        Ok(found)
    }

    /// What the server of a home is known by: in a cluster, each home may be on another.
    pub(super) fn server_of<'h>(&self, home: &'h Home) -> &'h str {
        match self.redis.has_slots() {
            true => home.as_str(),
            false => "",
        }
    }

    pub(super) fn clocks(&self) -> &Clocks {
        &self.clocks
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
        for (name, token) in &*lease.scopes {
            arguments.extend([name.clone(), token.clone()]);
        }
        arguments.extend(late.iter().map(|scope| Bytes::from(scope.clone())));
        let keys = place.keys(&home);
        let answer = self.redis.run(&script::FILL, &keys, arguments).await?;
        Ok(answer.number()? == 1)
    }

    /// Gives a lease back under which nothing is stored.
    pub async fn forgo(&self, place: Place<'_>, lease: &Lease) -> Result<(), Fault> {
        let home = self.home(place);
        let arguments = vec![home.prefix(), lease.token.clone()];
        let keys = place.keys(&home);
        let answer = self.redis.run(&script::FORGO, &keys, arguments).await?;
        answer.number().map(drop)
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

    pub(super) fn home(&self, place: Place<'_>) -> Home {
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
