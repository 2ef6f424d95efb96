//! Rows as JSON: out with every column, in with what a client may set.
//!
//! [`JsonModel`] is the face, [`JsonInput`] its options. Below: `protect` knows which columns a
//! client never sets, `write` and `read` convert one value.

mod input;
mod model;
mod protect;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use input::JsonInput;
pub use model::JsonModel;
