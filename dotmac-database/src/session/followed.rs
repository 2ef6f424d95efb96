//! `Followed`: what a cache can follow, and where it finds the rows of a context.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::database::Database;
use super::follow::Follow;
use crate::config::Tenancy;
use crate::context::RequestContext;
use crate::error::Result;

/// What a cache can follow: a [`Database`], or the [`Tenants`](crate::tenancy::Tenants) of several.
#[diagnostic::on_unimplemented(
    message = "a cache cannot follow `{Self}`",
    note = "give a `&Database` or a `&Tenants`"
)]
pub trait Followed {
    /// Lets `follower` act on what units of work change from now on.
    #[doc(hidden)]
    fn follow(&self, follower: Arc<dyn Follow>);

    /// Where rows are.
    #[doc(hidden)]
    fn home(&self) -> Home;
}

/// Where rows are.
#[derive(Clone)]
pub enum Home {
    /// In one database, whosoever they are.
    One(Database),
    /// Somewhere else for each tenant.
    Each(Arc<dyn Homes>),
}

/// Finds the rows of a tenant.
pub trait Homes: Send + Sync {
    /// Where they are; nothing is connected.
    fn place<'c>(&'c self, context: &'c RequestContext) -> BoxFuture<'c, Result<Place>>;

    /// The database in which they are.
    fn database<'c>(&'c self, context: &'c RequestContext) -> BoxFuture<'c, Result<Database>>;
}

/// Where sessions find tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The same for the same tables, and for others another. It holds no password.
    pub name: String,
    /// Whether all tenants, and who has none, find the same tables.
    pub is_shared: bool,
}

impl Home {
    /// The database of a context.
    pub async fn database(&self, context: &RequestContext) -> Result<Database> {
        match self {
            Home::One(db) => Ok(db.clone()),
            Home::Each(homes) => homes.database(context).await,
        }
    }
}

impl Followed for Database {
    fn follow(&self, follower: Arc<dyn Follow>) {
        self.cluster().followers.add(follower);
    }

    fn home(&self) -> Home {
        Home::One(self.clone())
    }
}

impl Database {
    /// Where its sessions find tables.
    pub(crate) fn place(&self) -> Place {
        let url = self.url();
        let address = url::Url::parse(url).map_or_else(
            |_| url.to_owned(),
            |url| format!("{:?} {:?} {}", url.host(), url.port(), url.path()),
        );
        Place {
            name: format!("{address} {:?}", self.tenancy()),
            is_shared: *self.tenancy() == Tenancy::Rows,
        }
    }
}
