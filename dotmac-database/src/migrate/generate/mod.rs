//! Writes migrations: what has to be done to bring a database to the entities.

mod error;
mod plan;
mod register;
mod request;
mod source;

pub use error::GenerateError;
pub use request::{Generate, Generated, generate};
