//! Read sessions on replicas: which one is fit, and for whom.
//!
//! A task samples how far the primary has written and how far each replica has replayed (`probe`, `line`,
//! `progress`); a replica's standing is a few atomic numbers (`standing`, `node`); the router compares
//! them with the last write of the context (`router`, `writes`), without a lock and without asking
//! a server.

mod clock;
mod line;
mod node;
mod probe;
mod progress;
mod router;
mod standing;
mod writes;

pub use node::Replica;
pub use probe::admit;
pub use router::Replicas;
pub use standing::{ReplicaState, Standing};
