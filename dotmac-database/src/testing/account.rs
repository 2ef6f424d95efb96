//! Whose account the server runs under, and the folder in which that account keeps its files.

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::error::TestingError;

/// A temporary folder, and the account that owns it where that is not the process's own.
pub(super) struct Home {
    folder: TempDir,
    account: Option<Account>,
}

impl Home {
    /// Makes the folder; for root it is handed over to `postgres` or `nobody`, because PostgreSQL
    /// refuses to run as root.
    ///
    /// # Errors
    /// [`TestingError::Io`], and [`TestingError::NoAccount`] when root has nobody to hand over to.
    pub(super) fn make() -> Result<Self, TestingError> {
        let parent = env::temp_dir();
        let folder = make_folder(&parent)?;
        if !is_owned_by_root(folder.path())? {
            let account = None;
            return Ok(Self { folder, account });
        }
        // The other account has to reach its folder, and to remove it at the end.
        let folder = if is_open_to_all(&parent) {
            folder
        } else {
            make_folder(Path::new("/tmp"))?
        };
        let passwd = fs::read_to_string("/etc/passwd")
            .map_err(TestingError::io("read the accounts in /etc/passwd"))?;
        let account = Account::find(&passwd).ok_or(TestingError::NoAccount)?;
        account.own(folder.path())?;
        let account = Some(account);
        Ok(Self { folder, account })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file that the account can read.
    ///
    /// # Errors
    /// [`TestingError::Io`].
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), TestingError> {
        let file = self.path().join(name);
        let action = format!("write {}", file.display());
        fs::write(&file, text).map_err(TestingError::io(action))?;
        self.account.map_or(Ok(()), |account| account.own(&file))
    }

    /// Makes the command run in the folder, under its owner's account.
    pub(super) fn run_here(&self, command: &mut Command) {
        command.current_dir(self.path());
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    fn find(passwd: &str) -> Option<Self> {
        let named = |name| {
            let mut lines = passwd.lines();
            lines.find_map(|line| Self::parse(line, name))
        };
        named("postgres").or_else(|| named("nobody"))
    }

    fn parse(line: &str, name: &str) -> Option<Self> {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        (uid != 0).then_some(Self { uid, gid })
    }

    fn own(self, path: &Path) -> Result<(), TestingError> {
        let action = format!("hand {} over to user {}", path.display(), self.uid);
        chown(path, Some(self.uid), Some(self.gid)).map_err(TestingError::io(action))
    }
}

fn make_folder(parent: &Path) -> Result<TempDir, TestingError> {
    let action = format!("make a folder in {}", parent.display());
    tempfile::Builder::new()
        .prefix("dotmac-pg-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(absolute(parent))
        .map_err(TestingError::io(action))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

/// Whose folders a process makes tells who it is, which the standard library does not.
fn is_owned_by_root(folder: &Path) -> Result<bool, TestingError> {
    let action = format!("look at {}", folder.display());
    let metadata = fs::metadata(folder).map_err(TestingError::io(action))?;
    Ok(metadata.uid() == 0)
}

/// Says whether any account can come to the folder, and make and remove files in it.
fn is_open_to_all(folder: &Path) -> bool {
    let allows = |path: &Path, bits| {
        fs::metadata(path).is_ok_and(|found| found.permissions().mode() & bits == bits)
    };
    allows(folder, 0o003) && absolute(folder).ancestors().all(|it| allows(it, 0o001))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: &str = "nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin";

    #[test]
    fn server_account_is_postgres_before_nobody() {
        let passwd =
            format!("root:x:0:0:root:/root:/bin/sh\n{NOBODY}\npostgres:x:101:104:,,,:/:/bin/sh\n");
        let postgres = Account { uid: 101, gid: 104 };
        assert_eq!(Account::find(&passwd), Some(postgres));
        let nobody = Account {
            uid: 65534,
            gid: 65533,
        };
        assert_eq!(Account::find(NOBODY), Some(nobody));
    }

    #[test]
    fn root_is_no_server_account() {
        assert_eq!(Account::find("root:x:0:0:root:/root:/bin/sh\n"), None);
        assert_eq!(Account::find("postgres:x:0:0::/:/bin/sh\nnobody:x"), None);
    }

    #[test]
    fn private_folder_is_not_open_to_all() {
        let folder = make_folder(&env::temp_dir()).unwrap();
        assert!(!is_open_to_all(folder.path()));
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(!is_open_to_all(&inner));
    }
}
