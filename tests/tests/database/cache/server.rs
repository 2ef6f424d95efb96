//! A throwaway Redis: a process of the test's own, gone with the value or with the process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dotmac_database::cache::{CacheClient, CacheClientOptions};
use dotmac_database::{RedisConfig, RedisOptions};

const DEADLINE: Duration = Duration::from_secs(40);

/// The shell that ends the server once its owner lets go of the pipe, however that happens.
const GUARDIAN: &str = r#"
d=$1; shift
start() { redis-server "$@" --dir "$d" >"$d/log" 2>&1 & pid=$!; }
start "$@"
while read -r command; do
    case $command in
        start) start "$@" ;;
        kill) kill -KILL $pid; wait $pid ;;
        stop) kill -STOP $pid ;;
        go) kill -CONT $pid ;;
    esac
    echo done
done
kill -CONT $pid; kill -KILL $pid; wait $pid; rm -rf "$d"
"#;

/// A Redis without persistence.
pub struct ThrowawayRedis {
    guardian: Child,
    port: u16,
}

impl ThrowawayRedis {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more settings, as arguments of `redis-server`.
    pub fn start_with(settings: &[&str]) -> Self {
        Self::start_at(free_port(), settings)
    }

    /// On this port.
    pub fn start_at(port: u16, settings: &[&str]) -> Self {
        let memory_only = ["--save", "", "--appendonly", "no"];
        Self::launch(port, &folder(), &[&memory_only, settings].concat())
    }

    /// A Sentinel that alone decides over the master of this name on this port.
    pub fn start_sentinel(name: &str, master: &str) -> Self {
        let folder = folder();
        let file = folder.join("sentinel.conf");
        let settings = format!(
            "sentinel monitor {name} 127.0.0.1 {master} 1\nsentinel down-after-milliseconds {name} 500\n\
             sentinel failover-timeout {name} 2000\n",
        );
        std::fs::write(&file, settings).expect("writes");
        let file = file.to_string_lossy();
        Self::launch(free_port(), &folder, &[&file, "--sentinel"])
    }

    fn launch(port: u16, folder: &Path, arguments: &[&str]) -> Self {
        let guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "guardian"])
            .arg(folder)
            .args(arguments)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It tells of each server that is killed.
            .stderr(Stdio::null())
            .spawn()
            .expect("sh");
        let server = ThrowawayRedis { guardian, port };
        server.until_ready();
        server
    }

    /// What it says of itself.
    pub fn info(&self, section: &str) -> String {
        self.ask_for(&format!("INFO {section}"))
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn config(&self) -> RedisConfig {
        RedisConfig::new(&format!("redis://127.0.0.1:{}", self.port)).expect("valid")
    }

    /// A client of its own, as another process has one, once it hears the others.
    pub async fn client(&self) -> CacheClient {
        self.client_with(patient()).await
    }

    pub async fn client_with(&self, options: impl Into<CacheClientOptions>) -> CacheClient {
        connected(&self.config(), options).await
    }

    /// Kills it, and what it has.
    pub fn kill(&mut self) {
        self.command("kill");
    }

    /// Starts it again, empty.
    pub fn restart(&mut self) {
        self.command("start");
        self.until_ready();
    }

    /// Lets it hang (SIGSTOP): connections stay open, and nothing is answered.
    pub fn hang(&mut self) {
        self.command("stop");
    }

    /// Lets it go on.
    pub fn go_on(&mut self) {
        self.command("go");
    }

    /// Asks it something in the inline form of its protocol, and gives the first line of the answer.
    pub fn ask(&self, command: &str) -> String {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("connects");
        let mut reader = BufReader::new(stream);
        writeln!(reader.get_mut(), "{command}\r").expect("writes");
        let mut line = String::new();
        reader.read_line(&mut line).expect("reads");
        line.trim_end().to_owned()
    }

    /// The same, and gives all lines that come at once.
    pub fn lines(&self, command: &str) -> Vec<String> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("connects");
        let mut reader = BufReader::new(stream);
        write!(reader.get_mut(), "{command}\r\nQUIT\r\n").expect("writes");
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("reads");
        text.lines().map(str::to_owned).collect()
    }

    /// The text that it answers to the same.
    pub fn ask_for(&self, command: &str) -> String {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("connects");
        let mut reader = BufReader::new(stream);
        write!(reader.get_mut(), "{command}\r\n").expect("writes");
        text(&mut reader)
    }

    fn command(&mut self, command: &str) {
        let pipe = self.guardian.stdin.as_mut().expect("open");
        writeln!(pipe, "{command}").expect("writes");
        let out = self.guardian.stdout.as_mut().expect("open");
        // One answer at a time is written, so that nothing is lost with the reader.
        let mut line = String::new();
        BufReader::with_capacity(1, out)
            .read_line(&mut line)
            .expect("reads");
        assert_eq!(line, "done\n");
    }

    fn until_ready(&self) {
        let until = Instant::now() + DEADLINE;
        loop {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
            if stream.is_ok() && self.ask("PING") == "+PONG" {
                return;
            }
            assert!(
                Instant::now() < until,
                "redis-server is not ready: is it installed?"
            );
            std::thread::yield_now();
        }
    }
}

impl Drop for ThrowawayRedis {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        let _ = self.guardian.wait();
    }
}

/// An answer that is a text.
fn text(reader: &mut impl BufRead) -> String {
    let mut length = String::new();
    reader.read_line(&mut length).expect("reads");
    let length = length.strip_prefix('$').expect("a text").trim_end();
    let mut text = vec![0; length.parse().expect("a length")];
    reader.read_exact(&mut text).expect("reads");
    String::from_utf8(text).expect("text")
}

fn folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("dotmac-redis-").tempdir();
    folder.expect("a folder").keep()
}

/// A client for a URL, once it hears the others.
pub async fn client_of(url: &str) -> CacheClient {
    let config = RedisConfig::new(url).expect("valid");
    connected(&config, patient()).await
}

/// A client with settings, once it hears the others.
pub async fn connected(
    config: &RedisConfig,
    options: impl Into<CacheClientOptions>,
) -> CacheClient {
    let client = CacheClient::connect_with(config, options).expect("connects");
    until_connected(&client).await;
    client
}

/// Waits until a client hears the others, and is answered.
async fn until_connected(client: &CacheClient) {
    until(|| client.is_coherent()).await;
    let until = Instant::now() + DEADLINE;
    while !client.answers().await {
        assert!(Instant::now() < until, "Redis does not answer");
        tokio::task::yield_now().await;
    }
}

/// A busy machine takes longer to answer than a server that is worth waiting for.
pub fn patient() -> RedisOptions {
    let mut options = RedisOptions::default();
    options.timeout = Duration::from_secs(5);
    options.connect_timeout = Duration::from_secs(5);
    options
}

/// Waits until something holds, for some seconds at most.
pub async fn until(mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < until, "it does not come true");
        tokio::task::yield_now().await;
    }
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("bound").port()
}
