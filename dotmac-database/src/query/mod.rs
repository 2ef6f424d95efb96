//! Working with many rows, and with rows that may be there already.

mod upsert;

pub use upsert::{Upsert, UpsertOne};
