//! Processes of their own: this test program, started again in the role that its environment names.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dotmac_database::RedisConfig;
use dotmac_database::lock::{Fence, Leader, Lock, Term};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tokio::task::JoinSet;

use super::support::{WAIT, acme, import, locks_at};

const ROLE: &str = "DOTMAC_LOCK_ROLE";

/// What a process does.
#[derive(Debug, Clone, Copy)]
pub enum Role<'r> {
    /// So many contenders, each of which takes the lock so often and counts in a file.
    Contenders {
        count: u32,
        turns: u32,
        file: &'r Path,
    },
    /// Takes the lock for so many ms at a time and tells its fence. When it hears a line, it tells whether it
    /// holds the lock, and how many rows of this database it changes all the same.
    Holder { ttl_ms: u64, database: &'r str },
    /// Leads by a lock of so many ms, for ever: tells the fence of each term, and when its task is dropped.
    Leader { ttl_ms: u64 },
}

/// Starts a process for the Redis of this port.
pub fn start(port: u16, role: Role<'_>) -> Child {
    let role = match role {
        Role::Contenders { count, turns, file } => {
            format!("contenders {count} {turns} {}", file.display())
        }
        Role::Holder { ttl_ms, database } => format!("holder {ttl_ms} {database}"),
        Role::Leader { ttl_ms } => format!("leader {ttl_ms}"),
    };
    Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "--nocapture",
            "lock::redis::child::plays_its_role",
        ])
        .env(ROLE, format!("{port} {role}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts")
}

/// The next line that the process writes with this before it.
pub fn hear(child: &mut Child, before: &str) -> String {
    let out = child.stdout.as_mut().expect("open");
    // One byte at a time, so that nothing is lost with the reader.
    let mut reader = BufReader::with_capacity(1, out);
    loop {
        let mut line = String::new();
        assert_ne!(
            reader.read_line(&mut line).expect("reads"),
            0,
            "it has ended"
        );
        if let Some((_, rest)) = line.split_once(before) {
            return rest.trim().to_owned();
        }
    }
}

/// Tells the process to go on.
pub fn tell(child: &mut Child) {
    let pipe = child.stdin.as_mut().expect("open");
    writeln!(pipe).expect("writes");
}

/// Nothing, unless another test has started this process for it.
#[tokio::test(flavor = "multi_thread")]
async fn plays_its_role() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let words: Vec<&str> = role.split(' ').collect();
    let config = RedisConfig::new(&format!("redis://127.0.0.1:{}", words[0])).expect("valid");
    let locks = locks_at(&config, Duration::from_secs(5)).await;
    match words[1] {
        "contenders" => {
            let [count, turns] = [words[2], words[3]].map(|it| it.parse().expect("a number"));
            let lock = import(&locks, Duration::from_secs(30));
            let file = Path::new(words[4]);
            let mut contenders = JoinSet::new();
            for _ in 0..count {
                contenders.spawn(contend(lock.clone(), turns, file.to_owned()));
            }
            while let Some(ended) = contenders.join_next().await {
                ended.expect("has all its turns");
            }
        }
        "holder" => {
            let ttl = Duration::from_millis(words[2].parse().expect("a number"));
            let lock = import(&locks, ttl);
            let guard = lock.acquire(&acme(), WAIT).await.expect("is free");
            println!("fence={}", guard.fence());
            std::io::stdin()
                .read_line(&mut String::new())
                .expect("reads");
            println!("valid={}", guard.is_valid());
            let db = sea_orm::Database::connect(words[3])
                .await
                .expect("connects");
            println!("rows={}", write(&db, guard.fence()).await);
        }
        "leader" => {
            let ttl = Duration::from_millis(words[2].parse().expect("a number"));
            let leader = Leader::new(import(&locks, ttl));
            let task = |term: Term| async move {
                println!("leads={}", term.fence());
                let _told = TellsOnDrop;
                std::future::pending::<()>().await;
            };
            let led = leader.run(acme(), std::future::pending(), task).await;
            led.expect("stands");
        }
        other => panic!("no role: {other}"),
    }
}

struct TellsOnDrop;

impl Drop for TellsOnDrop {
    fn drop(&mut self) {
        println!("dropped=");
    }
}

/// Writes under a fence, and says how many rows that changed.
pub async fn write(db: &DatabaseConnection, fence: Fence) -> u64 {
    let sql = "UPDATE imported SET fence = $1 WHERE fence < $1";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [fence.into()]);
    db.execute_raw(statement)
        .await
        .expect("writes")
        .rows_affected()
}

/// Reads a number and writes the next: a count that loses turns, unless one counts at a time.
async fn contend(lock: Lock, turns: u32, file: PathBuf) {
    for _ in 0..turns {
        let guard = lock.acquire(&acme(), 10 * WAIT).await.expect("gets it");
        let before = std::fs::read_to_string(&file).expect("reads");
        let (count, fence) = before.split_once(' ').expect("two numbers");
        let count: u64 = count.parse().expect("a number");
        let fence: i64 = fence.parse().expect("a number");
        assert!(
            guard.fence().number() > fence,
            "the fence grows from turn to turn"
        );
        let after = format!("{} {}", count + 1, guard.fence());
        tokio::task::yield_now().await;
        std::fs::write(&file, after).expect("writes");
        assert!(guard.is_valid());
        guard.release().await.expect("gives back");
    }
}
