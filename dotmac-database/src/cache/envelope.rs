//! The envelope: what stands around a value in Redis, so that only what is whole and ours is read.
//!
//! ```text
//! 0   magic          "dm1"
//! 3   kind           0 nothing, 1 value, 2 compressed value
//! 4   codec          0 MessagePack, 1 JSON, 2 postcard
//! 5   fingerprint    u32, of the type and its version
//! 9   stale          u32, for how many milliseconds before its end the entry is stale
//! 13  length         u32, of the value before compression
//! 17  checksum       u32, CRC-32 of all before it and after it
//! 21  value
//! ```
//!
//! Numbers are big-endian.

use std::borrow::Cow;
use std::time::Duration;

use super::codec::{Codec, CodecError};

const MAGIC: &[u8; 3] = b"dm1";
const HEADER: usize = 21;
const CHECKSUM: std::ops::Range<usize> = 17..21;

/// What an envelope says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    pub codec: Codec,
    pub fingerprint: u32,
    /// For how long before its end the entry is stale.
    pub stale: Duration,
}

/// How values are compressed, and how large one may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Values of so many bytes and more are compressed.
    pub compress_from: usize,
    /// A value that is or says to be longer is not taken.
    pub max_len: usize,
}

/// Why bytes are not a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Of another version of this library, of the type, or of its codec.
    Foreign,
    /// Cut, changed, or too large.
    Damaged,
}

/// Puts a value, or nothing, into an envelope; `None` where it is too large.
pub fn seal(sealed: Sealed, value: Option<&[u8]>, limits: Limits) -> Option<Vec<u8>> {
    let length = value.map_or(0, <[u8]>::len);
    if length > limits.max_len {
        return None;
    }
    let compressed = value
        .filter(|value| value.len() >= limits.compress_from)
        .map(lz4_flex::block::compress)
        .filter(|compressed| compressed.len() < length);
    let (kind, body) = match (value, &compressed) {
        (None, _) => (0, [].as_slice()),
        (Some(value), None) => (1, value),
        (Some(_), Some(compressed)) => (2, compressed.as_slice()),
    };
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.push(kind);
    bytes.push(sealed.codec.number());
    bytes.extend_from_slice(&sealed.fingerprint.to_be_bytes());
    let stale = u32::try_from(sealed.stale.as_millis()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&stale.to_be_bytes());
    bytes.extend_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
    let checksum = checksum(&bytes, body);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes.extend_from_slice(body);
    Some(bytes)
}

/// What an envelope held.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened<'b> {
    /// The encoded value; `None` for a cached "nothing".
    pub value: Option<Cow<'b, [u8]>>,
    /// For how long before its end the entry is stale.
    pub stale: Duration,
}

/// Opens an envelope.
///
/// # Errors
/// Whatever the bytes are, an error and no panic.
pub fn open(
    bytes: &[u8],
    expected: (Codec, u32),
    limits: Limits,
) -> Result<Opened<'_>, Unreadable> {
    let header = bytes.get(..HEADER).ok_or(Unreadable::Damaged)?;
    let body = bytes.get(HEADER..).unwrap_or_default();
    let head = header.get(..CHECKSUM.start).unwrap_or_default();
    if !bytes.starts_with(MAGIC) {
        return Err(Unreadable::Foreign);
    }
    if number(header, CHECKSUM.start)? != checksum(head, body) {
        return Err(Unreadable::Damaged);
    }
    let codec = header.get(4).copied().and_then(Codec::of_number);
    if (codec, number(header, 5)?) != (Some(expected.0), expected.1) {
        return Err(Unreadable::Foreign);
    }
    let stale = Duration::from_millis(number(header, 9)?.into());
    let length = usize::try_from(number(header, 13)?).map_err(|_| Unreadable::Damaged)?;
    if length > limits.max_len {
        return Err(Unreadable::Damaged);
    }
    let value = match header.get(3) {
        Some(0) => None,
        Some(1) if body.len() == length => Some(body.into()),
        Some(2) => {
            let value = lz4_flex::block::decompress(body, length);
            let value = value.map_err(|_| Unreadable::Damaged)?;
            let is_whole = value.len() == length;
            Some(is_whole.then_some(value).ok_or(Unreadable::Damaged)?.into())
        }
        _ => return Err(Unreadable::Damaged),
    };
    Ok(Opened { value, stale })
}

impl From<CodecError> for Unreadable {
    // The checksum holds: the bytes are what another program wrote under the same fingerprint.
    fn from(_: CodecError) -> Self {
        Unreadable::Foreign
    }
}

