//! Locks on real servers, and the fences that hold where a lock cannot.

mod built;
mod leader;
mod observed;
mod rate;
mod redis;
