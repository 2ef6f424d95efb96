//! The second level: values in Redis, and the tokens that they live by.

mod protocol;
mod script;

pub use protocol::{Far, FarValue, Found, Lease, LeaseTimes, Place, Write};
