//! The application without a framework: what both web examples share.

pub mod body;
pub mod demo;
mod if_match;
pub mod order;
mod site;

pub use if_match::IfMatch;
pub use site::{LIVE, OPENAPI, READY, Shop, TENANT_HEADER};
