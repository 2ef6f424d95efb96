//! `Follower`: invalidates what each commit of a database has changed.

use std::sync::Arc;

use futures_util::FutureExt;

use super::generation::{Generations, NEAR};
use super::invalidation::Invalidation;
use super::outbox::Outbox;
use crate::cache::client::{CacheClient, Shared};
use crate::cache::debt::insist;
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
        let owners = invalidation.owners();
        let noted = self.outbox.clone().map(|outbox| {
            let (note, sql) = outbox.note(&invalidation);
            (outbox, note, sql)
        });
        let sql = noted.as_ref().map(|(_, _, sql)| sql.clone());
        let then = move |committed| {
            let trying = Arc::clone(&shared);
            let invalidate = move || {
                let (shared, generations) = (Arc::clone(&shared), generations.clone());
                let (invalidation, noted) = (Arc::clone(&invalidation), noted.clone());
                async move {
                    invalidation.apply(&shared, &generations).await?;
                    // Otherwise it stays in the outbox, and is done again from there.
                    if let Some((outbox, note, _)) = noted
                        && committed == Committed::Surely
                    {
                        outbox.done(note);
                    }
                    Ok(())
                }
            };
            insist(trying, owners, invalidate).boxed()
        };
        Prepared {
            sql: sql.unwrap_or_default(),
            then: Box::new(then),
        }
    }
}
