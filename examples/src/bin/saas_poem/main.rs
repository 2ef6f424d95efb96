//! The shop's HTTP API on poem: `cargo run -p dotmac-examples --bin saas_poem -- --demo`.

use std::process::ExitCode;

use dotmac_examples::{program, saas_poem};

#[tokio::main]
async fn main() -> ExitCode {
    program::run("saas_poem", saas_poem::serve).await
}
