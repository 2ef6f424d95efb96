//! Locks in PostgreSQL that outlast a transaction: each on a connection of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use sea_orm::{DbErr, RuntimeErr};
use tokio::time::Instant;
use uuid::Uuid;

use super::connection::{Answer, Connections, LockConnection};
use super::inspection;
use super::key::number_of;
use crate::context::OwnerName;
use crate::error::{Error, LockError, Result};
use crate::lock::backend::{Backend, Bid, Holder};
use crate::lock::fence::Fence;
use crate::lock::lease::Lease;
use crate::lock::name::LockName;
use crate::session::Database;

/// Locks that outlast transactions are few.
pub const DEFAULT_CONNECTIONS: u32 = 10;

/// For how long an attempt waits, for a connection and then for the lock.
const WAIT: Duration = Duration::from_millis(400);

/// Keeps locks, one on each connection.
pub struct Postgres {
    database: Database,
    connections: Connections,
    held: Mutex<HashMap<Uuid, Arc<Held>>>,
}

/// A lock that is held, by whoever has the token.
struct Held {
    key: i64,
    /// None once somebody gives it up.
    connection: tokio::sync::Mutex<Option<LockConnection>>,
}

/// What became of a lock, as far as its connection tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Held,
    Gone,
    Silent,
}

impl Postgres {
    pub fn open(database: &Database, most: u32) -> Result<Self> {
        Ok(Postgres {
            database: database.clone(),
            connections: Connections::open(database, most)?,
            held: Mutex::default(),
        })
    }

    /// How the connection of a lock is: asked within a third of what the lease has.
    async fn state(&self, lease: &Lease) -> State {
        let Some(held) = self.held().get(&lease.token).cloned() else {
            return State::Gone;
        };
        let limit = (lease.ttl / 3).clamp(Duration::from_millis(50), Duration::from_secs(2));
        let mut connection = held.connection.lock().await;
        let Some(connection) = connection.as_mut() else {
            return State::Gone;
        };
        match connection.ping(limit).await {
            Some(Ok(())) => State::Held,
            Some(Err(_)) => State::Gone,
            None => State::Silent,
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Held>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backend for Postgres {
    fn keeper(&self) -> &'static str {
        "PostgreSQL"
    }

    // It waits in the server: whoever gives the lock back wakes the first in line.
    async fn attempt(&self, bid: &Bid, deadline: Instant) -> Result<Option<Fence>> {
        let until = deadline.min(Instant::now() + WAIT);
        let taken = self.connections.take(until).await;
        let Some(mut connection) = taken.map_err(|error| unavailable(&bid.name, error))? else {
            return match deadline <= Instant::now() {
                true => Err(LockError::NoConnection {
                    name: bid.name.to_string(),
                    most: self.connections.most,
                }
                .into()),
                false => Ok(None),
            };
        };
        let key = number_of(bid.name.owner(), bid.name.name());
        let wait = deadline.saturating_duration_since(Instant::now()).min(WAIT);
        let answer = connection.ask(key, bid, wait).await;
        match answer.map_err(|error| unavailable(&bid.name, error))? {
            Answer::Held(fence) => {
                let held = Held {
                    key,
                    connection: tokio::sync::Mutex::new(Some(connection)),
                };
                self.held().insert(bid.token, Arc::new(held));
                Ok(Some(fence))
            }
            Answer::Busy => {
                connection.give_back();
                Ok(None)
            }
            Answer::Standby => Err(LockError::OnStandby.into()),
        }
    }

    // The attempt is what waits.
    async fn changed(&self, _: &Bid) {
        tokio::task::yield_now().await;
    }

    async fn keep(&self, leases: &[&Lease]) -> Result<Vec<bool>> {
        let states = join_all(leases.iter().map(|lease| self.state(lease))).await;
        // A server that answers nobody may come back; a connection alone that is silent does not.
        if let Some(lease) = leases.first()
            && states.iter().all(|state| *state == State::Silent)
        {
            return Err(unavailable(&lease.name, sqlx::Error::PoolTimedOut));
        }
        let mut held = self.held();
        for (lease, state) in leases.iter().zip(&states) {
            if *state != State::Held {
                held.remove(&lease.token);
            }
        }
        Ok(states.iter().map(|state| *state == State::Held).collect())
    }

    async fn give_back(&self, name: &LockName, token: Uuid) -> Result<bool> {
        let Some(held) = self.held().remove(&token) else {
            return Ok(false);
        };
        let Some(mut connection) = held.connection.lock().await.take() else {
            return Ok(false);
        };
        match connection.unlock(held.key).await {
            Ok(true) => {
                connection.give_back();
                Ok(true)
            }
            // Somebody else speaks on this connection, such as a PgBouncer that nobody told of.
            Ok(false) => Err(LockError::Lost {
                name: name.to_string(),
            }
            .into()),
            Err(sqlx::Error::PoolTimedOut) => Err(unavailable(name, sqlx::Error::PoolTimedOut)),
            // The lock went with the connection, before or now.
            Err(_) => Ok(false),
        }
    }

    fn hands_over(&self) -> bool {
        false
    }

    async fn resume(&self, _: Uuid, _: &Bid) -> Result<bool> {
        Ok(false)
    }

    async fn holders(&self, owner: &OwnerName) -> Result<Vec<Holder>> {
        inspection::holders(&self.database, owner).await
    }

    async fn evict(&self, name: &LockName) -> Result<bool> {
        let key = number_of(name.owner(), name.name());
        inspection::end_holders(&self.database, key).await
    }
}

fn unavailable(name: &LockName, error: sqlx::Error) -> Error {
    let error = Error::from(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))));
    LockError::Unavailable {
        name: name.to_string(),
        source: Arc::new(error),
    }
    .into()
}