fn number(header: &[u8], at: usize) -> Result<u32, Unreadable> {
    let bytes = header.get(at..at + 4).ok_or(Unreadable::Damaged)?;
    let bytes: [u8; 4] = bytes.try_into().map_err(|_| Unreadable::Damaged)?;
    Ok(u32::from_be_bytes(bytes))
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        compress_from: 100,
        max_len: 10_000,
    };

    fn sealed() -> Sealed {
        Sealed {
            codec: Codec::MessagePack,
            fingerprint: 7,
            stale: Duration::from_millis(1_500),
        }
    }

    fn reopened(bytes: &[u8]) -> Result<Option<Vec<u8>>, Unreadable> {
        let opened = open(bytes, (Codec::MessagePack, 7), LIMITS)?;
        Ok(opened.value.map(Cow::into_owned))
    }

    #[test]
    fn values_and_nothing_come_back() {
        for value in [None, Some(vec![]), Some(vec![1, 2]), Some(vec![3; 5_000])] {
            let bytes = seal(sealed(), value.as_deref(), LIMITS).expect("fits");
            assert_eq!(reopened(&bytes), Ok(value));
        }
        let long = seal(sealed(), Some(&[3; 5_000]), LIMITS).expect("fits");
        assert!(long.len() < 200, "{}", long.len());
        let stale = open(&long, (Codec::MessagePack, 7), LIMITS)
            .expect("opens")
            .stale;
        assert_eq!(stale, Duration::from_millis(1_500));
    }

    #[test]
    fn c20_another_type_or_codec_is_foreign() {
        let bytes = seal(sealed(), Some(b"x"), LIMITS).expect("fits");
        assert_eq!(
            open(&bytes, (Codec::Json, 7), LIMITS),
            Err(Unreadable::Foreign)
        );
        assert_eq!(
            open(&bytes, (Codec::MessagePack, 8), LIMITS),
            Err(Unreadable::Foreign)
        );
    }

    #[test]
    fn c19_a_length_beyond_the_limit_is_never_allocated() {
        assert!(seal(sealed(), Some(&[0; 10_001]), LIMITS).is_none());
        let generous = Limits {
            max_len: 1 << 20,
            ..LIMITS
        };
        let bomb = seal(sealed(), Some(&[0; 1 << 20]), generous).expect("fits");
        assert_eq!(reopened(&bomb), Err(Unreadable::Damaged));
    }

    proptest! {
        #[test]
        fn c19_foreign_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(reopened(&bytes).is_err());
        }

        #[test]
        fn c19_a_changed_bit_or_a_cut_is_refused(
            value in proptest::collection::vec(any::<u8>(), 0..300),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let bytes = seal(sealed(), Some(&value), LIMITS).expect("fits");
            let mut changed = bytes.clone();
            changed[at.index(bytes.len())] ^= 1 << bit;
            prop_assert!(reopened(&changed).is_err());
            prop_assert!(reopened(&bytes[..at.index(bytes.len())]).is_err());
        }

        /// Bytes that pass the outer checks, so that the inner ones are met: a true magic and checksum.
        #[test]
        fn c19_whatever_is_within_a_true_frame_is_refused_or_within_its_limits(
            kind in 0..4_u8,
            codec in 0..4_u8,
            fingerprint in 6..9_u32,
            stale in any::<u32>(),
            length in prop_oneof![0..400_u32, any::<u32>()],
            body in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let mut bytes = MAGIC.to_vec();
            bytes.extend([kind, codec]);
            for number in [fingerprint, stale, length] {
                bytes.extend(number.to_be_bytes());
            }
            let checksum = checksum(&bytes, &body);
            bytes.extend(checksum.to_be_bytes());
            bytes.extend(&body);
            if let Ok(value) = reopened(&bytes) {
                prop_assert_eq!((codec, fingerprint), (Codec::MessagePack.number(), 7));
                let length = usize::try_from(length).expect("64 bits");
                match value {
                    None => prop_assert_eq!(kind, 0),
                    Some(value) => {
                        prop_assert_eq!(value.len(), length);
                        prop_assert!(length <= LIMITS.max_len);
                    }
                }
            }
        }

        /// What is true in an envelope is changed in many ways at once: nothing else is read out of it.
        #[test]
        fn c19_a_mutated_envelope_is_its_value_or_refused(
            value in proptest::option::of(proptest::collection::vec(0..3_u8, 0..600)),
            changes in proptest::collection::vec(
                (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
        ) {
            let bytes = seal(sealed(), value.as_deref(), LIMITS).expect("fits");
            let mut mutated = bytes.clone();
            for (at, byte, how) in changes {
                let at = at.index(mutated.len() + 1);
                match how {
                    0 => mutated.insert(at, byte),
                    1 => mutated.truncate(at),
                    2 => mutated.extend_from_within(at..),
                    _ => {
                        if let Some(changed) = mutated.get_mut(at) {
                            *changed = byte;
                        }
                    }
                }
            }
            match reopened(&mutated) {
                Ok(read) => prop_assert_eq!((read, &mutated), (value, &bytes)),
                Err(_) => prop_assert_ne!(mutated, bytes),
            }
        }

        #[test]
        fn c19_what_no_codec_wrote_is_an_error_and_no_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            type Deep = std::collections::BTreeMap<String, Vec<Option<(u8, f64, String)>>>;
            for codec in [Codec::MessagePack, Codec::Json, Codec::Postcard] {
                let _ = codec.decode::<Deep>(&bytes);
                let _ = codec.decode::<serde_json::Value>(&bytes);
            }
        }
    }
}
