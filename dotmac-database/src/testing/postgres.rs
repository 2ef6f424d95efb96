//! A PostgreSQL server of a test run's own, gone with the process that started it.

use std::fmt;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::account::Home;
use super::binaries;
use super::error::TestingError;

/// How long the server may take to become ready.
const START_DEADLINE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const PORT_ATTEMPTS: u32 = 5;
const LOG_TAIL_BYTES: u64 = 4096;

/// What may stand in a user's name, password or database within a URL (RFC 3986, unreserved).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The shell script that starts the server and, once its owner lets go of the pipe, stops it and
/// removes the folder. `$1` is the programs' folder, `$2` the server's own.
///
/// It is a process of its own because nothing inside a process sees its SIGKILL: the kernel closes
/// the pipe then, as it does at every other end.
const GUARDIAN: &str = r#"
# The pipe alone says when to stop: a closed terminal or a shutdown ends the owner too.
trap '' HUP INT TERM
exec 3<&0 </dev/null >>server.log 2>&1
if "$1/initdb" -D "$2/data" --username=postgres --pwfile=password --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C --no-sync >/dev/null &&
    cat settings.conf >>data/postgresql.conf && rm password
then
    "$1/postgres" -D "$2/data" 3<&- &
    server=$!
    {
        read -r nothing <&3
        # Background jobs start with SIGQUIT ignored; a server with this file listens to it.
        until [ -s data/postmaster.pid ]; do sleep 0.1; done
        kill -QUIT "$server"
    } &
    watcher=$!
    wait "$server"
    # Or it would signal whichever process has the number by then.
    kill -KILL "$watcher" 2>/dev/null
fi
# The owner may still want to read the log.
: >ended
read -r nothing <&3
cd / && rm -rf "$2"
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
    guardian: Child,
    port: u16,
    password: String,
    data_dir: PathBuf,
    home: Home,
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
        let settings = render(settings)?;
        let mut attempt = 1;
        loop {
            // A program may take the port between the choice and the server's bind.
            match Self::launch(&programs, &settings)?.until_ready() {
                Err(TestingError::PortTaken { .. }) if attempt < PORT_ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    /// Returns the port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
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
        url(self.port, user, password, database)
    }

    /// Returns the cluster's folder (`PGDATA`).
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Returns the last lines of the server's log, 4 KiB at most; empty when it cannot be read.
    pub fn log_tail(&self) -> String {
        tail(&self.home.path().join("server.log")).unwrap_or_default()
    }

    fn launch(programs: &Path, settings: &str) -> Result<Self, TestingError> {
        let port = free_port().map_err(TestingError::io("find a free port on 127.0.0.1"))?;
        let password = Uuid::new_v4().simple().to_string();
        let home = Home::make()?;
        home.write("password", &password)?;
        home.write("settings.conf", &format!("{settings}port = {port}\n"))?;
        let guardian = spawn_guardian(programs, &home)
            .map_err(TestingError::io("run the server's guardian by /bin/sh"))?;
        Ok(Self {
            guardian,
            port,
            password,
            data_dir: home.path().join("data"),
            home,
        })
    }

    fn until_ready(mut self) -> Result<Self, TestingError> {
        let deadline = Instant::now() + START_DEADLINE;
        while !self.is_ready() {
            if self.has_ended() {
                return Err(self.why_ended());
            }
            if Instant::now() >= deadline {
                let seconds = START_DEADLINE.as_secs();
                let log = self.log_tail();
                return Err(TestingError::NotReady { seconds, log });
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(self)
    }

    /// The server writes its state into the eighth line of this file (PostgreSQL 10 and later).
    fn is_ready(&self) -> bool {
        let file = self.data_dir.join("postmaster.pid");
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().nth(7).is_some_and(|it| it.trim() == "ready")
    }

    fn has_ended(&mut self) -> bool {
        self.home.path().join("ended").exists() || !matches!(self.guardian.try_wait(), Ok(None))
    }

    fn why_ended(&self) -> TestingError {
        let log = self.log_tail();
        if log.contains("could not bind") {
            TestingError::PortTaken { port: self.port }
        } else {
            TestingError::ServerEnded { log }
        }
    }
}

impl Drop for ThrowawayPostgres {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        // An error means that somebody else has ended the guardian: there is none to wait for.
        let _ = self.guardian.wait();
    }
}

/// Shows where the server is, and not the password.
impl fmt::Debug for ThrowawayPostgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrowawayPostgres")
            .field("port", &self.port)
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}

