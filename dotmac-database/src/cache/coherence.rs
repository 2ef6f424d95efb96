//! Keeps the values of this process true to what other processes invalidate.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tokio::task::AbortHandle;

use super::announcement::Announcement;
use super::client::Shared;
use super::far::Far;
use super::scope::Scopes;
use crate::context::OwnerName;
use crate::redis::{Event, Events};

/// The channel, as `prelude.lua` names it.
const CHANNEL: &str = "dotmac:invalidations";
/// The counts of so many owners are remembered; then all are forgotten, and what is here with them.
const MAX_OWNERS: usize = 100_000;

/// Listens until the client is closed or dropped.
pub fn listen(far: Far, shared: &Arc<Shared>) -> AbortHandle {
    let shared = Arc::downgrade(shared);
    let listening = tokio::spawn(async move {
        match far.redis().listen(CHANNEL).await {
            Ok(events) => hear(&shared, events, far.sender()).await,
            Err(error) => {
                tracing::error!(%error, "invalidations of other processes cannot be heard");
            }
        }
    });
    listening.abort_handle()
}

async fn hear(shared: &Weak<Shared>, mut events: Events, own: &[u8]) {
    let mut counts = Counts::default();
    while let Some(event) = events.next().await {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        match event {
            Event::Message(message) => match Announcement::parse(&message) {
                Some(announcement) => counts.take(&announcement, own, &shared.scopes),
                None => distrust(&shared, &mut counts, "a message is not ours"),
            },
            Event::Connected => {
                distrust(&shared, &mut counts, "the connection is new");
                shared.set_hears(true);
            }
            Event::Disconnected => {
                shared.set_hears(false);
                distrust(&shared, &mut counts, "the connection is lost");
            }
            Event::Lagged => distrust(&shared, &mut counts, "messages were dropped"),
        }
    }
}

/// Gives up everything that is kept here.
fn distrust(shared: &Shared, counts: &mut Counts, reason: &'static str) {
    tracing::debug!(reason, "the cache of this process begins anew");
    shared.scopes.drop_all();
    *counts = Counts::default();
}

/// How many invalidations of each owner were heard of.
#[derive(Default)]
struct Counts(HashMap<Box<str>, ([u8; 16], u64)>);

impl Counts {
    /// Applies an announcement, or gives up all of the owner where one before it is missing.
    fn take(&mut self, announcement: &Announcement<'_>, own: &[u8], scopes: &Scopes) {
        let Some(owner) = OwnerName::parse(announcement.owner) else {
            return;
        };
        if self.0.len() >= MAX_OWNERS {
            self.0.clear();
            scopes.drop_all();
        }
        let now = (announcement.count_name, announcement.count);
        let before = self.0.insert(announcement.owner.into(), now);
        if before.is_some_and(|(name, count)| (name, count + 1) != now) {
            tracing::debug!("an invalidation was not heard");
            scopes.drop_owner(&owner);
        }
        if announcement.sender != own {
            for name in &announcement.names {
                apply(scopes, &owner, name);
            }
        }
    }
}

/// Invalidates what a name stands for.
fn apply(scopes: &Scopes, owner: &OwnerName, name: &[u8]) {
    let text = std::str::from_utf8(name).ok();
    match text.and_then(|text| text.split_once(':')) {
        Some(("k", rest)) => {
            if let Some((namespace, key)) = rest.split_once(':') {
                scopes.drop_key(owner, namespace, key.as_bytes());
            }
        }
        Some(("n", namespace)) => scopes.drop_namespace(owner, namespace),
        Some(("g", tag)) => scopes.drop_tag(owner, tag),
        // The owner itself, and what a later version may invalidate by.
        _ => scopes.drop_owner(owner),
    }
}
