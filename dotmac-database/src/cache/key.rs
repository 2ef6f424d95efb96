//! Keys: sequences of components, encoded so that no two of them are the same text.

use sha2::{Digest, Sha256};
use smallvec::SmallVec;
use uuid::Uuid;

/// Longer keys are replaced by their hash.
const MAX_LEN: usize = 200;

/// What an entry is found by: a text, a number, a UUID, or a tuple of them.
///
/// A tuple is a sequence of components: `("a:b")` and `("a", "b")` are two keys. In Redis, components are
/// separated by `:`, and bytes other than ASCII letters, digits, `_`, `-` and `.` are written as `%XX`.
/// Keys whose encoding is longer than 200 bytes are written as `#` and the SHA-256 of it in hexadecimal
/// digits.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a cache",
    note = "use a text, a whole number, a `Uuid`, or a tuple of them"
)]
pub trait CacheKey {
    /// Writes its components.
    fn write(&self, key: &mut KeyWriter);
}

/// Takes the components of a key, in order.
#[derive(Default)]
pub struct KeyWriter {
    /// `owner:key`, or the key alone.
    bytes: SmallVec<[u8; 96]>,
    /// Where the key begins.
    at: usize,
    components: usize,
    /// Where each component but the last ends.
    ends: SmallVec<[usize; 4]>,
}

impl KeyWriter {
    /// Adds a component.
    pub fn component(&mut self, bytes: &[u8]) {
        self.separate();
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| !is_plain(*byte)) {
            let (plain, others) = rest.split_at(at);
            self.bytes.extend_from_slice(plain);
            let Some((byte, others)) = others.split_first() else {
                return;
            };
            let escape = [b'%', hex_digit(byte >> 4), hex_digit(byte & 15)];
            self.bytes.extend_from_slice(&escape);
            rest = others;
        }
        self.bytes.extend_from_slice(rest);
    }

    /// Adds a component that needs no escape.
    fn plain(&mut self, component: &str) {
        self.separate();
        self.bytes.extend_from_slice(component.as_bytes());
    }

    fn separate(&mut self) {
        if self.components > 0 {
            self.ends.push(self.bytes.len());
            self.bytes.push(b':');
        }
        self.components += 1;
    }
}

impl KeyWriter {
    /// For a key of an owner. Owners hold no `:`.
    pub(super) fn of(owner: &str) -> Self {
        let mut writer = KeyWriter::default();
        writer.bytes.extend_from_slice(owner.as_bytes());
        writer.bytes.push(b':');
        writer.at = writer.bytes.len();
        writer
    }

    /// The first components, as many as there are of 1, 2 and so on up to `count`, each as an encoded key.
    /// The whole key is not among them.
    pub(super) fn prefixes(&self, count: usize) -> impl Iterator<Item = &str> {
        let ends = self.ends.iter().take(count);
        ends.filter_map(|end| std::str::from_utf8(self.bytes.get(self.at..*end)?).ok())
    }

    /// The whole key, however long.
    pub(super) fn text(&self) -> &str {
        let key = self.bytes.get(self.at..).unwrap_or_default();
        std::str::from_utf8(key).unwrap_or_default()
    }

    /// The key with its owner, as its entry is found by; `None` for one that is written as a hash.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        (self.bytes.len() - self.at <= MAX_LEN).then_some(&self.bytes)
    }
}

/// An encoded key, after the name of whose it is.
#[derive(Clone, PartialEq, Eq)]
pub struct EncodedKey {
    bytes: SmallVec<[u8; 96]>,
    /// Where the key begins.
    at: usize,
}

impl EncodedKey {
    #[cfg(test)]
    pub fn new(owner: &str, key: &(impl CacheKey + ?Sized)) -> Self {
        let mut writer = KeyWriter::of(owner);
        key.write(&mut writer);
        Self::of(writer)
    }

    /// What was written.
    pub fn of(writer: KeyWriter) -> Self {
        let KeyWriter { mut bytes, at, .. } = writer;
        if bytes.len() - at > MAX_LEN {
            let hash = Sha256::digest(bytes.get(at..).unwrap_or_default());
            bytes.truncate(at);
            bytes.push(b'#');
            for byte in hash {
                bytes.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
            }
        }
        EncodedKey { bytes, at }
    }

