//! The port's driver: fred.
//!
//! Traps of fred 10.1 that this file minds: `with_options` is ignored by `eval` and `evalsha`, and
//! honoured by `custom`; commands in flight are sent again after a reconnect unless `fail_fast` is set; that
//! alone hangs on a stopped server; with `max_attempts` of 1 no redirection of a cluster is followed; a
//! subscription whose connection has silently died waits for ever; SUBSCRIBE is told to be done as soon as it
//! is written.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fred::clients::{Pool, SubscriberClient};
use fred::error::{Error as FredError, ErrorKind};
use fred::interfaces::{ClientLike, ClusterInterface, EventInterface, PubsubInterface};
use fred::types::config::{Options, Server};
use fred::types::{ClusterHash, CustomCommand, Message, Value};
use fred::util::redis_keyslot;
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};

use super::Fault;
use super::client::RedisOptions;
use super::message::{Event, Events};
use super::options;
use super::port::{Command, Port, Reply, Scanned, Step};
use crate::config::RedisConfig;
use crate::error::Result;

/// A pool of connections for commands; a subscription has one of its own.
pub struct Fred {
    pool: Pool,
    config: RedisConfig,
    options: RedisOptions,
    command: Options,
}

impl Fred {
    pub fn connect(config: &RedisConfig, options: RedisOptions) -> Result<Self> {
        let pool = options::pool(config, options)?;
        // The task that drives the connections ends with the pool.
        drop(pool.connect());
        Ok(Fred {
            pool,
            config: config.clone(),
            options,
            command: options::command(options.timeout),
        })
    }

    async fn send(
        &self,
        name: &'static str,
        slot: u16,
        arguments: Vec<Bytes>,
    ) -> Result<Reply, Fault> {
        let custom = CustomCommand::new_static(name, ClusterHash::Custom(slot), false);
        let client = self.pool.next_connected().with_options(&self.command);
        let arguments = arguments.into_iter().map(Value::Bytes).collect();
        let answer: Value = client.custom(custom, arguments).await.map_err(fault)?;
        Ok(reply(answer))
    }
}

#[async_trait]
impl Port for Fred {
    async fn call(&self, command: Command<'_>) -> Result<Reply, Fault> {
        let slot = redis_keyslot(command.key);
        self.send(command.name, slot, command.arguments).await
    }

    fn slot(&self, key: &[u8]) -> u16 {
        redis_keyslot(key)
    }

    fn slots(&self) -> Result<Vec<u16>, Fault> {
        let client = self.pool.next_connected();
        if !client.is_clustered() {
            return Ok(vec![0]);
        }
        let known = client.cached_cluster_state();
        let slots = known.map(|it| it.unique_hash_slots());
        slots.filter(|it| !it.is_empty()).ok_or(Fault::Unavailable)
    }

