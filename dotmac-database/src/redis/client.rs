//! `Redis`: a client that is shared by caches and locks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Fault;
use super::breaker::Breaker;
use super::fred::Fred;
use super::message::Events;
use super::port::{Command, Port, Reply, Scanned, Step};
use super::script::Script;
use crate::config::RedisConfig;
use crate::error::Result;

/// A client of Redis: connections, and a breaker in front of them. Clones share both.
///
/// It connects in the background, and again whenever a connection is lost.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    port: Box<dyn Port>,
    breaker: Breaker,
    timeout: Duration,
}

/// How long a client waits for Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisOptions {
    /// For the answer to a command: 250 ms by default.
    pub timeout: Duration,
    /// For a connection, and for a sign of life on one: 2 s by default.
    pub connect_timeout: Duration,
    /// After how many unanswered commands in a row none is sent: 5 by default.
    pub breaker_failures: u32,
    /// For how long, until one is sent to see whether Redis is back: 500 ms by default.
    pub breaker_pause: Duration,
    /// How many replicas must have received a lock before it is held: none by default. Caches wait for none.
    pub lock_replicas: u32,
}

impl Default for RedisOptions {
    fn default() -> Self {
        RedisOptions {
            timeout: Duration::from_millis(250),
            connect_timeout: Duration::from_secs(2),
            breaker_failures: 5,
            breaker_pause: Duration::from_millis(500),
            lock_replicas: 0,
        }
    }
}

impl Redis {
    /// A client for `config`. It returns at once; until it is connected, commands are
    /// [`Fault::Unavailable`].
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a URL that cannot be used.
    pub fn connect(config: &RedisConfig, options: RedisOptions) -> Result<Self> {
        let port = Fred::connect(config, options)?;
        Ok(Redis(Arc::new(Inner {
            port: Box::new(port),
            breaker: Breaker::new(options.breaker_failures, options.breaker_pause),
            timeout: options.timeout,
        })))
    }

    /// Runs a script.
    ///
    /// # Errors
    /// [`Fault`]; where [`may_have_run`](Fault::may_have_run), the script did, or may still do so.
    pub async fn run(
        &self,
        script: &Script,
        keys: &[Bytes],
        arguments: Vec<Bytes>,
    ) -> Result<Reply, Fault> {
        self.guarded(script.run(&*self.0.port, keys, arguments))
            .await
    }

    /// Runs a script, and waits until so many replicas have received what it wrote, for half of the timeout:
    /// its answer, and how many have.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_and_wait(
        &self,
        script: &Script,
        keys: &[Bytes],
        arguments: Vec<Bytes>,
        replicas: u32,
    ) -> Result<(Reply, u32), Fault> {
        let within = self.0.timeout / 2;
        let run = script.run_and_wait(&*self.0.port, keys, arguments, replicas, within);
        self.guarded(run).await
    }

    /// Reads the texts of keys of one hash slot, all at one moment; `None` for a key that is not there.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn read(&self, keys: Vec<Bytes>) -> Result<Vec<Option<Bytes>>, Fault> {
        let first = keys.first().cloned().unwrap_or_default();
        let command = Command {
            name: "MGET",
            key: &first,
            arguments: keys,
        };
        let texts = self.guarded(self.0.port.call(command)).await?.list()?;
        texts.into_iter().map(Reply::optional).collect()
    }

    async fn guarded<T>(&self, run: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        if !self.0.breaker.lets_pass() {
            return Err(Fault::Unavailable);
        }
        self.judged(run.await)
    }

    /// Whether it answers now, whatever the breaker says.
    pub async fn answers(&self) -> bool {
        let ping = Command {
            name: "PING",
            key: b"",
            arguments: Vec::new(),
        };
        let answered = self.0.port.call(ping).await.is_ok();
        if answered {
            self.0.breaker.succeeded();
        }
        answered
    }

    /// The slot of a key.
    pub fn slot(&self, key: &[u8]) -> u16 {
        self.0.port.slot(key)
    }

    /// A slot of each server that has keys of its own.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] until a cluster is known.
    pub fn slots(&self) -> Result<Vec<u16>, Fault> {
        self.0.port.slots()
    }

    /// Asks the server of a slot for the next keys of a walk.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn scan(&self, slot: u16, step: Step<'_>) -> Result<Scanned, Fault> {
        if !self.0.breaker.lets_pass() {
            return Err(Fault::Unavailable);
        }
        self.judged(self.0.port.scan(slot, step).await)
    }

    /// Tells the breaker of an answer.
    fn judged<T>(&self, answer: Result<T, Fault>) -> Result<T, Fault> {
        match &answer {
            Err(fault) if fault.is_outage() => self.0.breaker.failed(),
            _ => self.0.breaker.succeeded(),
        }
        answer
    }

    /// Listens to a channel.
    ///
    /// # Errors
    /// [`Fault`], where there is no way to listen at all; a connection that is lost is an event.
    pub async fn listen(&self, channel: impl Into<String>) -> Result<Events, Fault> {
        self.0.port.listen(channel.into()).await
    }

    /// Whether keys of one script must be of one hash slot.
    pub fn has_slots(&self) -> bool {
        self.0.port.has_slots()
    }

    /// Whether commands are held back because Redis did not answer.
    pub fn is_held_back(&self) -> bool {
        self.0.breaker.is_open()
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.0.port.close().await;
    }
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis")
            .field("is_held_back", &self.is_held_back())
            .finish_non_exhaustive()
    }
}
