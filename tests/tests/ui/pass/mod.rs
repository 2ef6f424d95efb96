//! Entities that the macros accept, each as users write them.

mod all_derives;
mod columns_declared;
mod columns_renamed;
mod crate_renamed;
mod derives_alone;
mod hooks_composed;
mod key_of_ones_own;
mod mixins;
mod relation;
