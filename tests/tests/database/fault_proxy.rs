//! A TCP proxy before a server that makes the faults of a network: lost replies, delays, resets, silence.
//!
//! It runs on a thread of its own: a test that blocks, or drops a future after so many polls, does not
//! stop it. Bytes are looked at as they are read from a socket, so that what a test waits for has to be
//! sent in one piece.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// The proxy. It and all its connections are gone with the value.
pub struct FaultProxy {
    port: u16,
    network: Arc<Network>,
    _alive: oneshot::Sender<()>,
}

/// What becomes of the bytes that a test waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server does what it is asked, and the connection is cut in the place of its answer.
    ReplyLost,
    /// The connection is cut before the server is asked.
    RequestLost,
    /// What the server sends is taken out, and the connection goes on.
    MessageLost,
    /// What the server sends passes twice.
    MessageTwice,
    /// What the server sends waits for [`FaultProxy::release`], and all that follows it on the connection.
    MessageLate,
}

impl FaultProxy {
    /// A proxy before a port of this machine.
    pub fn start(server_port: u16) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("bound").port();
        let network = Arc::new(Network {
            server_port,
            weather: watch::Sender::new(Weather::default()),
            faults: Mutex::default(),
            happened: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        });
        let (alive, ended) = oneshot::channel::<()>();
        let served = Arc::clone(&network);
        std::thread::spawn(move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, served) => {}
                    _ = ended => {}
                }
            });
        });
        FaultProxy {
            port,
            network,
            _alive: alive,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.network.open.load(Ordering::SeqCst)
    }

    /// Makes a fault of the next bytes that hold these: of a request, or of what the server sends.
    pub fn next(&self, holding: impl AsRef<[u8]>, fault: Fault) {
        let mut faults = self.network.faults.lock().expect("free");
        faults.push((holding.as_ref().to_vec(), fault));
    }

    /// How many of the faults that were asked for have happened.
    pub fn happened(&self) -> usize {
        self.network.happened.load(Ordering::SeqCst)
    }

    /// Lets pass what is [`Fault::MessageLate`].
    pub fn release(&self) {
        self.change(|weather| weather.releases += 1);
    }

    /// Lets each piece of bytes wait, in both directions.
    pub fn delay(&self, one_way: Duration) {
        self.change(|weather| weather.delay = one_way);
    }

    /// Lets nothing pass, in either direction; connections stay open, and new ones are made.
    pub fn freeze(&self) {
        self.change(|weather| weather.is_frozen = true);
    }

    /// Lets everything pass again, what waited first.
    pub fn thaw(&self) {
        self.change(|weather| weather.is_frozen = false);
    }

    /// Resets all connections; new ones are made.
    pub fn reset(&self) {
        self.change(|weather| weather.resets += 1);
    }

    /// Takes all connections from the server, and leaves them open, without an answer, to the clients.
    pub fn half_open(&self) {
        self.change(|weather| weather.half_opens += 1);
    }

    /// Resets all connections, and takes no new ones.
    pub fn stop(&self) {
        self.change(|weather| weather.is_stopped = true);
        self.reset();
    }

    /// Takes connections again.
    pub fn go_on(&self) {
        self.change(|weather| weather.is_stopped = false);
    }

    fn change(&self, how: impl FnOnce(&mut Weather)) {
        self.network.weather.send_modify(how);
    }
}

/// What the proxy and its connections share.
struct Network {
    server_port: u16,
    weather: watch::Sender<Weather>,
    faults: Mutex<Vec<(Vec<u8>, Fault)>>,
    happened: AtomicUsize,
    open: AtomicUsize,
}

/// What happens to all bytes; connections compare the counts with those at their beginning.
#[derive(Debug, Clone, Copy, Default)]
struct Weather {
    delay: Duration,
    is_frozen: bool,
    is_stopped: bool,
    resets: u64,
    half_opens: u64,
    releases: u64,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Cut,
    HalfOpen,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

impl Network {
    /// The fault that was asked for these bytes, which is used up.
    fn fault(&self, way: Way, bytes: &[u8]) -> Option<Fault> {
        let mut faults = self.faults.lock().expect("free");
        let at = faults.iter().position(|(holding, fault)| {
            fault.way() == way && bytes.windows(holding.len()).any(|it| it == holding)
        });
        at.map(|at| faults.remove(at).1)
    }

