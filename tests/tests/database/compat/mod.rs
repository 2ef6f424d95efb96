//! The breadth of SeaORM's own interface on sessions, on PostgreSQL and on SQLite by one body.
//!
//! In every database tenant A has the rows that `library` describes, some of them deleted; on
//! PostgreSQL tenant B has the same rows, so that a row too many is one that crossed.

mod aggregate;
mod bulk;
mod connection;
pub mod entity;
mod join;
mod library;
mod loader;
mod nested;
mod page;
mod partial;
mod raw;
mod value;

pub use library::on_both;
