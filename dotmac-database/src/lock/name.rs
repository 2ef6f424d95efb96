//! `LockName`: what a lock is called, and whose it is.

use std::fmt;
use std::sync::Arc;

use crate::context::OwnerName;
use crate::error::{LockError, Result};

const MAX_BYTES: usize = 200;

/// What a lock is called, and whose it is: two tenants have different locks of one name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockName {
    owner: OwnerName,
    name: Arc<str>,
}

impl LockName {
    pub(super) fn new(owner: OwnerName, name: &Arc<str>) -> Self {
        LockName {
            owner,
            name: Arc::clone(name),
        }
    }

    /// The name without its owner.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose it is.
    pub(super) fn owner(&self) -> &OwnerName {
        &self.owner
    }
}

/// `owner/name`; the owner of a global lock is `*`. No owner's name has a `/` or `:`.
impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner.as_str(), self.name)
    }
}

/// A name that can be one of a lock.
pub(super) fn parse(name: &str) -> Result<Arc<str>> {
    let fits = (1..=MAX_BYTES).contains(&name.len()) && !name.chars().any(char::is_control);
    match fits {
        true => Ok(name.into()),
        false => Err(LockError::InvalidName.into()),
    }
}
