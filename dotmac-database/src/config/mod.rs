//! Configuration: where the database is, and how a program uses it.

mod builder;
mod check;
mod database;
mod environment;
mod parts;
mod redis;
mod replica;
mod tenancy;
mod url;

pub use database::{DatabaseConfig, StartCheck};
pub use parts::database_url;
pub use redis::RedisConfig;
pub use tenancy::Tenancy;
pub use url::normalize;
