//! Attacks on the boundary between tenants, beyond the single cases of `reads.rs` and `writes.rs`.

mod gate;
mod kit;
mod leftover;
mod model;
mod mutant;
mod sql;
