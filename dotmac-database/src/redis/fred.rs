//! The port's driver: fred.
//!
//! Traps of fred 10.1 that this file minds: `with_options` is ignored by `eval` and `evalsha`, and
//! honoured by `custom`; commands in flight are sent again after a reconnect unless `max_attempts` is 1;
//! `fail_fast` alone hangs on a stopped server.

use async_trait::async_trait;
use bytes::Bytes;
use fred::clients::{Pool, SubscriberClient};
use fred::error::{Error as FredError, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::config::Options;
use fred::types::{ClusterHash, CustomCommand, Value};
use fred::util::redis_keyslot;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc::Sender;

use super::Fault;
use super::client::RedisOptions;
use super::message::{Event, Events};
use super::options;
use super::port::{Command, Port, Reply};
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
}

#[async_trait]
impl Port for Fred {
    async fn call(&self, command: Command<'_>) -> Result<Reply, Fault> {
        let hash = ClusterHash::Custom(redis_keyslot(command.key));
        let custom = CustomCommand::new_static(command.name, hash, false);
        let client = self.pool.next_connected().with_options(&self.command);
        let arguments = command.arguments.into_iter().map(Value::Bytes).collect();
        let answer: Value = client.custom(custom, arguments).await.map_err(fault)?;
        Ok(reply(answer))
    }

    async fn listen(&self, channel: &'static str) -> Result<Events, Fault> {
        let client =
            options::subscriber(&self.config, self.options).map_err(|_| Fault::Unavailable)?;
        let (sender, events) = Events::channel(1_024);
        drop(client.connect());
        tokio::spawn(relay(client, channel, sender));
        Ok(events)
    }

    async fn close(&self) {
        // What it waited for is lost either way.
        let _ = self.pool.quit().await;
    }
}

/// Hands on what the client hears, until nobody listens.
async fn relay(client: SubscriberClient, channel: &'static str, sender: Sender<Event>) {
    let mut messages = client.message_rx();
    let mut connections = client.reconnect_rx();
    let mut errors = client.error_rx();
    loop {
        let event = tokio::select! {
            // A loss is told before the connection that follows it.
            biased;
            () = sender.closed() => break,
            error = errors.recv() => match error {
                Ok(_) | Err(RecvError::Lagged(_)) => Event::Disconnected,
                Err(RecvError::Closed) => break,
            },
            connected = connections.recv() => match connected {
                Ok(_) | Err(RecvError::Lagged(_)) => match client.subscribe(channel).await {
                    Ok(()) => Event::Connected,
                    // It is lost again: the next connection subscribes.
                    Err(_) => Event::Disconnected,
                },
                Err(RecvError::Closed) => break,
            },
            message = messages.recv() => match message {
                Ok(message) => match message.value.into_bytes() {
                    Some(bytes) => Event::Message(bytes),
                    None => continue,
                },
                Err(RecvError::Lagged(_)) => Event::Lagged,
                Err(RecvError::Closed) => break,
            },
        };
        if sender.send(event).await.is_err() {
            break;
        }
    }
    let _ = client.quit().await;
}

fn reply(value: Value) -> Reply {
    match value {
        Value::Boolean(flag) => Reply::Number(i64::from(flag)),
        Value::Integer(number) => Reply::Number(number),
        Value::Double(number) => Reply::Bytes(Bytes::from(number.to_string())),
        Value::String(text) => Reply::Bytes(text.into_inner()),
        Value::Bytes(bytes) => Reply::Bytes(bytes),
        Value::Array(list) => Reply::List(list.into_iter().map(reply).collect()),
        // Scripts answer with neither.
        Value::Null | Value::Queued | Value::Map(_) => Reply::Nil,
    }
}

fn fault(error: FredError) -> Fault {
    match error.kind() {
        ErrorKind::Timeout => Fault::TimedOut,
        ErrorKind::IO
        | ErrorKind::Canceled
        | ErrorKind::Routing
        | ErrorKind::Backpressure
        | ErrorKind::Sentinel => Fault::Unavailable,
        _ => {
            let details = error.details();
            let code = details.split_whitespace().next().unwrap_or_default();
            Fault::Refused {
                code: code.to_owned(),
            }
        }
    }
}
