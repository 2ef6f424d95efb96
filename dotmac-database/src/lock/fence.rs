//! `Fence`: the number of an acquisition, by which a store tells a stale holder from the present one.

use std::fmt;

use sea_orm::Value;
use serde::{Deserialize, Serialize};

/// The number of an acquisition: greater than that of every earlier acquisition of the same lock.
///
/// A lock alone cannot stop a holder that was paused for longer than its lease from writing afterwards. Let
/// what is written remember the fence, and refuse a smaller one
/// (Kleppmann, [How to do distributed locking](https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(i64);

impl Fence {
    /// The fence of that number.
    pub fn from_number(number: i64) -> Self {
        Fence(number)
    }

    /// Its number, for a column of type `bigint`.
    pub fn number(self) -> i64 {
        self.0
    }
}

impl From<Fence> for Value {
    fn from(fence: Fence) -> Self {
        fence.0.into()
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
