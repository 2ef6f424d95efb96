//! `Loaded`: what a loader found, and how it is to be kept.

use std::time::Duration;

/// What a loader answers. A plain value, or an `Option` of one, is converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded<V> {
    pub(super) value: Option<V>,
    pub(super) ttl: Option<Duration>,
    pub(super) tags: Vec<String>,
    pub(super) is_kept: bool,
}

impl<V> Loaded<V> {
    /// A value.
    pub fn value(value: V) -> Self {
        Self::of(Some(value))
    }

    /// That there is none, which is kept as well, for
    /// [`nothing_ttl`](super::CacheOptions::nothing_ttl).
    pub fn nothing() -> Self {
        Self::of(None)
    }

    /// Keeps it for so long, instead of the cache's time to live.
    pub fn ttl(self, ttl: Duration) -> Self {
        Loaded {
            ttl: Some(ttl),
            ..self
        }
    }

    /// Adds a tag to invalidate it by.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Gives it to those who wait for it, and keeps it for nobody else.
    pub fn not_kept(self) -> Self {
        Loaded {
            is_kept: false,
            ..self
        }
    }

    fn of(value: Option<V>) -> Self {
        Loaded {
            value,
            ttl: None,
            tags: Vec::new(),
            is_kept: true,
        }
    }
}

impl<V> From<Option<V>> for Loaded<V> {
    fn from(value: Option<V>) -> Self {
        Self::of(value)
    }
}

impl<V> From<V> for Loaded<V> {
    fn from(value: V) -> Self {
        Self::value(value)
    }
}
