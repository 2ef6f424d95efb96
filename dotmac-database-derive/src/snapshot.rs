//! Expansions that tests hold as files.

use std::path::Path;
use std::{env, fs};

/// Compares an expansion with a file below `src`, or rewrites the file where `UPDATE_EXPECT` is set.
#[track_caller]
pub fn assert_snapshot(file: &str, expansion: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, expansion).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert!(
        expansion == expected,
        "{} differs: look at `UPDATE_EXPECT=1 cargo test` and git diff",
        path.display(),
    );
}
