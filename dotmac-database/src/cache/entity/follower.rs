//! `Follower`: invalidates what each commit of a database has changed.

use std::sync::Arc;

use futures_util::FutureExt;

use super::generation::{Generations, NEAR};
use super::invalidation::Invalidation;
use super::outbox::Outbox;
use crate::cache::client::{CacheClient, Shared};
use crate::cache::session::insist;
use crate::error::Result;
use crate::session::{Committed, Committing, Follow, Prepared};

/// A client of caches, as the database knows it.
pub struct Follower {
    pub shared: Arc<Shared>,
    pub generations: Generations,
    /// Where invalidations are kept until they are done.
    pub outbox: Option<Outbox>,
}

impl Follower {
    pub fn new(client: &CacheClient, outbox: Option<Outbox>) -> Result<Self> {
        Ok(Follower {
            shared: Arc::clone(client.shared()),
            generations: Generations::of(client, NEAR)?,
            outbox,
        })
    }
}

impl Follow for Follower {
    fn prepare(&self, committing: Committing<'_>) -> Prepared {
        let invalidation = Arc::new(Invalidation::of(committing));
        let (shared, generations) = (Arc::clone(&self.shared), self.generations.clone());
        let Some(outbox) = self.outbox.clone() else {
            let trying = Arc::clone(&shared);
            let invalidate = move || {
                let (shared, generations) = (Arc::clone(&shared), generations.clone());
                let invalidation = Arc::clone(&invalidation);
                async move { invalidation.apply(&shared, &generations).await }
            };
            return Prepared {
                sql: String::new(),
                then: Box::new(move |_| insist(trying, invalidate).boxed()),
            };
        };
        let (note, sql) = outbox.note(&invalidation);
        Prepared {
            sql,
            then: Box::new(move |committed| {
                let done = async move {
                    let applied = invalidation.apply(&shared, &generations).await;
                    // Otherwise it stays in the outbox, and is done again from there.
                    if applied.is_ok() && committed == Committed::Surely {
                        outbox.done(note);
                    }
                };
                done.boxed()
            }),
        }
    }
}