    async fn scan(&self, slot: u16, step: Step<'_>) -> Result<Scanned, Fault> {
        let arguments = vec![
            Bytes::copy_from_slice(step.cursor),
            Bytes::from_static(b"MATCH"),
            Bytes::copy_from_slice(step.pattern),
            Bytes::from_static(b"COUNT"),
            Bytes::from(step.count.to_string()),
        ];
        let answer = self.send("SCAN", slot, arguments).await?;
        let mut parts = answer.list()?.into_iter();
        let (Some(next), Some(keys)) = (parts.next(), parts.next()) else {
            return Err(Fault::Answer);
        };
        let keys = keys.list()?.into_iter().map(Reply::bytes);
        Ok(Scanned {
            next: Some(next.bytes()?).filter(|it| it.as_ref() != b"0"),
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    async fn call_and_wait(
        &self,
        command: Command<'_>,
        replicas: u32,
        within: Duration,
    ) -> Result<(Reply, u32), Fault> {
        let hash = ClusterHash::Custom(redis_keyslot(command.key));
        let pipeline = self.pool.next_connected().pipeline();
        // On one connection: it waits for what was written on the same.
        let pipeline = pipeline.with_options(&self.command);
        let custom = CustomCommand::new_static(command.name, hash.clone(), false);
        let arguments = command.arguments.into_iter().map(Value::Bytes).collect();
        let _: Value = pipeline.custom(custom, arguments).await.map_err(fault)?;
        let wait = CustomCommand::new_static("WAIT", hash, false);
        let arguments = [u128::from(replicas), within.as_millis()];
        let arguments = arguments.iter().map(|it| Value::from(it.to_string()));
        let _: Value = pipeline
            .custom(wait, arguments.collect())
            .await
            .map_err(fault)?;
        let mut answers = pipeline.try_all::<Value>().await.into_iter();
        let mut next = || match answers.next() {
            Some(answer) => answer.map(reply).map_err(fault),
            None => Err(Fault::Answer),
        };
        let answer = next()?;
        let received = next()?.number()?;
        Ok((answer, u32::try_from(received).unwrap_or(0)))
    }

    async fn listen(&self, channel: String) -> Result<Events, Fault> {
        let client =
            options::subscriber(&self.config, self.options).map_err(|_| Fault::Unavailable)?;
        let subscription = Subscription::open(client, channel);
        Ok(Events::of(stream::unfold(subscription, async |mut it| {
            Some((it.next().await?, it))
        })))
    }

    fn has_slots(&self) -> bool {
        self.pool.next().is_clustered()
    }

    async fn close(&self) {
        // What it waited for is lost either way.
        let _ = self.pool.quit().await;
    }
}

/// How often a subscription asks its server for a sign of life; in a cluster, nothing says which of the
/// servers is asked.
const PULSE: Duration = Duration::from_secs(1);

/// A client that listens to a channel; it is closed when nobody reads it any more.
struct Subscription {
    client: SubscriberClient,
    channel: String,
    messages: Receiver<Message>,
    connections: Receiver<Server>,
    errors: Receiver<(FredError, Option<Server>)>,
    pulse: Interval,
    is_connected: bool,
}

impl Subscription {
    /// From the first connection on.
    fn open(client: SubscriberClient, channel: String) -> Self {
        let mut pulse = tokio::time::interval(PULSE);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let subscription = Subscription {
            channel,
            messages: client.message_rx(),
            connections: client.reconnect_rx(),
            errors: client.error_rx(),
            pulse,
            is_connected: false,
            client,
        };
        drop(subscription.client.connect());
        subscription
    }

    async fn next(&mut self) -> Option<Event> {
        let event = self.hear().await?;
        match event {
            Event::Connected => self.is_connected = true,
            Event::Disconnected => self.is_connected = false,
            Event::Message(_) | Event::Lagged => {}
        }
        Some(event)
    }

    async fn hear(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                // A loss is told before the connection that follows it.
                biased;
                error = self.errors.recv() => return match error {
                    Ok(_) | Err(RecvError::Lagged(_)) => Some(Event::Disconnected),
                    Err(RecvError::Closed) => None,
                },
                connected = self.connections.recv() => return match connected {
                    Ok(_) | Err(RecvError::Lagged(_)) => Some(self.subscribe().await),
                    Err(RecvError::Closed) => None,
                },
                message = self.messages.recv() => match message {
                    Ok(message) => if let Some(bytes) = message.value.into_bytes() {
                        return Some(Event::Message(bytes));
                    },
                    Err(RecvError::Lagged(_)) => return Some(Event::Lagged),
                    Err(RecvError::Closed) => return None,
                },
                _ = self.pulse.tick() => match self.is_connected {
                    // The connection lives, and what it was to hear was refused.
                    false if self.client.is_connected() => self.connect_again(),
                    true if !self.answers().await => {
                        self.connect_again();
                        return Some(Event::Disconnected);
                    }
                    _ => {}
                },
            }
        }
    }

    async fn subscribe(&self) -> Event {
        let asked = self.client.subscribe(self.channel.as_str()).await;
        // fred calls it done once it is written. Where Redis refuses it, that is the answer to what is sent next.
        match asked.is_ok() && self.answers().await {
            true => Event::Connected,
            false => Event::Disconnected,
        }
    }

    /// Whether the connection lives; of a cluster, nobody knows.
    async fn answers(&self) -> bool {
        self.client.is_clustered() || self.client.ping::<Value>(None).await.is_ok()
    }

    /// It ends with the new connection, which is heard of as any other is.
    fn connect_again(&self) {
        let client = self.client.clone();
        tokio::spawn(async move { client.force_reconnection().await });
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let client = self.client.clone();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { client.quit().await });
        }
    }
}

fn reply(value: Value) -> Reply {
    match value {
        Value::Boolean(flag) => Reply::Number(i64::from(flag)),
        Value::Integer(number) => Reply::Number(number),
        Value::Double(number) => Reply::Bytes(Bytes::from(number.to_string())),
        Value::String(text) => Reply::Bytes(text.into_inner()),
        Value::Bytes(bytes) => Reply::Bytes(bytes),
        Value::Array(list) => Reply::List(list.into_iter().map(reply).collect()),
        // Nothing that is sent answers with the others.
        Value::Null | Value::Queued | Value::Map(_) => Reply::Nil,
    }
}

fn fault(error: FredError) -> Fault {
    match error.kind() {
        ErrorKind::Timeout => Fault::TimedOut,
        // fred does not tell whether it was written before the connection was lost.
        ErrorKind::IO | ErrorKind::Canceled => Fault::Disconnected,
        ErrorKind::Routing | ErrorKind::Backpressure | ErrorKind::Sentinel => Fault::Unavailable,
        _ => match error.details().split_whitespace().next() {
            // The codes of Redis are in capitals.
            Some(code) if code.bytes().all(|byte| byte.is_ascii_uppercase()) => Fault::Refused {
                code: code.to_owned(),
            },
            // It is fred's own, such as that no node is known for a slot while one is lost.
            _ => Fault::Disconnected,
        },
    }
}
