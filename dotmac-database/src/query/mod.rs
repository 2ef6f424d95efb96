//! Working with many rows, and with rows that may be there already: pages by keyset, batches in
//! constant memory, bulk insert, upsert.
//!
//! `keyset` says which rows come after a given one, in an order that is total; pages and batches are
//! built on it. `cursor` carries such a place to a client and back, `scalar` its values. `chunk` cuts
//! the rows of a bulk insert into statements.
//!
//! `search` and `in_tenant` say conditions in the words with which PostgreSQL uses an index under
//! policies.

mod batch;
mod bulk;
mod chunk;
mod cursor;
mod in_tenant;
mod keyset;
mod page;
mod scalar;
mod search;
mod select;
mod upsert;

pub use batch::Batches;
pub use bulk::{BulkInsert, InsertBulk};
pub use cursor::CursorKey;
pub use in_tenant::InTenant;
pub use page::{Page, Pages};
pub use search::SearchText;
pub use select::SelectInParts;
pub use upsert::{Upsert, UpsertOne};
