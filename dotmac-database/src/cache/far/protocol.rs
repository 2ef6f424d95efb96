//! `Far`: reads, fills and invalidations, each one script and one round trip.

use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::script;
use crate::cache::key::EncodedKey;
use crate::context::OwnerName;
use crate::redis::{Fault, Redis, Reply};

/// The second level. Keys are `dotmac:{<owner>}:…`: all of a tenant are in one hash slot.
#[derive(Clone)]
pub struct Far {
    redis: Redis,
    sender: Bytes,
}

/// What was found.
#[derive(Default)]
pub struct Found {
    pub value: Option<FarValue>,
    /// The right to store what is loaded now; `None` where it was not asked for, or is not needed.
    pub lease: Option<Lease>,
}

/// A value that is alive.
pub struct FarValue {
    pub envelope: Bytes,
    /// How long it will be.
    pub left: Duration,
    pub scopes: Vec<String>,
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

/// The right to store what is loaded from now on.
#[derive(Debug, Clone)]
pub struct Lease {
    token: Bytes,
    /// Whether nobody else loads it.
    pub is_first: bool,
    epoch: Bytes,
    /// The tokens of the scopes that were known.
    scopes: Vec<(Bytes, Bytes)>,
}

/// Whether a write minds what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    Always,
    IfAbsent,
    IfPresent,
}

/// Where an entry is.
#[derive(Clone, Copy)]
pub struct Place<'p> {
    pub namespace: &'p str,
    pub owner: &'p OwnerName,
    pub key: &'p EncodedKey,
}

