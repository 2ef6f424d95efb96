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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        a: u32,
        #[serde(flatten)]
        rest: BTreeMap<String, u32>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u32),
        Text(String),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Skips {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        a: Option<u32>,
        b: u32,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Old {
        a: u32,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct New {
        a: u32,
        #[serde(default)]
        b: u32,
    }

    fn comes_back<V: Serialize + DeserializeOwned + PartialEq>(codec: Codec, value: &V) -> bool {
        let read = |bytes: Vec<u8>| codec.decode::<V>(&bytes).ok();
        codec.encode(value).ok().and_then(read).as_ref() == Some(value)
    }

    /// MessagePack with names and JSON read it, postcard does not: the reason for the default.
    fn only_described<V: Serialize + DeserializeOwned + PartialEq + Debug>(value: V) {
        assert!(comes_back(Codec::MessagePack, &value), "{value:?}");
        assert!(comes_back(Codec::Json, &value), "{value:?}");
        assert!(
            !comes_back(Codec::Postcard, &value),
            "{value:?}: it reads it now"
        );
    }

    #[test]
    fn what_describes_itself_is_read_by_the_default_and_not_by_postcard() {
        only_described(serde_json::json!({ "a": [1, null, "x"] }));
        let rest = BTreeMap::from([("b".to_owned(), 2)]);
        only_described(Flat { a: 1, rest });
        only_described(Either::Text("x".to_owned()));
        only_described(Skips { a: None, b: 1 });
        for codec in [Codec::MessagePack, Codec::Json, Codec::Postcard] {
            assert!(comes_back(codec, &New { a: 1, b: 2 }), "{codec:?}");
        }
    }

    #[test]
    fn a_struct_with_a_new_field_reads_the_old_one_by_names_and_not_by_places() {
        let grown = |codec: Codec| {
            let bytes = codec.encode(&Old { a: 1 }).expect("encodes");
            codec.decode::<New>(&bytes).ok()
        };
        assert_eq!(grown(Codec::MessagePack), Some(New { a: 1, b: 0 }));
        assert_eq!(grown(Codec::Json), Some(New { a: 1, b: 0 }));
        assert_eq!(grown(Codec::Postcard), None, "it reads it now");
        // Without names, MessagePack is not better: a skipped field shifts the others.
        let places = rmp_serde::to_vec(&Skips { a: None, b: 1 }).expect("encodes");
        let read = rmp_serde::from_slice::<Skips>(&places).ok();
        assert_ne!(read, Some(Skips { a: None, b: 1 }), "it reads it now");
    }
}
