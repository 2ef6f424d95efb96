//! The port behind which the driver stands: what the cache and the locks need of one, and no more.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::Fault;
use super::message::Events;

/// An answer of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nil,
    /// A number.
    Number(i64),
    /// A text or a binary value.
    Bytes(Bytes),
    /// Several answers.
    List(Vec<Reply>),
}

/// A command: its name, the key that tells the cluster's node, and its arguments, keys among them.
pub struct Command<'c> {
    pub name: &'static str,
    pub key: &'c [u8],
    pub arguments: Vec<Bytes>,
}

/// A step of a walk over the keys of a server.
#[derive(Clone, Copy)]
pub struct Step<'s> {
    /// `0` at the beginning.
    pub cursor: &'s [u8],
    /// A glob that keys match.
    pub pattern: &'s [u8],
    /// How many keys are looked at.
    pub count: u32,
}

/// What a step found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// For the next step; `None` at the end.
    pub next: Option<Bytes>,
    /// Keys that match; one may come twice.
    pub keys: Vec<Bytes>,
}

/// A driver.
#[async_trait]
pub trait Port: Send + Sync + 'static {
    /// Sends a command, once: it is not sent again after a reconnect.
    ///
    /// # Cancel safety
    /// A future that is dropped may leave the command to run.
    async fn call(&self, command: Command<'_>) -> Result<Reply, Fault>;

    /// The slot of a key.
    fn slot(&self, key: &[u8]) -> u16;

    /// A slot of each server that has keys of its own; one, where there is no cluster.
    fn slots(&self) -> Result<Vec<u16>, Fault>;

    /// Asks the server of a slot for the next keys of a walk, about `count` of them.
    async fn scan(&self, slot: u16, step: Step<'_>) -> Result<Scanned, Fault>;

    /// Sends a command as `call` does, and waits for replicas to receive what was written: the answer, and how
    /// many have.
    async fn call_and_wait(
        &self,
        command: Command<'_>,
        replicas: u32,
        within: Duration,
    ) -> Result<(Reply, u32), Fault>;

    /// Listens to a channel, from now on and after each reconnect.
    async fn listen(&self, channel: String) -> Result<Events, Fault>;

    /// Whether keys are spread over nodes by hash slots.
    fn has_slots(&self) -> bool;

    /// Closes all connections.
    async fn close(&self);
}

impl Reply {
    /// The bytes, if there are any.
    pub fn optional(self) -> Result<Option<Bytes>, Fault> {
        match self {
            Reply::Nil => Ok(None),
            other => other.bytes().map(Some),
        }
    }

    /// The number.
    pub fn number(self) -> Result<i64, Fault> {
        match self {
            Reply::Number(number) => Ok(number),
            _ => Err(Fault::Answer),
        }
    }

    /// The bytes.
    pub fn bytes(self) -> Result<Bytes, Fault> {
        match self {
            Reply::Bytes(bytes) => Ok(bytes),
            _ => Err(Fault::Answer),
        }
    }

    /// The answers of a list.
    pub fn list(self) -> Result<Vec<Reply>, Fault> {
        match self {
            Reply::List(list) => Ok(list),
            _ => Err(Fault::Answer),
        }
    }
}