    /// The same at a generation of a table. No encoded key holds `@`.
    pub fn at(&self, table: &str, generation: u64) -> Self {
        let mut bytes = self.bytes.clone();
        bytes.extend_from_slice(format!("@{table}@{generation:x}").as_bytes());
        EncodedKey { bytes, at: self.at }
    }

    /// With its owner.
    pub fn whole(&self) -> &[u8] {
        &self.bytes
    }

    /// Without its owner.
    pub fn bare(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

/// Whether a byte stands for itself.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)
}

fn hex_digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'A' + nibble - 10,
    }
}

impl CacheKey for str {
    fn write(&self, key: &mut KeyWriter) {
        key.component(self.as_bytes());
    }
}

impl CacheKey for String {
    fn write(&self, key: &mut KeyWriter) {
        key.component(self.as_bytes());
    }
}

impl CacheKey for Uuid {
    fn write(&self, key: &mut KeyWriter) {
        key.plain(self.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }
}

impl<K: CacheKey + ?Sized> CacheKey for &K {
    fn write(&self, key: &mut KeyWriter) {
        (**self).write(key);
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl CacheKey for $number {
            fn write(&self, key: &mut KeyWriter) {
                key.plain(itoa::Buffer::new().format(*self));
            }
        }
    )*};
}

numbers!(i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: CacheKey),+> CacheKey for ($($name,)+) {
            fn write(&self, key: &mut KeyWriter) {
                #[expect(non_snake_case, reason = "a variable for each type")]
                let ($($name,)+) = self;
                $($name.write(key);)+
            }
        }
    };
}

tuples!(A B);
tuples!(A B C);
tuples!(A B C D);

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn bare(key: impl CacheKey) -> String {
        String::from_utf8_lossy(EncodedKey::new("acme", &key).bare()).into_owned()
    }

    #[test]
    fn c15_components_do_not_run_into_each_other() {
        assert_eq!(bare("a:b"), "a%3Ab");
        assert_eq!(bare(("a", "b")), "a:b");
        assert_ne!(bare(("a", "")), bare("a"));
        assert_ne!(bare(("", "a")), bare("a"));
        assert_eq!(bare(("order", 7_i64)), "order:7");
        assert_eq!(bare(-7), "-7");
    }

    #[test]
    fn long_keys_are_hashed_and_no_key_looks_like_a_hash() {
        let long = bare("x".repeat(300));
        assert_eq!(long.len(), 65);
        assert!(long.starts_with('#'));
        assert_ne!(long, bare(&*long));
        assert_ne!(long, bare("x".repeat(301)));
    }

    #[test]
    fn prefixes_are_the_first_components() {
        let mut writer = KeyWriter::default();
        ("a:b", 7, "c").write(&mut writer);
        let prefixes = |count| writer.prefixes(count).collect::<Vec<_>>();
        assert_eq!(prefixes(9), ["a%3Ab", "a%3Ab:7"]);
        assert_eq!(prefixes(1), ["a%3Ab"]);
        assert!(prefixes(0).is_empty());
    }

    struct Components(Vec<Vec<u8>>);

    impl CacheKey for Components {
        fn write(&self, key: &mut KeyWriter) {
            for component in &self.0 {
                key.component(component);
            }
        }
    }

    proptest! {
        #[test]
        fn c15_the_encoding_is_injective(keys in proptest::collection::vec(
            proptest::collection::vec(proptest::collection::vec(
                prop_oneof![Just(b':'), Just(b'%'), Just(b'a'), Just(b'2'), any::<u8>()], 0..5), 1..4),
            2..20,
        )) {
            let mut seen: HashMap<Vec<u8>, Vec<Vec<u8>>> = HashMap::new();
            for key in keys {
                let encoded = EncodedKey::new("t", &Components(key.clone())).bare().to_vec();
                if let Some(other) = seen.insert(encoded, key.clone()) {
                    prop_assert_eq!(other, key);
                }
            }
        }
    }
}
