//! Locks in Redis: on one server, in a cluster, or behind Sentinel.
//!
//! `backend` is what the common parts see of it; `store` asks Redis, by the scripts of `script`, and `patience`
//! says how often; `clock` tells when a request is too late, `waiters` wakes those who wait.

mod backend;
mod clock;
mod connect;
mod patience;
mod script;
mod store;
mod waiters;
