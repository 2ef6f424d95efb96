//! What a subscriber hears: messages, and that it may have missed some.

use bytes::Bytes;
use tokio::sync::mpsc;

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
pub struct Events(mpsc::Receiver<Event>);

impl Events {
    /// A channel that holds so many events for a slow reader.
    pub fn channel(capacity: usize) -> (mpsc::Sender<Event>, Self) {
        let (sender, receiver) = mpsc::channel(capacity);
        (sender, Events(receiver))
    }

    /// The next event; `None` once the driver is closed.
    ///
    /// # Cancel safety
    /// Safe: no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}
