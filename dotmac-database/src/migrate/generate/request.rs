//! The request for a migration, and what came of it.

use std::any::type_name;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::Utc;
use sea_orm::DatabaseConnection;
use sea_orm_migration::{MigratorTrait, SchemaManager};

use super::error::GenerateError;
use super::plan::Plan;
use super::{register, source};
use crate::migrate::comparison::{Comparison, compare};

/// A migration to write.
#[derive(Debug, Clone)]
pub struct Generate {
    name: String,
    directory: PathBuf,
    comparison: Option<Comparison>,
    drop: bool,
}

/// What [`generate`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The migration's file; none where nothing differs.
    pub file: Option<PathBuf>,
    /// What the migration does not do, or not without a decision: one sentence each. They stand in
    /// the file as comments.
    pub undecided: Vec<String>,
}

impl Generate {
    /// An empty migration of this name, in the crate whose folder is `directory` (or in a folder
    /// with the migrations and their `mod.rs`).
    pub fn new(name: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        Generate {
            name: name.into(),
            directory: directory.into(),
            comparison: None,
            drop: false,
        }
    }

    /// A migration that brings the database to the entities of the comparison.
    pub fn difference(mut self, comparison: Comparison) -> Self {
        self.comparison = Some(comparison);
        self
    }

    /// Whether the migration drops columns, indexes and foreign keys that are in the database only.
    /// Without it, they are told and left.
    pub fn drop(mut self, drop: bool) -> Self {
        self.drop = drop;
        self
    }
}

/// Writes `m<date>_<time>_<name>.rs`, and adds it to the migrator `M` in the same folder: a `mod`
/// line to `lib.rs` or `mod.rs`, a line to the `vec![…]` of `fn migrations()` there or in
/// `migrator.rs`. The time is UTC.
///
/// A table that does not exist is made by [`install`](crate::migrate::install), or
/// [`install_shared`](crate::migrate::install_shared) where the entity belongs to no tenant; review the
/// latter: every tenant reads such a table. A table that exists is altered. What cannot be done without
/// a human (types, renames, what goes into a new column that must not be NULL) is in
/// [`Generated::undecided`]. Where nothing differs, nothing is written.
///
/// The database is one to which all migrations have been applied, as a developer's.
///
/// # Errors
/// [`GenerateError`]; nothing was written then, except where a file could not be written.
pub async fn generate<M: MigratorTrait>(
    request: &Generate,
    db: &DatabaseConnection,
) -> Result<Generated, GenerateError> {
    let module = module(&request.name)?;
    let plan = match &request.comparison {
        None => Plan::default(),
        Some(comparison) => {
            if let Some(pending) = M::get_pending_migrations_read_only(db).await?.first() {
                let name = pending.name().to_owned();
                return Err(GenerateError::Pending { name });
            }
            let manager = SchemaManager::new(db);
            let compared = compare(comparison, &manager).await?;
            let crate_name = type_name::<M>().split("::").next().unwrap_or_default();
            let plan = Plan::of(&compared, crate_name, request.drop);
            if plan.is_empty() {
                return Ok(Generated {
                    file: None,
                    undecided: Vec::new(),
                });
            }
            plan
        }
    };
    let folder = folder(&request.directory);
    let registrations = register::edits(&folder, &module)?;
    let file = folder.join(format!("{module}.rs"));
    create(&file, &source::text(&plan))?;
    for edit in registrations {
        fs::write(&edit.path, edit.text).map_err(GenerateError::io(&edit.path))?;
    }
    Ok(Generated {
        file: Some(file),
        undecided: plan.undecided().map(str::to_owned).collect(),
    })
}

fn module(name: &str) -> Result<String, GenerateError> {
    let slug = name.trim().replace(' ', "_");
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if slug.is_empty() || !slug.chars().all(valid) {
        let name = name.to_owned();
        return Err(GenerateError::InvalidName { name });
    }
    Ok(format!("m{}_{slug}", Utc::now().format("%Y%m%d_%H%M%S")))
}

fn folder(directory: &Path) -> PathBuf {
    let sources = directory.join("src");
    if sources.is_dir() {
        sources
    } else {
        directory.to_owned()
    }
}

fn create(path: &Path, text: &str) -> Result<(), GenerateError> {
    File::create_new(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(GenerateError::io(path))
}
