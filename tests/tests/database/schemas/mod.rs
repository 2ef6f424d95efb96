//! Tenants with a schema each: sessions find their tables by the search path, and nobody else's.

mod attack;
mod bouncer;
mod check;
mod clone;
mod handle;
pub mod kit;
mod missing;
mod pool;
mod prepared;
mod refusals;
mod site;
mod transfer;
