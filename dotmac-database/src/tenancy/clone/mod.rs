//! A schema copied to another one, exactly or not at all.
//!
//! The catalog of PostgreSQL is read by a few queries for the whole schema (`sql/`), which answer with
//! the statements that make the copy. They are read with the original first in the search path, so that
//! definitions name its objects without the schema, and run with the copy first in it: no text is
//! rewritten. `refusal` names what cannot be copied, `order` sorts objects that need each other,
//! `compare` looks at the result.

mod catalog;
mod compare;
mod order;
mod refusal;
mod rights;
mod rows;
mod run;
mod scene;

pub(super) use catalog::{postgres_only, read};
pub(super) use scene::{Scene, settings};

pub use compare::{SchemaChange, SchemaDifference, compare_schemas};
pub use run::{CloneData, Cloned, clone_schema};
