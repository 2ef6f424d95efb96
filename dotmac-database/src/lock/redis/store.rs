//! `Store`: the requests of the locks, each one script and one round trip.

use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::clock::ServerClock;
use super::script;
use crate::context::OwnerName;
use crate::lock::Fence;
use crate::lock::backend::{Bid, Holder};
use crate::lock::lease::Lease;
use crate::lock::name::LockName;
use crate::redis::{Fault, Redis, RedisOptions, Reply};

/// How many locks are renewed by one script: Redis does nothing else meanwhile, for a millisecond.
const RENEWED_TOGETHER: usize = 250;
/// How often a request is told the time, before it is given up as one that comes too late.
const TOLD_THE_TIME: u32 = 3;

/// The locks in Redis. Keys are `dotmac:{<owner>}:…`: all of a tenant are in one hash slot.
pub struct Store {
    redis: Redis,
    clock: ServerClock,
    /// For how long an answer is waited for.
    timeout: Duration,
    /// How many replicas must have received a lock.
    replicas: u32,
}

/// How an attempt ended.
pub enum Attempt {
    Taken(Fence),
    /// Another has it, who loses it after so long unless it is renewed.
    Held {
        runs_out: Duration,
    },
}

/// Who waits, and for how long Redis remembers it.
pub struct Waiting {
    pub name: Bytes,
    pub gone: Duration,
    /// Whether he may be in the queue since he asked before.
    pub is_queued: bool,
}

enum Asked {
    Answered(Attempt),
    TooLate,
}

impl Store {
    pub fn new(redis: Redis, options: RedisOptions) -> Self {
        Store {
            redis,
            clock: ServerClock::default(),
            timeout: options.timeout,
            replicas: options.lock_replicas,
        }
    }

    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// Takes the lock if it is free. Once `timeout` has passed since this was called, it is not taken any more.
    pub async fn attempt(&self, bid: &Bid, waiting: Option<&Waiting>) -> Result<Attempt, Fault> {
        for _ in 0..TOLD_THE_TIME {
            if let Asked::Answered(attempt) = self.ask(bid, waiting).await? {
                return Ok(attempt);
            }
        }
        Err(Fault::TimedOut)
    }

    async fn ask(&self, bid: &Bid, waiting: Option<&Waiting>) -> Result<Asked, Fault> {
        let keys = [
            lock_key(&bid.name),
            locks_key(bid.name.owner()),
            queue_key(&bid.name),
        ];
        let arguments = vec![
            token(bid.token),
            milliseconds(bid.ttl),
            name(&bid.name),
            holder(&bid.holder)?,
            number(self.clock.deadline(self.timeout)),
            waiting.map(|it| it.name.clone()).unwrap_or_default(),
            waiting.map(|it| milliseconds(it.gone)).unwrap_or_default(),
            number(i64::from(waiting.is_some_and(|it| it.is_queued))),
        ];
        let (answer, received) = match self.replicas {
            0 => (self.redis.run(&script::ACQUIRE, &keys, arguments).await?, 0),
            replicas => {
                let run = self
                    .redis
                    .run_and_wait(&script::ACQUIRE, &keys, arguments, replicas);
                run.await?
            }
        };
        let [what, server, number] = parts(answer)?;
        self.clock.learn(server.number()?);
        let number = number.number()?;
        match &*what.bytes()? {
            b"taken" if received < self.replicas => Err(Fault::NotReplicated),
            b"taken" => Ok(Asked::Answered(Attempt::Taken(Fence::from_number(number)))),
            b"held" => Ok(Asked::Answered(Attempt::Held {
                runs_out: Duration::from_millis(u64::try_from(number).unwrap_or(0)),
            })),
            b"late" => Ok(Asked::TooLate),
            _ => Err(Fault::Answer),
        }
    }

