//! Rates in Redis: each call is one script and one round trip.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::meter::Meter;
use super::quota::{Rate, Verdict};
use crate::error::{LockError, Result};
use crate::lock::LockName;
use crate::redis::{Fault, Redis, Reply, Script};

const SOURCE: &str = include_str!("gcra.lua");
static SCRIPT: Script = Script::new(SOURCE, || Script::sha(SOURCE));

/// Rates of all processes that use this Redis.
pub struct Far(pub Redis);

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
