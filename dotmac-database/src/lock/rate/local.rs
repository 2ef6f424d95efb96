//! Rates of this process: the same formula as in Redis, in a map.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use tokio::time::Instant;

use super::meter::Meter;
use super::quota::{Rate, Verdict};
use crate::error::Result;
use crate::lock::LockName;

/// So few are not worth looking through.
const FEW: usize = 1_024;

#[derive(Default)]
pub struct Local(Mutex<Used>);

#[derive(Default)]
struct Used {
    /// When the rate is unused again.
    until: HashMap<LockName, Instant>,
    /// How many were left when those that are unused were last taken out.
    left: usize,
}

impl Local {
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.lock().expect("no panic").until.len()
    }
}

#[async_trait]
impl Meter for Local {
    fn keeper(&self) -> &'static str {
        "the process"
    }

    async fn take(&self, name: &LockName, rate: Rate, cost: u32) -> Result<Verdict> {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let unused = used.until.get(name).copied().unwrap_or(now);
        let (verdict, until) = rate.decide(unused, now, cost);
        if verdict.is_allowed() {
            used.until.insert(name.clone(), until);
        }
        // Whenever it has doubled: so each call pays for one.
        if used.until.len() > FEW.max(2 * used.left) {
            used.until.retain(|_, until| now < *until);
            used.left = used.until.len();
        }
        Ok(verdict)
    }
}
