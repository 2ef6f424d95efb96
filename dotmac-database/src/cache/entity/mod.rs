//! Rows of entities: read through a cache, and invalidated by the units of work that change them.
//!
//! `following` is a client that follows a database, `follower` what it does with each commit,
//! `invalidation` what a commit invalidates, and `outbox` keeps that until it is done. `generation` lets a
//! table's entries of all tenants end at once; `cache`, `site` and `read` are the way of a row.

mod cache;
mod depends;
mod follower;
mod following;
mod generation;
mod invalidation;
mod outbox;
mod read;
mod reader;
mod row;
mod site;

pub use cache::EntityCache;
pub use following::Following;
pub use generation::Generations;
pub use outbox::Outbox;
pub use read::CachedEntity;
pub use reader::CacheReader;
