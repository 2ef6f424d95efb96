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
        [self.value_key(home), self.key_of("l", home)]
    }

    /// The value.
    pub(super) fn value_key(self, home: &Home) -> Bytes {
        self.key_of("v", home)
    }

    fn key_of(self, kind: &str, home: &Home) -> Bytes {
        let parts = [
            "dotmac:{",
            home.as_str(),
            "}:",
            kind,
            ":",
            self.namespace,
            ":",
        ];
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut key = Vec::with_capacity(length + self.key.bare().len());
        for part in parts {
            key.extend_from_slice(part.as_bytes());
        }
        key.extend_from_slice(self.key.bare());
        Bytes::from(key)
    }

    /// `k:<namespace>:<key>`
    pub(super) fn message_key(self) -> Bytes {
        let mut key = format!("k:{}:", self.namespace).into_bytes();
        key.extend_from_slice(self.key.bare());
        Bytes::from(key)
    }
}
