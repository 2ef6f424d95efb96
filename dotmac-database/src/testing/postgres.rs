//! A PostgreSQL server of a test run's own, gone with the process that started it.

use std::fmt;
use std::path::Path;

use uuid::Uuid;

use super::account::Home;
use super::error::TestingError;
use super::replica::ThrowawayReplica;
use super::server::{self, Server};
use super::{binaries, setting};

/// The shell commands that make the data folder of a server of its own.
const PREPARE: &str = r#"
"$1/initdb" -D "$2/data" --username=postgres --pwfile=password --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C --no-sync >/dev/null && rm password
"#;

/// A PostgreSQL server with an empty cluster on a free port of 127.0.0.1, for tests.
///
/// It needs the server's programs on the machine, and no running server, no container and no
/// rights: it looks in the folder that `DOTMAC_PG_BIN` names, or else in PATH, in
/// `/usr/lib/postgresql/*/bin` (newest first), in Homebrew's folders and where `pg_config` says.
/// Root may use it too; the server then runs as `postgres` or `nobody`.
///
/// Starting takes about a second, so a test binary starts one, keeps it in a static, and gives
/// each test a database of its own.
///
/// The server trades durability for speed (`fsync`, `synchronous_commit` and `full_page_writes`
/// are off); it encodes in UTF-8, sorts by the C locale, takes 200 connections and asks for
/// passwords (SCRAM). It has no Unix socket.
///
/// # Examples
/// ```no_run
/// use std::sync::LazyLock;
/// use dotmac_database::testing::ThrowawayPostgres;
///
/// static SERVER: LazyLock<ThrowawayPostgres> =
///     LazyLock::new(|| ThrowawayPostgres::start().unwrap_or_else(|error| panic!("{error}")));
///
/// let url = SERVER.superuser_url();
/// ```
///
/// # Guarantees
/// When `drop` returns, the server's processes and files are gone. When the process ends in any
/// other way (SIGKILL, `exit` with the value in a static), they are gone moments later: a small
/// `sh` process, which Ctrl-C does not reach, waits for that. Not guaranteed is the end of a server
/// whose `sh` was killed itself, nor the removal of files when the whole machine stops.
pub struct ThrowawayPostgres {
    server: Server,
    password: String,
}

impl ThrowawayPostgres {
    /// Starts a server and waits until it takes connections.
    ///
    /// Blocks the thread for about a second; asynchronous code calls it by
    /// `tokio::task::spawn_blocking`. Dropping the value blocks too, for some hundredths of one.
    ///
    /// # Errors
    /// [`TestingError`]: the programs are missing, root has no account to run them under, or the
    /// server ended or was not ready within 30 s (both with the end of its log).
    pub fn start() -> Result<Self, TestingError> {
        Self::start_with(&[])
    }

    /// Starts a server with more settings of `postgresql.conf`, such as `("wal_level", "logical")`.
    ///
    /// A setting given here wins over the defaults of [`ThrowawayPostgres`]; values are quoted.
    /// Blocks as [`start`](Self::start) does.
    ///
    /// # Errors
    /// Those of [`start`](Self::start), and [`TestingError::Setting`] for what is not a setting's
    /// name or is chosen by this type, as the port is. PostgreSQL refuses unknown settings and bad
    /// values; then it is [`TestingError::ServerEnded`].
    pub fn start_with(settings: &[(&str, &str)]) -> Result<Self, TestingError> {
        let programs = binaries::find()?;
        let settings = setting::render(settings)?;
        let password = Uuid::new_v4().simple().to_string();
        let server = server::with_free_port(|port| {
            let home = Home::make()?;
            home.write("password", &password)?;
            home.write("settings.conf", &format!("{settings}port = {port}\n"))?;
            Server::launch(&programs, home, port, PREPARE)
        })?;
        Ok(Self { server, password })
    }

    /// Starts a streaming replica of this server: a hot standby, with the same roles and passwords.
    ///
    /// Blocks as [`start`](Self::start) does, and for as long as it takes to copy the cluster.
    ///
    /// # Errors
    /// Those of [`start`](Self::start).
    pub fn replica(&self) -> Result<ThrowawayReplica, TestingError> {
        ThrowawayReplica::of(self)
    }

    /// Kills the server (SIGKILL), as a crash would: connections break, and new ones are refused.
    ///
    /// What was committed survives [`restart`](Self::restart) only with the setting
    /// `synchronous_commit = on`.
    ///
    /// # Errors
    /// [`TestingError::NotReady`] where it has not ended within 30 s.
    pub fn kill(&mut self) -> Result<(), TestingError> {
        self.server.kill()
    }

    /// Starts the killed server again on the same port, and waits until it takes connections.
    ///
    /// # Errors
    /// Those of [`start`](Self::start), for instance while a process of the killed server still ends;
    /// [`TestingError::Io`] where it was not killed.
    pub fn restart(&mut self) -> Result<(), TestingError> {
        self.server.start()
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns the random password of the superuser `postgres`.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Returns the URL of the database `postgres` for the superuser, with the password.
    pub fn superuser_url(&self) -> String {
        self.url("postgres", &self.password, "postgres")
    }

    /// Returns the URL of a database for a user, every part percent-encoded.
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        server::url(self.port(), user, password, database)
    }

    /// Returns the cluster's folder (`PGDATA`).
    pub fn data_dir(&self) -> &Path {
        self.server.data_dir()
    }

    /// Returns the last lines of the server's log, 4 KiB at most; empty when it cannot be read.
    pub fn log_tail(&self) -> String {
        self.server.log_tail()
    }
}

/// Shows where the server is, and not the password.
impl fmt::Debug for ThrowawayPostgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrowawayPostgres")
            .field("port", &self.port())
            .field("data_dir", &self.data_dir())
            .finish_non_exhaustive()
    }
}
