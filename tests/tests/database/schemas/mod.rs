//! Tenants with a schema each: sessions find their tables by the search path, and nobody else's; schemas are
//! copied, listed, migrated and moved.

mod attack;
mod bouncer;
mod check;
mod clone;
mod command_line;
mod directory;
mod fleet;
mod fleet_bed;
mod fleet_interrupted;
mod handle;
mod history;
pub mod kit;
mod lifecycle;
mod lifecycle_interrupted;
mod losses;
mod missing;
mod moved;
mod path;
mod pool;
mod prepared;
mod recreated;
mod refusals;
mod relocated;
mod relocation_bed;
mod renamed;
mod site;
mod transfer;