    /// Prolongs leases, whose owners share a hash slot where there are any: whether each is still held.
    pub async fn keep(&self, leases: &[&Lease]) -> Result<Vec<bool>, Fault> {
        let mut held = Vec::with_capacity(leases.len());
        for together in leases.chunks(RENEWED_TOGETHER) {
            let mut keys = Vec::with_capacity(2 * together.len());
            let mut arguments = Vec::with_capacity(3 * together.len());
            for lease in together {
                keys.extend([lock_key(&lease.name), locks_key(lease.name.owner())]);
                arguments.extend([
                    token(lease.token),
                    milliseconds(lease.ttl),
                    name(&lease.name),
                ]);
            }
            let answers = self.redis.run(&script::KEEP, &keys, arguments).await?;
            for answer in answers.list()? {
                held.push(answer.number()? == 1);
            }
        }
        match held.len() == leases.len() {
            true => Ok(held),
            false => Err(Fault::Answer),
        }
    }

    /// Goes on with a lock that was handed over by the holder of another token: whether it was his until now.
    pub async fn resume(&self, from: Uuid, bid: &Bid) -> Result<bool, Fault> {
        let keys = [lock_key(&bid.name), locks_key(bid.name.owner())];
        let arguments = vec![
            token(from),
            token(bid.token),
            milliseconds(bid.ttl),
            name(&bid.name),
            holder(&bid.holder)?,
        ];
        let answer = self.redis.run(&script::RESUME, &keys, arguments).await?;
        Ok(answer.number()? == 1)
    }

    /// Ends a lock that is this token's, or whoever's it is: whether it was held so.
    pub async fn give_back(&self, of: &LockName, by: Option<Uuid>) -> Result<bool, Fault> {
        let keys = [lock_key(of), locks_key(of.owner()), queue_key(of)];
        let arguments = vec![by.map(token).unwrap_or_default(), name(of)];
        let answer = self.redis.run(&script::GIVE_BACK, &keys, arguments).await?;
        Ok(answer.number()? == 1)
    }

    /// Takes a waiter out of the queue.
    pub async fn leave(&self, of: &LockName, waiter: Bytes) -> Result<(), Fault> {
        let keys = [lock_key(of), queue_key(of)];
        let answer = self.redis.run(&script::LEAVE, &keys, vec![waiter]).await?;
        answer.number().map(drop)
    }

    /// Who holds the locks of an owner.
    pub async fn holders(&self, owner: &OwnerName) -> Result<Vec<Holder>, Fault> {
        let keys = [locks_key(owner)];
        let prefix = owner_key(owner, "lock:");
        let answer = self
            .redis
            .run(&script::HOLDERS, &keys, vec![prefix])
            .await?;
        let holders = answer.list()?.into_iter().map(|answer| {
            let [holder, fence] = parts(answer)?;
            let holder: Holder =
                serde_json::from_slice(&holder.bytes()?).map_err(|_| Fault::Answer)?;
            Ok(Holder {
                fence: Some(Fence::from_number(fence.number()?)),
                ..holder
            })
        });
        holders.collect()
    }
}

/// An answer of so many parts.
fn parts<const N: usize>(answer: Reply) -> Result<[Reply; N], Fault> {
    answer.list()?.try_into().map_err(|_| Fault::Answer)
}

fn lock_key(name: &LockName) -> Bytes {
    owner_key(name.owner(), &format!("lock:{}", name.name()))
}

fn locks_key(owner: &OwnerName) -> Bytes {
    owner_key(owner, "locks")
}

fn queue_key(name: &LockName) -> Bytes {
    owner_key(name.owner(), &format!("queue:{}", name.name()))
}

fn owner_key(owner: &OwnerName, rest: &str) -> Bytes {
    Bytes::from(format!("dotmac:{{{}}}:{rest}", owner.as_str()))
}

fn name(name: &LockName) -> Bytes {
    Bytes::copy_from_slice(name.name().as_bytes())
}

fn token(token: Uuid) -> Bytes {
    Bytes::from(token.simple().to_string())
}

fn holder(holder: &Holder) -> Result<Bytes, Fault> {
    let json = serde_json::to_vec(holder).map_err(|_| Fault::Answer)?;
    Ok(Bytes::from(json))
}

fn milliseconds(duration: Duration) -> Bytes {
    Bytes::from(duration.as_millis().to_string())
}

fn number(number: i64) -> Bytes {
    Bytes::from(number.to_string())
}
