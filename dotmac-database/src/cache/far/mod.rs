//! The second level: values in Redis, and the tokens that they live by.

mod answer;
mod clock;
mod group;
mod home;
mod look;
mod place;
mod protocol;
mod script;
mod stored;
mod walk;

pub use answer::{Count, FarValue, Found, Lease};
pub use home::{Home, Shards};
pub use look::Habit;
pub use place::Place;
pub use protocol::{Far, LeaseTimes, Write};
pub use walk::{Walk, literal};
