//! `Following`: a client whose caches know what units of work change.

use std::sync::Arc;

use super::follower::Follower;
use super::outbox::{Drain, Outbox};
use crate::cache::client::CacheClient;
use crate::error::Result;
use crate::session::{Database, Followed, Home};

/// A [`CacheClient`] that follows a [`Database`], or the [`Tenants`](crate::tenancy::Tenants) of several: what
/// their sessions change in tables of [`Cached`](crate::Cached) entities is invalidated once they have committed.
///
/// A program calls [`CacheClient::follow`] once, where it connects; also one that only writes, because
/// others read. The database goes on being followed when this value is dropped; with it ends the task of
/// [`follow_with_outbox`](CacheClient::follow_with_outbox).
///
/// # Guarantees
/// - Whatever the program sends through a session is looked at: hooks, nested saves, bulk statements, upserts,
///   batches and raw SQL. A statement on one row by its primary key, as SeaORM writes it, ends the entries of
///   that row; any other, those of the table. What may be a change counts as one.
/// - Invalidations take effect after COMMIT, in this process before `commit` returns, and not at all for what
///   was rolled back, also of a nested session or savepoint only. A COMMIT whose outcome is not known
///   invalidates too.
/// - A session of a tenant invalidates for that tenant, and a [`System`](crate::System) session for all.
///
/// Not seen: what functions, triggers, rules and views change behind the statement, unless its text names
/// the table too; what migrations, other programs and [`Database::plain`] change; SQL that the database puts
/// together. [`EntityCache::invalidate`](super::EntityCache::invalidate) is for them. Foreign keys are
/// followed as far as the entities' relations say `on_delete` or `on_update`.
#[derive(Clone)]
#[must_use = "caches of entities are made of it, and with it ends the outbox"]
pub struct Following {
    pub(super) client: CacheClient,
    pub(super) home: Home,
    _drain: Option<Arc<Drain>>,
}

impl CacheClient {
    /// Invalidates from now on what units of work change in tables of cached entities: those of a
    /// [`Database`], or those of all databases of [`Tenants`](crate::tenancy::Tenants), also of one that is
    /// connected later.
    ///
    /// Where Redis is not reached, an invalidation is sent again until it is, and until then this process does not
    /// ask Redis for values of the tenant. Only the end of the process between COMMIT and that loses it; others
    /// then use the old value for its time to live at most.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config), which none of its own settings is.
    pub fn follow(&self, followed: &impl Followed) -> Result<Following> {
        followed.follow(Arc::new(Follower::new(self, None)?));
        Ok(Following {
            client: self.clone(),
            home: followed.home(),
            _drain: None,
        })
    }

    /// The same for one database, and what a commit invalidates is written into the table of
    /// [`install_outbox`](crate::migrate::install_outbox) with it, in the same round trip: so that nothing
    /// loses it, neither the end of the process nor that of Redis.
    ///
    /// What is in the table is done by whoever follows the same database so: what there is now, before this
    /// returns, and then in a task, once each second, what is older than five seconds. To invalidate twice is
    /// no harm.
    ///
    /// # Errors
    /// The database's, for instance where the table is not there; [`Error::Unsupported`] elsewhere than on
    /// PostgreSQL.
    ///
    /// # Cancel safety
    /// Safe at any point.
    ///
    /// [`Error::Unsupported`]: crate::Error::Unsupported
    pub async fn follow_with_outbox(&self, db: &Database) -> Result<Following> {
        let outbox = Outbox::new(db)?;
        let follower = Arc::new(Follower::new(self, Some(outbox))?);
        let drain = Drain::start(db, &follower).await?;
        db.follow(follower);
        Ok(Following {
            client: self.clone(),
            home: db.home(),
            _drain: Some(Arc::new(drain)),
        })
    }
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Following")
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
