//! `Place`: where an entry is in Redis.

use bytes::Bytes;

use super::home::Home;
use crate::cache::key::EncodedKey;
use crate::context::OwnerName;

/// Where an entry is.
#[derive(Clone, Copy)]
pub struct Place<'p> {
    pub namespace: &'p str,
    pub owner: &'p OwnerName,
    pub key: &'p EncodedKey,
}

impl Place<'_> {
    /// The value and its lease.
    pub(super) fn keys(self, home: &Home) -> [Bytes; 2] {
        ["v", "l"].map(|kind| {
            let mut key = format!("{}{kind}:{}:", home.root(), self.namespace).into_bytes();
            key.extend_from_slice(self.key.bare());
            Bytes::from(key)
        })
    }

    /// `k:<namespace>:<key>`
    pub(super) fn message_key(self) -> Bytes {
        let mut key = format!("k:{}:", self.namespace).into_bytes();
        key.extend_from_slice(self.key.bare());
        Bytes::from(key)
    }
}
