//! What a subscriber hears: messages, and that it may have missed some.

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

/// Something heard on a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A message.
    Message(Bytes),
    /// The connection was made, or made again: what was sent before is lost.
    Connected,
    /// The connection is gone: what is sent from now on is lost.
    Disconnected,
    /// More came than was read, and some was dropped.
    Lagged,
}

/// The events of a channel, in order. Dropping it ends the subscription.
pub struct Events(Pin<Box<dyn Stream<Item = Event> + Send>>);

impl Events {
    /// What a driver hears. Whoever reads it drives it: no task stands between a message and its reader.
    pub fn of(events: impl Stream<Item = Event> + Send + 'static) -> Self {
        Events(Box::pin(events))
    }

    /// The next event; `None` once the driver is closed.
    ///
    /// # Cancel safety
    /// Safe: no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.next().await
    }
}
