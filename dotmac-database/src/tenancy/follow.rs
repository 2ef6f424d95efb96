//! How a cache follows `Tenants`, and finds their rows.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::tenants::{Found, Tenants};
use crate::context::RequestContext;
use crate::error::Result;
use crate::session::{Database, Follow, Followed, Home, Homes, Place};

impl Followed for Tenants {
    fn follow(&self, follower: Arc<dyn Follow>) {
        if let Some(databases) = self.others() {
            databases.follow(Arc::clone(&follower));
        }
        self.shared().follow(follower);
    }

    fn home(&self) -> Home {
        Home::Each(Arc::new(self.clone()))
    }
}

impl Homes for Tenants {
    fn place<'c>(&'c self, context: &'c RequestContext) -> BoxFuture<'c, Result<Place>> {
        let place = async move {
            let shared = self.shared().place();
            let Some(tenant) = context.tenant_id() else {
                return Ok(shared);
            };
            Ok(match self.find(tenant).await? {
                Found::Shared(db) => {
                    let place = db.place();
                    Place {
                        is_shared: place.is_shared && shared.is_shared,
                        ..place
                    }
                }
                // By its name, so that what is cached is found while it is not open.
                Found::Other(name) => Place {
                    name: format!("{} database:{name}", shared.name),
                    is_shared: false,
                },
            })
        };
        place.boxed()
    }

    fn database<'c>(&'c self, context: &'c RequestContext) -> BoxFuture<'c, Result<Database>> {
        self.of(context).boxed()
    }
}
