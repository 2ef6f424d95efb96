//! Rows of entities: read through the cache, and invalidated by what sessions change.

mod attack;
mod bed;
mod change;
mod child;
mod depends;
mod outbox;
mod overtaken;
mod read;
mod request;
mod rollback;
mod sqlite;
mod system;
mod table;
mod tenants;
