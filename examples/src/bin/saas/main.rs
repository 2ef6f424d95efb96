//! The shop's HTTP API on axum: `cargo run -p dotmac-examples --bin saas -- --demo`.

use std::process::ExitCode;

use dotmac_examples::{program, saas};

#[tokio::main]
async fn main() -> ExitCode {
    program::run("saas", saas::serve).await
}
