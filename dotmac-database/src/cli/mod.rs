//! Subcommands for command lines of one's own, built on clap.
//!
//! [`Tenants`] is the life of tenants, and the migrations of all of them. A program adds it to its
//! arguments, connects as the migrator, and runs it with its [`Fleet`](crate::migrate::Fleet).

mod arguments;
mod confirm;
mod progress;
mod run;
mod show;

pub use arguments::Tenants;
