//! A process of its own that changes a page: this test program, started again.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use dotmac_database::RedisConfig;
use dotmac_database::prelude::*;

use super::bed::title_all;
use crate::cache::server::{connected, patient};
use crate::support::{A, context};

const ROLE: &str = "DOTMAC_CACHE_ROLE";
const READY: &str = "ready=";

/// Whether it keeps what it invalidates in the outbox until it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    Nothing,
    Outbox,
}

/// A process that follows its database. It ends with the value, without a word.
pub struct Writer(Child);

impl Writer {
    /// Starts it for the Redis of this port, and waits until it can write.
    pub fn start(redis: u16, database: &str, keeps: Keeps) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("cache::entity::child::changes_all_pages_when_it_is_told")
            .env(ROLE, format!("{redis} {database} {keeps:?}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.map(Result::unwrap).any(|line| line.contains(READY));
        assert!(said, "it has ended");
        Writer(child)
    }

    /// Tells it to give acme's pages the title "new".
    pub fn write(&mut self) {
        writeln!(self.0.stdin.as_mut().unwrap()).unwrap();
    }

    /// Ends it as nothing can be caught or put off (SIGKILL).
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        assert!(!self.0.wait().unwrap().success());
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Nothing, unless another test has started this process for it.
#[tokio::test(flavor = "multi_thread")]
async fn changes_all_pages_when_it_is_told() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let words: Vec<&str> = role.split(' ').collect();
    let config = RedisConfig::new(&format!("redis://127.0.0.1:{}", words[0])).unwrap();
    let client = connected(&config, patient()).await;
    let db = Database::connect(DatabaseConfig::new(words[1]).unwrap());
    let db = db.await.unwrap();
    let _following = match words[2] {
        "Outbox" => client.follow_with_outbox(&db).await.unwrap(),
        _ => client.follow(&db).unwrap(),
    };
    println!("{READY}");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let acme = context(A);
    let write = db.write(&acme, async |tx| {
        title_all(tx, "new").await;
        Ok::<_, Error>(())
    });
    write.await.unwrap();
}
