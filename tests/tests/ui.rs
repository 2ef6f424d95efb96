//! What the macros accept compiles as a module of this test; what they refuse is told in one error.
//!
//! `TRYBUILD=overwrite` rewrites the expected errors.

use std::fs;
use std::path::Path;

// Not by trybuild, which would build every dependency once more to link what it accepts; errors
// need `cargo check` only.
#[path = "ui/pass/mod.rs"]
mod pass;

#[test]
fn mistake_is_told_where_it_is_made() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}

#[test]
fn mistake_is_told_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui/fail");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "stderr")
        {
            let text = fs::read_to_string(&path).unwrap();
            let errors = text
                .lines()
                .filter(|line| line.starts_with("error"))
                .count();
            assert_eq!(errors, 1, "{}:\n{text}", path.display());
        }
    }
}
