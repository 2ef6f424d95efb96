//! What `generate` wrote, compiled as in a user's crate.

pub mod first;
pub mod second;
