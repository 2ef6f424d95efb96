//! The process of a throwaway server, and the `sh` that ends it whatever happens to its owner.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::account::Home;
use super::error::TestingError;

/// How long the server may take to become ready, or to stop.
const DEADLINE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const LOG_TAIL_BYTES: u64 = 4096;

/// What may stand in a user's name, password or database within a URL (RFC 3986, unreserved).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The shell script that starts the server and, once its owner lets go of the pipe, stops it and
/// removes the folder. `$1` is the programs' folder, `$2` the server's own; `prepare` is defined
/// before it. The pipe carries the commands `start`, `stop` and `kill`.
///
/// It is a process of its own because nothing inside a process sees its SIGKILL: the kernel closes
/// the pipe then, as it does at every other end.
const GUARDIAN: &str = r#"
# The pipe alone says when to stop: a closed terminal or a shutdown ends the owner too.
trap '' HUP INT TERM
exec 3<&0 </dev/null >>server.log 2>&1
start() {
    rm -f ended
    # The last file tells the owner, who may still want to read the log.
    { "$1/postgres" -D "$2/data" 3<&-; rm -f data/postmaster.pid; : >ended; } &
}
# Background jobs start with SIGQUIT ignored; a server with a pid file listens to it.
end_by() {
    until [ -e ended ] || [ -s data/postmaster.pid ]; do sleep 0.1; done
    # A server that ended by itself: its number may be another process by now.
    [ -e ended ] || kill "-$1" "$(head -n 1 data/postmaster.pid)"
    wait
}
if prepare "$@" && cat settings.conf >>data/postgresql.conf; then
    start "$@"
    while read -r command <&3; do
        case $command in
            start) start "$@" ;;
            stop) end_by QUIT ;;
            kill) end_by KILL ;;
        esac
    done
    end_by QUIT
else
    : >ended
    while read -r command <&3; do :; done
fi
cd / && rm -rf "$2"
"#;

/// A server; its processes and files are gone when the value is.
pub(super) struct Server {
    guardian: Child,
    port: u16,
    data_dir: PathBuf,
    home: Home,
}

impl Server {
    /// Runs `prepare`, a shell function that makes the data folder, and starts the server in it.
    pub(super) fn launch(
        programs: &Path,
        home: Home,
        port: u16,
        prepare: &str,
    ) -> Result<Self, TestingError> {
        let guardian = spawn_guardian(programs, &home, prepare)
            .map_err(TestingError::io("run the server's guardian by /bin/sh"))?;
        let data_dir = home.path().join("data");
        Ok(Self {
            guardian,
            port,
            data_dir,
            home,
        })
    }

    pub(super) fn until_ready(&mut self) -> Result<(), TestingError> {
        let deadline = Instant::now() + DEADLINE;
        while !self.is_ready() {
            if self.has_ended() {
                return Err(self.why_ended());
            }
            self.check_deadline(deadline)?;
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Stops the server without warning; its files stay.
    pub(super) fn stop(&mut self) -> Result<(), TestingError> {
        self.end_by("stop")
    }

    /// Kills the server (SIGKILL); its files stay, as a crash leaves them.
    pub(super) fn kill(&mut self) -> Result<(), TestingError> {
        self.end_by("kill")
    }

    fn end_by(&mut self, command: &str) -> Result<(), TestingError> {
        self.command(command)?;
        let deadline = Instant::now() + DEADLINE;
        while !self.has_ended() {
            self.check_deadline(deadline)?;
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Starts the server again, in the files that it had.
    pub(super) fn start(&mut self) -> Result<(), TestingError> {
        // The guardian removes it too, and later than the first look at it.
        let ended = self.home.path().join("ended");
        fs::remove_file(ended).map_err(TestingError::io("start a server that is not stopped"))?;
        self.command("start")?;
        self.until_ready()
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub(super) fn log_tail(&self) -> String {
        tail(&self.home.path().join("server.log")).unwrap_or_default()
    }

    fn command(&mut self, command: &str) -> Result<(), TestingError> {
        let Some(pipe) = &mut self.guardian.stdin else {
            return Ok(());
        };
        writeln!(pipe, "{command}").map_err(TestingError::io("speak to the server's guardian"))
    }

    fn check_deadline(&self, deadline: Instant) -> Result<(), TestingError> {
        if Instant::now() < deadline {
            return Ok(());
        }
        Err(TestingError::NotReady {
            seconds: DEADLINE.as_secs(),
            log: self.log_tail(),
        })
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

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        // An error means that somebody else has ended the guardian: there is none to wait for.
        let _ = self.guardian.wait();
    }
}

/// Starts a server, on another port where a program takes the chosen one first.
pub(super) fn with_free_port(
    launch: impl Fn(u16) -> Result<Server, TestingError>,
) -> Result<Server, TestingError> {
    const ATTEMPTS: u32 = 5;
    let mut attempt = 1;
    loop {
        let port = free_port().map_err(TestingError::io("find a free port on 127.0.0.1"))?;
        let mut server = launch(port)?;
        match server.until_ready() {
            Ok(()) => return Ok(server),
            Err(TestingError::PortTaken { .. }) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn url(port: u16, user: &str, password: &str, database: &str) -> String {
    let [user, password, database] =
        [user, password, database].map(|part| utf8_percent_encode(part, ENCODED));
    format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}")
}

fn spawn_guardian(programs: &Path, home: &Home, prepare: &str) -> io::Result<Child> {
    let script = format!("prepare() {{\n{prepare}\n}}\n{GUARDIAN}");
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", &script, "dotmac-guardian"])
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
