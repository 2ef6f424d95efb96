//! Does the database protect the tenants of this program? Finds what does not, and the SQL that mends
//! it.

mod expression;
mod finding;
mod migration;
mod rule;
mod run;
mod subject;

pub use finding::{Finding, Report, Severity};
pub use migration::migration;
pub use run::check;
