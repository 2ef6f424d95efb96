//! Who follows the changes of units of work, and acts once they are committed.
//!
//! Sessions know no cache: a cache gives the database something that implements [`Follow`].

use std::sync::{Arc, PoisonError, RwLock};

use futures_util::future::BoxFuture;

use super::change::Changes;
use crate::context::RequestContext;

/// Acts on what units of work have changed.
pub trait Follow: Send + Sync {
    /// What belongs to a commit that is about to be sent.
    fn prepare(&self, committing: Committing<'_>) -> Prepared;
}

/// A unit of work that is about to be committed.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "cache"), expect(dead_code, reason = "caches read it"))]
pub struct Committing<'u> {
    pub context: &'u RequestContext,
    pub changes: &'u Changes,
}

/// What goes with a commit.
pub struct Prepared {
    /// Statements that are committed with it, each with its semicolon.
    pub sql: String,
    /// Runs once it is committed, or may be. Otherwise it is dropped.
    pub then: Then,
}

/// What follows a commit.
pub type Then = Box<dyn FnOnce(Committed) -> BoxFuture<'static, ()> + Send>;

/// Whether it is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    Surely,
    /// The connection broke while COMMIT was under way: it may be, or may be later.
    Perhaps,
}

/// Those who follow a database.
#[derive(Default)]
pub struct Followers(RwLock<Vec<Arc<dyn Follow>>>);

impl Followers {
    #[cfg(feature = "cache")]
    pub fn add(&self, follower: Arc<dyn Follow>) {
        let mut followers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        followers.push(follower);
    }

    /// What goes with a commit of these changes, and what runs after it.
    pub fn prepare(&self, committing: Committing<'_>) -> (String, Vec<Then>) {
        let mut sql = String::new();
        let mut then = Vec::new();
        if committing.changes.is_empty() {
            return (sql, then);
        }
        let followers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for prepared in followers.iter().map(|it| it.prepare(committing)) {
            sql.push_str(&prepared.sql);
            then.push(prepared.then);
        }
        (sql, then)
    }
}
