//! A TCP proxy that makes a distance, and counts the round trips over it.
//!
//! It is a delay line: each chunk is forwarded a fixed time after it was read, however many others
//! are on their way. Threads and spinning, because the timers of tokio tick in milliseconds.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How much earlier than needed a thread wakes, to be on time.
const SPIN: Duration = Duration::from_micros(120);

type Chunk = (Instant, Vec<u8>);

/// The proxy; it runs until the process ends.
pub struct Proxy {
    port: u16,
    turns: Arc<Turns>,
}

/// Round trips, as the client sees them: it asks once it has been answered.
#[derive(Debug, Default)]
struct Turns {
    asked: AtomicUsize,
    answered: AtomicUsize,
}

impl Proxy {
    /// Forwards connections to a port of this machine, each way with a delay.
    pub fn start(server_port: u16, one_way: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let turns = Arc::new(Turns::default());
        let counted = Arc::clone(&turns);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server_port));
                let connection = server.and_then(|server| {
                    Connection::open(client, server, one_way, Arc::clone(&counted))
                });
                if let Err(error) = connection {
                    eprintln!("the proxy does not reach the server: {error}");
                }
            }
        });
        Ok(Proxy { port, turns })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Round trips that have begun.
    pub fn asked(&self) -> usize {
        self.turns.asked.load(Ordering::SeqCst)
    }

    /// Round trips whose answer has been given to the client.
    pub fn answered(&self) -> usize {
        self.turns.answered.load(Ordering::SeqCst)
    }
}

/// One connection, and who spoke last on it.
struct Connection {
    server_spoke: AtomicBool,
    turns: Arc<Turns>,
}

impl Connection {
    fn open(
        client: TcpStream,
        server: TcpStream,
        one_way: Duration,
        turns: Arc<Turns>,
    ) -> io::Result<()> {
        let connection = Arc::new(Connection {
            server_spoke: AtomicBool::new(true),
            turns,
        });
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
        let counted = Arc::clone(&connection);
        forward(
            from_client,
            to_server,
            one_way,
            move || counted.asks(),
            || {},
        );
        forward(server, client, one_way, || {}, move || connection.answers());
        Ok(())
    }

    fn asks(&self) {
        if self.server_spoke.swap(false, Ordering::SeqCst) {
            self.turns.asked.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn answers(&self) {
        if !self.server_spoke.swap(true, Ordering::SeqCst) {
            self.turns.answered.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Two threads that carry one direction, and say when a chunk has come and when it is about to go.
fn forward(
    from: TcpStream,
    to: TcpStream,
    delay: Duration,
    on_read: impl Fn() + Send + 'static,
    on_write: impl Fn() + Send + 'static,
) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || read(from, delay, &sender, on_read));
    thread::spawn(move || write(to, &receiver, on_write));
}

fn read(mut from: TcpStream, delay: Duration, chunks: &Sender<Chunk>, on_read: impl Fn()) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let due = Instant::now() + delay;
        on_read();
        if chunks.send((due, buffer[..length].to_vec())).is_err() {
            break;
        }
    }
}

fn write(mut to: TcpStream, chunks: &Receiver<Chunk>, on_write: impl Fn()) {
    while let Ok((due, chunk)) = chunks.recv() {
        wait_until(due);
        on_write();
        if to.write_all(&chunk).is_err() {
            break;
        }
    }
    // The other side may be gone already.
    let _ = to.shutdown(Shutdown::Write);
}

fn wait_until(due: Instant) {
    let left = due.saturating_duration_since(Instant::now());
    thread::sleep(left.saturating_sub(SPIN));
    while Instant::now() < due {
        std::hint::spin_loop();
    }
}
