//! Limits of rates: how many calls may pass in a time, for each tenant.
//!
//! `quota` is the formula, `limit` what users see, `local` and `far` keep the numbers.

#[cfg(feature = "redis")]
mod far;
mod limit;
mod local;
mod meter;
mod quota;
#[cfg(test)]
mod tests;

#[cfg(feature = "redis")]
pub use far::Far;
pub use limit::{RateLimit, RateLimits};
pub use local::Local;
pub use meter::Meter;
pub use quota::{Rate, Verdict};
