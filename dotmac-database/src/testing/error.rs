//! What can keep a throwaway server from starting, each with its remedy.

use std::io;
use std::path::PathBuf;

/// The reason why [`ThrowawayPostgres`](super::ThrowawayPostgres) could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestingError {
    /// The machine has no PostgreSQL server where one is usually installed.
    #[error(
        "found no PostgreSQL server (initdb and postgres in one folder) in {searched}: install it \
         (Debian, Ubuntu: `apt-get install postgresql`; macOS: `brew install postgresql`), \
         or name its folder in DOTMAC_PG_BIN"
    )]
    ServerNotInstalled {
        /// The folders that were searched, separated by commas.
        searched: String,
    },

    /// The variable `DOTMAC_PG_BIN` names a folder without the server's programs.
    #[error(
        "DOTMAC_PG_BIN is {}, where initdb and postgres are not both to be found: \
         name the folder that holds them, or unset the variable", folder.display()
    )]
    WrongBinFolder {
        /// What the variable says.
        folder: PathBuf,
    },

    /// The server is installed without `pg_basebackup`, which copies it for a replica.
    #[error(
        "{} has no pg_basebackup beside postgres, which a replica is copied with: \
         install PostgreSQL's client programs of the same version", folder.display()
    )]
    NoBaseBackup {
        /// The folder of the server's programs.
        folder: PathBuf,
    },

    /// The process runs as root, and there is no other account to run the server under.
    #[error(
        "PostgreSQL refuses to run as root, and /etc/passwd has neither an account `postgres` nor \
         `nobody` to run it under: add one, or run the tests as an ordinary user"
    )]
    NoAccount,

    /// A setting given to `start_with` is not one that can be set there.
    #[error("cannot start PostgreSQL with the setting `{name}`: {remedy}")]
    Setting {
        /// The setting's name as given.
        name: String,
        /// What to do instead.
        remedy: &'static str,
    },

    /// Another program took the chosen port first, each time.
    #[error(
        "port {port} of 127.0.0.1 was taken by another program before PostgreSQL could bind it, \
         as were the ports tried before: start fewer servers at once"
    )]
    PortTaken {
        /// The port that was tried last.
        port: u16,
    },

    /// The server, or the making of its data folder, ended by itself.
    #[error("PostgreSQL ended instead of starting; correct what its log names:\n{log}")]
    ServerEnded {
        /// The end of the server's log.
        log: String,
    },

    /// The server was not ready in time.
    #[error("PostgreSQL was not ready after {seconds} s; the end of its log:\n{log}")]
    NotReady {
        /// How long was waited, in seconds.
        seconds: u64,
        /// The end of the server's log.
        log: String,
    },

    /// The operating system refused something that the server needs.
    #[error("could not {action}")]
    Io {
        /// What was being done, with the file's name.
        action: String,
        /// What the operating system said.
        source: io::Error,
    },
}

impl TestingError {
    /// Returns a function for `map_err` that says what was being done.
    pub(super) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            action: action.into(),
            source,
        }
    }
}
