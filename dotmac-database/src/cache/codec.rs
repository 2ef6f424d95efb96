//! How values become bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The format of the values in Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Codec {
    /// MessagePack with the names of fields: every value that serde can describe, and structs that gain
    /// a field with a default go on being read.
    #[default]
    MessagePack,
    /// JSON: longer and slower, readable by other programs.
    Json,
    /// postcard: the shortest. It cannot read what describes itself (`serde_json::Value`, `Decimal`,
    /// `flatten`, untagged enums, skipped fields), nor a nested struct that has changed.
    Postcard,
}

/// A value that cannot be encoded, or bytes that are none.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(String);

impl Codec {
    /// Its number in an envelope.
    pub(super) fn number(self) -> u8 {
        match self {
            Codec::MessagePack => 0,
            Codec::Json => 1,
            Codec::Postcard => 2,
        }
    }

    pub(super) fn of_number(number: u8) -> Option<Self> {
        [Codec::MessagePack, Codec::Json, Codec::Postcard]
            .into_iter()
            .find(|codec| codec.number() == number)
    }

    pub(super) fn encode<V: Serialize>(self, value: &V) -> Result<Vec<u8>, CodecError> {
        let error = |error: &dyn std::fmt::Display| CodecError(error.to_string());
        match self {
            Codec::MessagePack => rmp_serde::to_vec_named(value).map_err(|it| error(&it)),
            Codec::Json => serde_json::to_vec(value).map_err(|it| error(&it)),
            Codec::Postcard => postcard::to_stdvec(value).map_err(|it| error(&it)),
        }
    }

    pub(super) fn decode<V: DeserializeOwned>(self, bytes: &[u8]) -> Result<V, CodecError> {
        let error = |error: &dyn std::fmt::Display| CodecError(error.to_string());
        match self {
            Codec::MessagePack => rmp_serde::from_slice(bytes).map_err(|it| error(&it)),
            Codec::Json => serde_json::from_slice(bytes).map_err(|it| error(&it)),
            Codec::Postcard => postcard::from_bytes(bytes).map_err(|it| error(&it)),
        }
    }
}
