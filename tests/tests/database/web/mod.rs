//! I06, I70–I75: requests, on axum and on poem alike, over HTTP.

mod axum;
mod background;
mod connection;
mod ending;
mod handler;
mod poem;
mod problem;
mod session;
mod site;
mod tenant;
mod trace;

pub use site::{Framework, told};
pub use trace::Spans;
