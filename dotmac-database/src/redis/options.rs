//! The one place where fred's options are made.

use std::time::Duration;

use fred::clients::{Pool, SubscriberClient};
use fred::types::Builder;
use fred::types::config::{Options, ReconnectError, ReconnectPolicy, UnresponsiveConfig};

use super::address::{self, refused};
use super::client::RedisOptions;
use crate::config::RedisConfig;
use crate::error::Result;

/// More than that serves nobody: commands are pipelined.
const MAX_POOL: u32 = 16;
/// How many commands may wait for one connection before more are refused.
const MAX_WAITING: usize = 10_000;
/// How many messages may wait for a slow subscriber.
const MAX_MESSAGES: usize = 4_096;

/// A pool that connects in the background.
pub fn pool(config: &RedisConfig, options: RedisOptions) -> Result<Pool> {
    let size = config.max_connections().clamp(1, MAX_POOL);
    let size = usize::try_from(size).unwrap_or(1);
    builder(config, options)?.build_pool(size).map_err(refused)
}

/// A connection for messages, which connects in the background.
pub fn subscriber(config: &RedisConfig, options: RedisOptions) -> Result<SubscriberClient> {
    // All it sends is a sign of life.
    let timeout = options.connect_timeout;
    builder(config, options)?
        .with_performance_config(|it| it.default_command_timeout = timeout)
        .build_subscriber_client()
        .map_err(refused)
}

/// What each command asks for: an answer in time or none, and never to be sent twice.
pub fn command(timeout: Duration) -> Options {
    Options {
        // A redirection in a cluster is another attempt; what was sent is not sent again for `fail_fast`.
        max_attempts: Some(3),
        timeout: Some(timeout),
        fail_fast: true,
        ..Options::default()
    }
}

fn builder(config: &RedisConfig, options: RedisOptions) -> Result<Builder> {
    let mut parsed = address::parse(config)?;
    // With it, the task that connects ends at the first failure.
    parsed.fail_fast = false;
    let mut builder = Builder::from_config(parsed);
    builder
        .set_policy(ReconnectPolicy::new_exponential(0, 50, 2_000, 2))
        .with_performance_config(|performance| {
            performance.default_command_timeout = options.timeout;
            performance.broadcast_channel_capacity = MAX_MESSAGES;
        })
        .with_connection_config(|connection| {
            connection.connection_timeout = options.connect_timeout;
            connection.internal_command_timeout = options.connect_timeout;
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = MAX_WAITING;
            connection.tcp.nodelay = Some(true);
            // A server that is stopped keeps its connections open: they are given up.
            connection.unresponsive = UnresponsiveConfig {
                max_timeout: Some(options.connect_timeout),
                interval: Duration::from_millis(500),
            };
            connection.reconnect_errors = vec![
                ReconnectError::ClusterDown,
                ReconnectError::MasterDown,
                ReconnectError::ReadOnly,
            ];
        });
    Ok(builder)
}
