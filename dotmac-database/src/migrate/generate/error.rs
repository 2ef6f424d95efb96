//! Why no migration was written.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Why no migration was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The name cannot be part of a Rust module's name.
    #[error("`{name}` cannot name a migration: letters, digits, spaces and `_` can")]
    InvalidName {
        /// The name.
        name: String,
    },
    /// The database would be compared before its migrations have run.
    #[error("migration `{name}` is pending: apply what is pending (`up`), then generate")]
    Pending {
        /// The first that is pending.
        name: String,
    },
    /// The list of migrations was not found.
    #[error(
        "no `fn migrations()` with a `vec![…]` and no `mod m…;` to add to in `{}`: add both by hand",
        directory.display()
    )]
    NoMigrator {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("`{}` cannot be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The comparison with the database failed.
    #[error(transparent)]
    Database(#[from] Error),
}

impl GenerateError {
    /// An error of a file.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| GenerateError::Io { path, source }
    }
}

impl From<sea_orm::DbErr> for GenerateError {
    fn from(error: sea_orm::DbErr) -> Self {
        GenerateError::Database(error.into())
    }
}
