//! Locks on real servers, and the fences that hold where a lock cannot.

mod built;
mod fenced;
mod leader;
mod observed;
mod postgres;
mod postgres_loss;
mod postgres_seen;
mod rate;
mod redis;
mod transaction;
mod transaction_edge;
