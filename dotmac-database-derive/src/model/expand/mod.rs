//! What an entity expands to: one file for each generated item.

mod behavior;
mod delete;
mod entity;
mod feature;
mod item;
mod mixin;
mod relation;
mod slow_index;
mod version;
mod whole;