    fn happens(&self) {
        self.happened.fetch_add(1, Ordering::SeqCst);
    }
}

impl Fault {
    fn way(self) -> Way {
        match self {
            Fault::ReplyLost | Fault::RequestLost => Way::ToServer,
            Fault::MessageLost | Fault::MessageTwice | Fault::MessageLate => Way::ToClient,
        }
    }
}

async fn serve(listener: std::net::TcpListener, network: Arc<Network>) {
    let listener = TcpListener::from_std(listener).expect("a socket");
    while let Ok((client, _)) = listener.accept().await {
        match network.weather.borrow().is_stopped {
            true => reset(client),
            false => drop(tokio::spawn(connect(client, Arc::clone(&network)))),
        }
    }
}

async fn connect(mut client: TcpStream, network: Arc<Network>) {
    let mut weather = network.weather.subscribe();
    let born = *weather.borrow_and_update();
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, network.server_port)).await;
    let Ok(mut server) = server else {
        return reset(client);
    };
    network.open.fetch_add(1, Ordering::SeqCst);
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let loses_reply = AtomicBool::new(false);
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let line = Line {
            network: &network,
            born,
            loses_reply: &loses_reply,
        };
        tokio::select! {
            biased;
            end = outage(&mut weather, born) => end,
            end = line.carry(Way::ToServer, from_client, to_server) => end,
            end = line.carry(Way::ToClient, from_server, to_client) => end,
        }
    };
    // The server is always told, so that it does all that it was asked.
    drop(server);
    if end == End::HalfOpen {
        tokio::select! {
            () = swallow(&mut client) => {}
            _ = weather.wait_for(|now| now.resets != born.resets) => {}
        }
    }
    if end != End::Closed {
        reset(client);
    }
    network.open.fetch_sub(1, Ordering::SeqCst);
}

/// One connection.
#[derive(Clone, Copy)]
struct Line<'c> {
    network: &'c Network,
    born: Weather,
    loses_reply: &'c AtomicBool,
}

impl Line<'_> {
    async fn carry(
        self,
        way: Way,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> End {
        let mut weather = self.network.weather.subscribe();
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let bytes = &buffer[..length];
            if way == Way::ToClient && self.loses_reply.load(Ordering::SeqCst) {
                self.network.happens();
                return End::Cut;
            }
            let fault = self.network.fault(way, bytes);
            match fault {
                None => {}
                // It happens with the answer.
                Some(Fault::ReplyLost) => self.loses_reply.store(true, Ordering::SeqCst),
                Some(_) => self.network.happens(),
            }
            match fault {
                Some(Fault::RequestLost) => return End::Cut,
                Some(Fault::MessageLost) => continue,
                Some(Fault::MessageLate) => {
                    let before = weather.borrow_and_update().releases;
                    let _ = weather.wait_for(|now| now.releases != before).await;
                }
                _ => {}
            }
            let delay = weather.borrow().delay;
            tokio::time::sleep(delay).await;
            let _ = weather.wait_for(|now| !now.is_frozen).await;
            if let Some(end) = weather.borrow().fault_since(self.born) {
                return end;
            }
            for _ in 0..=usize::from(fault == Some(Fault::MessageTwice)) {
                if to.write_all(bytes).await.is_err() {
                    return End::Closed;
                }
            }
        }
        End::Closed
    }
}

impl Weather {
    /// What was done to all connections since.
    fn fault_since(&self, born: Weather) -> Option<End> {
        if self.resets != born.resets {
            return Some(End::Cut);
        }
        (self.half_opens != born.half_opens).then_some(End::HalfOpen)
    }
}

/// Waits for a fault of all connections.
async fn outage(weather: &mut watch::Receiver<Weather>, born: Weather) -> End {
    let now = weather
        .wait_for(|now| now.fault_since(born).is_some())
        .await;
    now.ok()
        .and_then(|now| now.fault_since(born))
        .unwrap_or(End::Cut)
}

/// Reads until the client has closed.
async fn swallow(client: &mut TcpStream) {
    let mut buffer = [0; 1024];
    while let Ok(1..) = client.read(&mut buffer).await {}
}

fn reset(client: TcpStream) {
    let _ = client.set_zero_linger();
}

