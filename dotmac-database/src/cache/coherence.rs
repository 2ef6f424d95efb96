//! Keeps the values of this process true to what other processes invalidate.
//!
//! Messages tell of it. Whatever tells that some were lost (the connection, a gap in the count of a
//! tenant's invalidations, or that count itself, which is asked for now and then) ends what is kept here.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::announcement::Announcement;
use super::client::Shared;
use super::far::{Count, Far, Home};
use super::heard::{Counts, Verdict};
use super::scope::Scopes;
use crate::context::OwnerName;
use crate::redis::{Event, Events};

/// The channel, as `prelude.lua` names it.
const CHANNEL: &str = "dotmac:invalidations";
/// How many counts are asked for at the same time.
const POLLS: usize = 16;

/// Listens until the client is closed or dropped.
pub fn listen(far: Far, shared: &Arc<Shared>, poll_every: Duration) -> AbortHandle {
    let shared = Arc::downgrade(shared);
    let listening = tokio::spawn(async move {
        match far.redis().listen(CHANNEL).await {
            Ok(events) => {
                let (sender, polled) = mpsc::channel(POLLS);
                tokio::select! {
                    () = hear(&shared, events, polled, far.sender()) => {}
                    () = poll(&shared, &far, poll_every, sender) => {}
                }
            }
            Err(error) => {
                tracing::error!(%error, "invalidations of other processes cannot be heard");
            }
        }
    });
    listening.abort_handle()
}

/// What is known of a home, as Redis says it.
type Polled = (Home, Count);

/// Asks for the counts of those that have values here, again and again.
async fn poll(shared: &Weak<Shared>, far: &Far, every: Duration, polled: mpsc::Sender<Polled>) {
    loop {
        tokio::time::sleep(every).await;
        let Some(owners) = shared.upgrade().map(|shared| shared.scopes.owners_in_use()) else {
            return;
        };
        let homes: Vec<Home> = owners.into_iter().flat_map(|it| far.homes(&it)).collect();
        let counts = stream::iter(homes).map(|home| {
            let far = far.clone();
            async move {
                let count = far.count(&home).await.ok()?;
                Some((home, count))
            }
        });
        let mut counts = std::pin::pin!(counts.buffer_unordered(POLLS));
        while let Some(count) = counts.next().await {
            // Where Redis does not answer, the time for which values are kept is the bound.
            let Some(count) = count else { continue };
            if polled.send(count).await.is_err() {
                return;
            }
        }
    }
}

async fn hear(
    shared: &Weak<Shared>,
    mut events: Events,
    mut polled: mpsc::Receiver<Polled>,
    own: &[u8],
) {
    let mut counts = Counts::default();
    loop {
        let event = tokio::select! {
            // A message that is there is read before its count is.
            biased;
            event = events.next() => event,
            Some((home, count)) = polled.recv() => {
                let Some(shared) = shared.upgrade() else { return };
                let verdict = counts.compare(home.as_str(), count);
                settle(&shared, &mut counts, verdict, home.as_str());
                continue;
            }
        };
        let (Some(event), Some(shared)) = (event, shared.upgrade()) else {
            return;
        };
        match event {
            Event::Message(message) => match Announcement::parse(&message) {
                Some(announcement) => take(&shared, &mut counts, &announcement, own),
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

/// Applies an announcement; where one before it is missing, all of its owner is given up.
fn take(shared: &Shared, counts: &mut Counts, announcement: &Announcement<'_>, own: &[u8]) {
    let Some(owner) = Home::owner(announcement.owner) else {
        return;
    };
    let count = (announcement.count_name, announcement.count);
    let verdict = counts.heard(announcement.owner, count);
    settle(shared, counts, verdict, announcement.owner);
    if announcement.sender != own {
        for name in &announcement.names {
            apply(&shared.scopes, &owner, name);
        }
    }
    shared.tally.heard.add(1);
}

fn settle(shared: &Shared, counts: &mut Counts, verdict: Verdict, home: &str) {
    match verdict {
        Verdict::Whole => {}
        Verdict::Unknown => drop_owner(&shared.scopes, home),
        Verdict::Gap => {
            tracing::debug!("an invalidation was not heard");
            shared.tally.missed.add(1);
            drop_owner(&shared.scopes, home);
        }
        Verdict::TooMany => distrust(shared, counts, "too many tenants"),
    }
}

fn drop_owner(scopes: &Scopes, home: &str) {
    if let Some(owner) = Home::owner(home) {
        scopes.drop_owner(&owner);
    }
}

/// Gives up everything that is kept here.
fn distrust(shared: &Shared, counts: &mut Counts, reason: &'static str) {
    tracing::debug!(reason, "the cache of this process begins anew");
    shared.tally.distrusted.add(1);
    shared.scopes.drop_all();
    *counts = Counts::default();
}

/// Invalidates what a name stands for.
pub fn apply(scopes: &Scopes, owner: &OwnerName, name: &[u8]) {
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
