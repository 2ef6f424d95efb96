//! Rates in Redis: each call is one script and one round trip.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::limit::RateLimits;
use super::meter::Meter;
use super::quota::{Rate, Verdict};
use crate::config::RedisConfig;
use crate::error::{LockError, Result};
use crate::lock::LockName;
use crate::redis::{Fault, Redis, RedisOptions, Reply, Script};

const SOURCE: &str = include_str!("gcra.lua");
static SCRIPT: Script = Script::new(SOURCE, || Script::sha(SOURCE));

struct Far(Redis);

impl RateLimits {
    /// Counts the calls of all processes in Redis. It connects in the background, and never waits for Redis
    /// here.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for a URL that cannot be used.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn connect(config: &RedisConfig) -> Result<Self> {
        Self::connect_with(config, RedisOptions::default())
    }

    /// The same, with other timeouts.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn connect_with(config: &RedisConfig, options: RedisOptions) -> Result<Self> {
        Ok(Self::of(Far(Redis::connect(config, options)?)))
    }
}

#[async_trait]
impl Meter for Far {
    fn keeper(&self) -> &'static str {
        "Redis"
    }

    async fn take(&self, name: &LockName, rate: Rate, cost: u32) -> Result<Verdict> {
        let arguments = [
            rate.interval().as_micros().to_string(),
            rate.burst().to_string(),
            cost.to_string(),
        ];
        let arguments = arguments.map(Bytes::from).into();
        let answer = self.0.run(&SCRIPT, &[key(name)], arguments).await;
        answer.and_then(verdict).map_err(|fault| {
            let (name, source) = (name.to_string(), Arc::new(fault));
            LockError::RateUnknown { name, source }.into()
        })
    }
}

/// `dotmac:{<owner>}:rate:<name>`: all of a tenant are in one hash slot.
fn key(name: &LockName) -> Bytes {
    let owner = name.owner().as_str();
    Bytes::from(format!("dotmac:{{{owner}}}:rate:{}", name.name()))
}

fn verdict(answer: Reply) -> Result<Verdict, Fault> {
    let mut parts = answer.list()?.into_iter();
    let mut number = || match parts.next() {
        Some(part) => part.number(),
        None => Err(Fault::Answer),
    };
    let (passes, count) = (number()?, number()?);
    match passes {
        1 => {
            let remaining = u32::try_from(count).map_err(|_| Fault::Answer)?;
            Ok(Verdict::Allowed { remaining })
        }
        _ => {
            let micros = u64::try_from(count).map_err(|_| Fault::Answer)?;
            let retry_after = Duration::from_micros(micros);
            Ok(Verdict::Denied { retry_after })
        }
    }
}
