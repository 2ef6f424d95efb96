//! The application without a framework: what both web examples share.

pub mod body;
mod cache;
pub mod demo;
mod if_match;
pub mod lock;
mod operator;
pub mod order;
mod site;

pub use cache::{CacheFigures, CacheReport};
pub use if_match::IfMatch;
pub use operator::Operator;
pub use site::{CACHE_STATS, LIVE, OPENAPI, READY, Shop, TENANT_HEADER};