impl Far {
    pub fn new(redis: Redis) -> Self {
        Far {
            redis,
            sender: token(),
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
        let arguments = vec![prefix(place.owner), Bytes::new()];
        let answer = self
            .redis
            .run(&script::READ, &place.keys(), arguments)
            .await?;
        let found = found(answer, 1, &[])?.into_iter().next();
        Ok(found.and_then(|found| found.value))
    }

    /// Looks for values of one owner, and takes a lease for each that is to be loaded.
    pub async fn lease(
        &self,
        places: &[Place<'_>],
        scopes: &[String],
        times: LeaseTimes,
    ) -> Result<Vec<Found>, Fault> {
        let Some(first) = places.first() else {
            return Ok(Vec::new());
        };
        let mut arguments = vec![
            prefix(first.owner),
            token(),
            milliseconds(times.lease),
            milliseconds(times.lifetime + times.lease),
            Bytes::from(times.refresh.as_millis().to_string()),
        ];
        arguments.extend(scopes.iter().map(|scope| Bytes::from(scope.clone())));
        let keys: Vec<Bytes> = places.iter().flat_map(|place| place.keys()).collect();
        let answer = self.redis.run(&script::READ, &keys, arguments).await?;
        found(answer, places.len(), scopes)
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
        let mut arguments = vec![
            prefix(place.owner),
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
        let answer = self
            .redis
            .run(&script::FILL, &place.keys(), arguments)
            .await?;
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
        let mut arguments = vec![
            prefix(place.owner),
            token(),
            milliseconds(lifetime),
            envelope,
            Bytes::from_static(match write {
                Write::Always => b"",
                Write::IfAbsent => b"NX",
                Write::IfPresent => b"XX",
            }),
            owner(place.owner),
            self.sender.clone(),
            place.message_key(),
        ];
        arguments.extend(scopes.iter().map(|scope| Bytes::from(scope.clone())));
        let answer = self
            .redis
            .run(&script::WRITE, &place.keys(), arguments)
            .await?;
        Ok(answer.number()? == 1)
    }

    /// Removes a value; whether there was one.
    pub async fn remove(&self, place: Place<'_>) -> Result<bool, Fault> {
        let arguments = vec![
            prefix(place.owner),
            token(),
            owner(place.owner),
            self.sender.clone(),
            place.message_key(),
        ];
        let answer = self
            .redis
            .run(&script::REMOVE, &place.keys(), arguments)
            .await?;
        Ok(answer.number()? == 1)
    }

    /// Lets a value live for so long from now on; whether there is one.
    pub async fn expire(&self, place: Place<'_>, lifetime: Duration) -> Result<bool, Fault> {
        let arguments = vec![
            prefix(place.owner),
            milliseconds(lifetime),
            token(),
            owner(place.owner),
            self.sender.clone(),
            place.message_key(),
        ];
        let answer = self
            .redis
            .run(&script::EXPIRE, &place.keys(), arguments)
            .await?;
        Ok(answer.number()? == 1)
    }

    /// Invalidates scopes.
    pub async fn invalidate(&self, of: &OwnerName, scopes: &[String]) -> Result<(), Fault> {
        let mut arguments = vec![prefix(of), token(), owner(of), self.sender.clone()];
        arguments.extend(scopes.iter().map(|scope| Bytes::from(scope.clone())));
        let answer = self
            .redis
            .run(&script::DROP, &[prefix(of)], arguments)
            .await?;
        answer.number().map(drop)
    }
}

impl Place<'_> {
    /// The value and its lease.
    fn keys(self) -> [Bytes; 2] {
        ["v", "l"].map(|kind| {
            let (owner, namespace) = (self.owner.as_str(), self.namespace);
            let mut key = format!("dotmac:{{{owner}}}:{kind}:{namespace}:").into_bytes();
            key.extend_from_slice(self.key.bare());
            Bytes::from(key)
        })
    }

    /// `k:<namespace>:<key>`
    fn message_key(self) -> Bytes {
        let mut key = format!("k:{}:", self.namespace).into_bytes();
        key.extend_from_slice(self.key.bare());
        Bytes::from(key)
    }
}

/// What the keys of an owner's tokens begin with.
fn prefix(owner: &OwnerName) -> Bytes {
    Bytes::from(format!("dotmac:{{{}}}:t:", owner.as_str()))
}

fn owner(owner: &OwnerName) -> Bytes {
    Bytes::copy_from_slice(owner.as_str().as_bytes())
}

/// 16 bytes that were never used before.
fn token() -> Bytes {
    Bytes::copy_from_slice(Uuid::new_v4().as_bytes())
}

fn milliseconds(duration: Duration) -> Bytes {
    Bytes::from(duration.as_millis().max(1).to_string())
}

/// What the script answers of so many entries.
fn found(answer: Reply, count: usize, scopes: &[String]) -> Result<Vec<Found>, Fault> {
    let mut answers = answer.list()?.into_iter();
    let entries: Vec<Entry> = answers
        .by_ref()
        .take(count)
        .map(entry)
        .collect::<Result<_, _>>()?;
    if entries.len() != count {
        return Err(Fault::Answer);
    }
    let known = answers
        .next()
        .map(|known| tokens(known, scopes))
        .transpose()?;
    let with_lease = |entry: Entry| {
        let lease = match (entry.lease, &known) {
            (None, _) => None,
            (Some(_), None) => return Err(Fault::Answer),
            (Some((token, is_first)), Some((epoch, scopes))) => Some(Lease {
                token,
                is_first,
                epoch: epoch.clone(),
                scopes: scopes.clone(),
            }),
        };
        Ok(Found {
            value: entry.value,
            lease,
        })
    };
    entries.into_iter().map(with_lease).collect()
}

struct Entry {
    value: Option<FarValue>,
    /// Its token, and whether nobody else has it.
    lease: Option<(Bytes, bool)>,
}

fn entry(answer: Reply) -> Result<Entry, Fault> {
    let mut parts = answer.list()?.into_iter();
    let mut next = || parts.next().ok_or(Fault::Answer);
    let envelope = next()?.bytes()?;
    let left = u64::try_from(next()?.number()?).unwrap_or(0);
    let count = next()?.number()?;
    let names = (0..count).map(|_| {
        let name = next()?.bytes()?;
        String::from_utf8(name.into()).map_err(|_| Fault::Answer)
    });
    let names = names.collect::<Result<Vec<String>, Fault>>()?;
    let token = next()?.bytes()?;
    let is_first = next()?.number()? == 1;
    Ok(Entry {
        value: (!envelope.is_empty()).then_some(FarValue {
            envelope,
            left: Duration::from_millis(left),
            scopes: names,
        }),
        lease: (!token.is_empty()).then_some((token, is_first)),
    })
}

/// The epoch, and each scope with its token.
fn tokens(answer: Reply, scopes: &[String]) -> Result<(Bytes, Vec<(Bytes, Bytes)>), Fault> {
    let mut parts = answer.list()?.into_iter().map(Reply::bytes);
    let epoch = parts.next().ok_or(Fault::Answer)??;
    let tokens: Vec<Bytes> = parts.collect::<Result<_, _>>()?;
    if tokens.len() != scopes.len() {
        return Err(Fault::Answer);
    }
    let names = scopes.iter().map(|scope| Bytes::from(scope.clone()));
    Ok((epoch, names.zip(tokens).collect()))
}