fn spawn_guardian(programs: &Path, home: &Home) -> io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", GUARDIAN, "dotmac-guardian"])
        .args([programs, home.path()])
        // The server's messages are in English, whatever the machine speaks.
        .env("LC_ALL", "C")
        // The pipe's other end is close-on-exec, so that no child of this process keeps it open.
        .stdin(Stdio::piped())
        // Whoever reads the output of the test run must not wait for the guardian.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Out of reach of Ctrl-C.
        .process_group(0);
    home.run_here(&mut command);
    command.spawn()
}

fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Chosen for speed; whoever needs others gives them to `start_with`.
const DEFAULTS: [(&str, &str); 4] = [
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("max_connections", "200"),
];

/// What this type relies on.
const FIXED: [(&str, &str); 4] = [
    ("listen_addresses", "127.0.0.1"),
    // A socket's path is limited to about 100 bytes, and a temporary folder's may be longer.
    ("unix_socket_directories", ""),
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
];

/// Writes the lines of `postgresql.conf`; of a repeated setting the server takes the last.
fn render(settings: &[(&str, &str)]) -> Result<String, TestingError> {
    for (name, _) in settings {
        check(name).map_err(|remedy| TestingError::Setting {
            name: (*name).to_owned(),
            remedy,
        })?;
    }
    let all = DEFAULTS.iter().chain(settings).chain(&FIXED);
    let lines: Vec<String> = all
        .map(|(name, value)| format!("{name} = {}\n", quote(value)))
        .collect();
    Ok(lines.concat())
}

fn check(name: &str) -> Result<(), &'static str> {
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    let is_fixed = |fixed: &str| name.eq_ignore_ascii_case(fixed);
    if !is_name {
        Err("write its name as postgresql.conf does")
    } else if is_fixed("port") || FIXED.iter().any(|(fixed, _)| is_fixed(fixed)) {
        Err("leave it out, ThrowawayPostgres chooses it")
    } else {
        Ok(())
    }
}

/// Quotes a value as the server's `guc-file.l` reads it.
fn quote(value: &str) -> String {
    let inside = value
        .replace('\\', r"\\")
        .replace('\'', "''")
        .replace('\n', r"\n");
    format!("'{inside}'")
}

fn url(port: u16, user: &str, password: &str, database: &str) -> String {
    let [user, password, database] =
        [user, password, database].map(|part| utf8_percent_encode(part, ENCODED));
    format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}")
}

/// Reads the end of a file, from a line's beginning where the file is longer.
fn tail(file: &Path) -> io::Result<String> {
    let mut file = fs::File::open(file)?;
    let skipped = file.metadata()?.len().saturating_sub(LOG_TAIL_BYTES);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let whole_lines = match text.split_once('\n') {
        Some((_, rest)) if skipped > 0 => rest,
        _ => &text,
    };
    Ok(whole_lines.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_encodes_what_would_end_a_part() {
        assert_eq!(
            url(5433, "a@b", "p:/%ü", "x?y#z"),
            "postgres://a%40b:p%3A%2F%25%C3%BC@127.0.0.1:5433/x%3Fy%23z"
        );
        assert_eq!(
            url(1, "app_user", "a-b.c~d", "t1"),
            "postgres://app_user:a-b.c~d@127.0.0.1:1/t1"
        );
    }

    #[test]
    fn given_settings_win_over_defaults_and_are_quoted() {
        let lines = render(&[("fsync", "on"), ("app.motto", "it's\\\n")]).unwrap();
        assert!(lines.find("fsync = 'off'") < lines.find("fsync = 'on'"));
        assert!(lines.contains(r"app.motto = 'it''s\\\n'"), "{lines}");
    }

    #[test]
    fn chosen_setting_is_refused() {
        for name in ["port", "Listen_Addresses", "", "a = 1\nb", "include 'x'"] {
            let refused = render(&[(name, "1")]);
            assert!(
                matches!(refused, Err(TestingError::Setting { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn tail_begins_with_a_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("log");
        fs::write(&file, "one\ntwo\n").unwrap();
        assert_eq!(tail(&file).unwrap(), "one\ntwo\n");
        fs::write(&file, "0123456789\n".repeat(1000)).unwrap();
        let end = tail(&file).unwrap();
        assert!(end.starts_with("0123456789\n") && end.len() > 4000, "{end}");
    }
}
