//! What the examples share, and the two web applications as functions, so that tests can serve them.
//!
//! | | |
//! |---|---|
//! | [`place`] | where an example runs: `DATABASE_URL`, a throwaway PostgreSQL, or SQLite in memory |
//! | [`shop`] | the application without a framework: queries, bodies, preconditions, demo data |
//! | [`saas`], [`saas_poem`] | its routes on axum and on poem |
//! | [`program`] | the command line of both |

pub mod place;
pub mod program;
pub mod saas;
pub mod saas_poem;
pub mod shop;
