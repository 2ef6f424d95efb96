//! The migration command line.

mod arguments;
mod databases;
mod rls;

pub use arguments::Cli;
