//! Keys of rows, as keys of a cache.

use crate::cache::key::{CacheKey, EncodedKey, KeyWriter};
use crate::entity::cached::{CachedTable, KeyPart, RowKey};

impl CacheKey for RowKey {
    fn write(&self, key: &mut KeyWriter) {
        for part in self.parts() {
            match part {
                KeyPart::Integer(number) => number.write(key),
                KeyPart::Uuid(id) => id.write(key),
                KeyPart::Text(text) => text.write(key),
            }
        }
    }
}

/// The tag of what depends on a row.
pub fn row_tag(table: &CachedTable, row: &RowKey) -> String {
    let mut writer = KeyWriter::default();
    row.write(&mut writer);
    // Long ones are hashed.
    let key = EncodedKey::of(writer);
    format!("row:{}:{}", table.name, String::from_utf8_lossy(key.bare()))
}
