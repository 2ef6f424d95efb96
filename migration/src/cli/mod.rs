//! The migration command line.

mod arguments;
mod rls;

pub use arguments::Cli;
