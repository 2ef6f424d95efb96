//! The rules, by what they look at.

mod definer;
mod foreign_key;
mod grant;
mod index;
mod list;
mod open;
pub mod policy;
pub mod role;
pub mod server;
mod table;
mod view;

pub use list::{Rule, all};
