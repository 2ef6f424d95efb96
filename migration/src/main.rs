//! The migration command line: applies migrations, compares, generates.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use migration::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await.unwrap_or_else(|error| {
        let mut cause: Option<&dyn Error> = Some(error.as_ref());
        while let Some(error) = cause {
            eprintln!("{error}");
            cause = error.source();
        }
        ExitCode::FAILURE
    })
}
