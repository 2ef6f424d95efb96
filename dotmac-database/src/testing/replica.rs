//! A streaming replica of a throwaway server.

use std::fmt;
use std::path::Path;

use super::account::Home;
use super::error::TestingError;
use super::postgres::ThrowawayPostgres;
use super::server::{self, Server};
use super::{binaries, setting};

/// The shell commands that copy the primary's cluster; the password stays off the command line.
const PREPARE: &str = r#"
PGPASSWORD=$(cat password) "$1/pg_basebackup" -D "$2/data" -h 127.0.0.1 -p "$(cat primary)" \
    -U postgres --checkpoint=fast --wal-method=stream --no-sync &&
    rm password && : >data/standby.signal
"#;

/// A streaming replica of a [`ThrowawayPostgres`], on a port of its own.
///
/// It can be stopped and started again, to see what a program does when it loses one. It has the
/// primary's settings, and the same guarantees about what is left behind: nothing.
///
/// # Examples
/// ```no_run
/// use dotmac_database::testing::ThrowawayPostgres;
///
/// # fn main() -> Result<(), dotmac_database::testing::TestingError> {
/// let primary = ThrowawayPostgres::start()?;
/// let mut replica = primary.replica()?;
/// let url = replica.url("app", "secret", "shop");
/// replica.stop()?;
/// replica.start()?;
/// # Ok(()) }
/// ```
pub struct ThrowawayReplica {
    server: Server,
}

impl ThrowawayReplica {
    pub(super) fn of(primary: &ThrowawayPostgres) -> Result<Self, TestingError> {
        let programs = binaries::find_with_base_backup()?;
        let server = server::with_free_port(|port| {
            let home = Home::make()?;
            home.write("password", primary.password())?;
            home.write("primary", &primary.port().to_string())?;
            let conninfo = format!(
                "host=127.0.0.1 port={} user=postgres password={}",
                primary.port(),
                primary.password()
            );
            let settings = format!(
                "port = {port}\nhot_standby = on\nprimary_conninfo = {}\n",
                setting::quote(&conninfo)
            );
            home.write("settings.conf", &settings)?;
            Server::launch(&programs, home, port, PREPARE)
        })?;
        Ok(Self { server })
    }

    /// Returns the port on 127.0.0.1, which stays the same.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// Returns the URL of a database for a user of the primary, every part percent-encoded.
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        server::url(self.port(), user, password, database)
    }

    /// Stops it without warning: connections break, and new ones are refused.
    ///
    /// # Errors
    /// [`TestingError::NotReady`] where it has not ended within 30 s.
    pub fn stop(&mut self) -> Result<(), TestingError> {
        self.server.stop()
    }

    /// Starts it again, and waits until it takes connections.
    ///
    /// # Errors
    /// Those of [`ThrowawayPostgres::start`]; [`TestingError::Io`] where it is not stopped.
    pub fn start(&mut self) -> Result<(), TestingError> {
        self.server.start()
    }

    /// Returns the cluster's folder (`PGDATA`).
    pub fn data_dir(&self) -> &Path {
        self.server.data_dir()
    }

    /// Returns the last lines of its log, 4 KiB at most; empty when it cannot be read.
    pub fn log_tail(&self) -> String {
        self.server.log_tail()
    }
}

impl fmt::Debug for ThrowawayReplica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrowawayReplica")
            .field("port", &self.port())
            .field("data_dir", &self.data_dir())
            .finish_non_exhaustive()
    }
}
