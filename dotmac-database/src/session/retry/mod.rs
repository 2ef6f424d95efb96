//! Runs a unit of work again where the database says that it may succeed then.

mod policy;
mod retrying;

pub use policy::RetryPolicy;
pub use retrying::Retrying;
