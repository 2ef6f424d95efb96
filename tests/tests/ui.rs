//! What the macros accept compiles as a module of this test; what they refuse is told in one error.
//!
//! `TRYBUILD=overwrite` rewrites the expected errors; the argument `trybuild=name` picks cases.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

// Not by trybuild: it would build every dependency once more to link what is accepted, while errors
// ask for `cargo check` only.
#[path = "ui/pass/mod.rs"]
mod pass;

/// Those of trybuild.
const RUSTFLAGS: &str = "--cfg trybuild --verbose -A dead_code --diagnostic-width=140";

#[test]
fn mistake_is_told_where_it_is_made() {
    // trybuild gives the last flag to its cases only, and cargo checks all dependencies for both
    // sets of flags. These win, but only a child process can have them without `unsafe`.
    const VARIABLE: &str = "CARGO_ENCODED_RUSTFLAGS";
    if env::var_os(VARIABLE).is_some() {
        trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
        return;
    }
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", "mistake_is_told_where_it_is_made"])
        .args(env::args().filter(|argument| argument.starts_with("trybuild=")))
        .env(VARIABLE, RUSTFLAGS.replace(' ', "\u{1f}"))
        .status()
        .unwrap();
    assert!(status.success(), "trybuild's report stands above");
}

#[test]
fn mistake_is_told_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/fail");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "stderr") {
            let text = fs::read_to_string(&path).unwrap();
            let errors = text.lines().filter(|line| line.starts_with("error"));
            assert_eq!(errors.count(), 1, "{}:\n{text}", path.display());
        }
    }
}
