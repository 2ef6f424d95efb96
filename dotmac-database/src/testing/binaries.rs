//! Finds the folder that holds the PostgreSQL server's programs.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::TestingError;

/// Folders that hold one folder per installed version: parent, what stands before the version in
/// the name, and where the programs are below it.
const VERSIONED: [(&str, &str, &str); 4] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
];

/// Returns the folder of `initdb` and `postgres`: the one of `DOTMAC_PG_BIN`, or the first found
/// in PATH, in the distribution's folders (newest version first) and with `pg_config`.
///
/// # Errors
/// [`TestingError::WrongBinFolder`] when the variable is set to another folder, and
/// [`TestingError::ServerNotInstalled`] when no folder has both programs.
pub(super) fn find() -> Result<PathBuf, TestingError> {
    if let Some(folder) = env::var_os("DOTMAC_PG_BIN").map(PathBuf::from) {
        return if holds_server(&folder) {
            Ok(folder)
        } else {
            Err(TestingError::WrongBinFolder { folder })
        };
    }
    first_with_server(&candidates())
}

/// Returns the folder that holds `pg_basebackup` too: the same, or the one that its links lead to.
///
/// # Errors
/// Those of [`find`], and [`TestingError::NoBaseBackup`] where neither has it.
pub(super) fn find_with_base_backup() -> Result<PathBuf, TestingError> {
    const PROGRAM: &str = "pg_basebackup";
    let folder = find()?;
    let real = fs::canonicalize(folder.join("postgres")).ok();
    let real = real.and_then(|program| program.parent().map(Path::to_owned));
    let folders = [Some(folder.clone()), real];
    let mut complete = folders.into_iter().flatten();
    complete
        .find(|it| is_program(&it.join(PROGRAM)) && holds_server(it))
        .ok_or(TestingError::NoBaseBackup { folder })
}

fn first_with_server(candidates: &[PathBuf]) -> Result<PathBuf, TestingError> {
    match candidates.iter().find(|folder| holds_server(folder)) {
        Some(folder) => Ok(folder.clone()),
        None => Err(TestingError::ServerNotInstalled {
            searched: list(candidates),
        }),
    }
}

fn candidates() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path)
        // An empty or relative entry would mean another folder to the server's own process.
        .filter(|folder| folder.is_absolute())
        .collect();
    for (parent, prefix, below) in VERSIONED {
        let versions = newest_first(names_in(Path::new(parent)), prefix);
        let folder = |name: String| Path::new(parent).join(name).join(below);
        folders.extend(versions.into_iter().map(folder));
    }
    folders.extend(folder_by_pg_config());
    folders
}

fn folder_by_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| folder.trim_end().into())
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// Keeps the names that are `prefix` and a version, and sorts them by number: 15 before 9.6.
fn newest_first(names: Vec<String>, prefix: &str) -> Vec<String> {
    let version = |name: &String| -> Option<Vec<u32>> {
        let numbers = name.strip_prefix(prefix)?.split('.');
        numbers.map(|number| number.parse().ok()).collect()
    };
    let mut versions: Vec<(Vec<u32>, String)> = names
        .into_iter()
        .filter_map(|name| Some((version(&name)?, name)))
        .collect();
    versions.sort_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, name)| name).collect()
}

fn holds_server(folder: &Path) -> bool {
    is_program(&folder.join("initdb")) && is_program(&folder.join("postgres"))
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn list(folders: &[PathBuf]) -> String {
    let names: Vec<String> = folders.iter().map(|it| it.display().to_string()).collect();
    // What stands nowhere yet is worth naming too: it is where the package would put it.
    [names.as_slice(), &["/usr/lib/postgresql/*/bin".into()]]
        .concat()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_version_comes_first() {
        let names = ["9.6", "15", "common", "17", "10"].map(String::from);
        assert_eq!(newest_first(names.into(), ""), ["17", "15", "10", "9.6"]);
        let names = ["postgresql@16", "postgresql@17", "redis"].map(String::from);
        let sorted = newest_first(names.into(), "postgresql@");
        assert_eq!(sorted, ["postgresql@17", "postgresql@16"]);
    }

    #[test]
    fn folder_without_both_programs_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let add = |name: &str, mode: u32| {
            let file = folder.path().join(name);
            fs::write(&file, "").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        };
        add("initdb", 0o755);
        assert!(!holds_server(folder.path()));
        add("postgres", 0o644);
        assert!(!holds_server(folder.path()));
        add("postgres", 0o755);
        assert!(holds_server(folder.path()));
    }

    #[test]
    fn missing_server_names_the_package() {
        let error = first_with_server(&["/nowhere".into()]).unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("/nowhere, /usr/lib/postgresql/*/bin"),
            "{message}"
        );
        assert!(message.contains("apt-get install postgresql"), "{message}");
    }
}