mod tests {
    use std::time::Instant;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    /// A server that answers each piece with itself, and what it has read.
    async fn echo() -> (u16, Arc<Mutex<Vec<u8>>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let read = Arc::<Mutex<Vec<u8>>>::default();
        let noted = Arc::clone(&read);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let noted = Arc::clone(&noted);
                tokio::spawn(async move {
                    let mut buffer = [0; 64];
                    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
                        noted.lock().unwrap().extend(&buffer[..length]);
                        if stream.write_all(&buffer[..length]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        (port, read)
    }

    async fn ask(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
        stream.write_all(text.as_bytes()).await?;
        answer(stream).await
    }

    async fn answer(stream: &mut TcpStream) -> std::io::Result<String> {
        let mut buffer = [0; 64];
        let read = tokio::time::timeout(DEADLINE, stream.read(&mut buffer)).await;
        let length = read.expect("in time")?;
        Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    async fn connect(proxy: &FaultProxy) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await;
        stream.expect("connects")
    }

    #[tokio::test]
    async fn requests_and_replies_are_lost_with_their_connection() {
        let (port, read) = echo().await;
        let proxy = FaultProxy::start(port);
        for (fault, is_done) in [(Fault::ReplyLost, true), (Fault::RequestLost, false)] {
            let mut stream = connect(&proxy).await;
            assert_eq!(ask(&mut stream, "one").await.unwrap(), "one");
            proxy.next("two", fault);
            read.lock().unwrap().clear();
            assert!(ask(&mut stream, "two").await.is_err(), "it is reset");
            assert_eq!(*read.lock().unwrap() == b"two", is_done, "{fault:?}");
        }
        assert_eq!(proxy.happened(), 2);
        assert_eq!(ask(&mut connect(&proxy).await, "on").await.unwrap(), "on");
    }

    #[tokio::test]
    async fn messages_are_lost_doubled_and_held_on_a_connection_that_goes_on() {
        let (port, _) = echo().await;
        let proxy = FaultProxy::start(port);
        let mut stream = connect(&proxy).await;
        proxy.next("lost", Fault::MessageLost);
        stream.write_all(b"lost").await.unwrap();
        let until = Instant::now() + DEADLINE;
        while proxy.happened() == 0 {
            assert!(Instant::now() < until);
            tokio::task::yield_now().await;
        }
        proxy.next("twice", Fault::MessageTwice);
        let mut twice = ask(&mut stream, "twice").await.unwrap();
        while twice.len() < 10 {
            twice += &answer(&mut stream).await.unwrap();
        }
        assert_eq!(twice, "twicetwice");
        proxy.next("late", Fault::MessageLate);
        stream.write_all(b"late").await.unwrap();
        while proxy.happened() < 3 {
            assert!(Instant::now() < until);
            tokio::task::yield_now().await;
        }
        assert!(stream.try_read(&mut [0; 8]).is_err(), "it waits");
        proxy.release();
        assert_eq!(answer(&mut stream).await.unwrap(), "late");
    }

    #[tokio::test]
    async fn silence_is_no_end_and_a_reset_is() {
        let (port, read) = echo().await;
        let proxy = FaultProxy::start(port);
        let mut frozen = connect(&proxy).await;
        assert_eq!(ask(&mut frozen, "one").await.unwrap(), "one");
        proxy.freeze();
        frozen.write_all(b"two").await.unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(20), answer(&mut frozen)).await;
        assert!(waits.is_err() && *read.lock().unwrap() == b"one");
        proxy.thaw();
        assert_eq!(answer(&mut frozen).await.unwrap(), "two");
        proxy.half_open();
        let until = Instant::now() + DEADLINE;
        read.lock().unwrap().clear();
        frozen.write_all(b"three").await.unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(20), answer(&mut frozen)).await;
        assert!(waits.is_err() && read.lock().unwrap().is_empty());
        let mut fresh = connect(&proxy).await;
        assert_eq!(ask(&mut fresh, "four").await.unwrap(), "four");
        proxy.stop();
        assert!(answer(&mut frozen).await.is_err() && answer(&mut fresh).await.is_err());
        // It is reset before or after the system has told of it.
        if let Ok(mut refused) = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).await {
            assert!(ask(&mut refused, "five").await.is_err());
        }
        while proxy.connections() > 0 {
            assert!(Instant::now() < until);
            tokio::task::yield_now().await;
        }
        proxy.go_on();
        let one_way = Duration::from_millis(20);
        proxy.delay(one_way);
        let begun = Instant::now();
        assert_eq!(ask(&mut connect(&proxy).await, "six").await.unwrap(), "six");
        assert!(begun.elapsed() >= 2 * one_way);
    }
}
