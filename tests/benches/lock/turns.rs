//! 64 contenders in four processes that count in a file, which is wrong unless one counts at a time.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dotmac_database::RedisConfig;
use dotmac_database::lock::Lock;
use tokio::task::JoinSet;

use crate::server::ThrowawayRedis;
use crate::{acme, import, line, locks, timed};

const ROLE: &str = "DOTMAC_LOCK_BENCH";
const PROCESSES: u32 = 4;
const CONTENDERS: u32 = 16;

/// What a process does that was started by [`print`].
pub struct Role {
    config: RedisConfig,
    turns: u32,
    file: PathBuf,
}

/// The role of this process, if it was given one.
pub fn role() -> Option<Role> {
    let role = std::env::var(ROLE).ok()?;
    let words: Vec<&str> = role.split(' ').collect();
    Some(Role {
        config: RedisConfig::new(words[0]).expect("valid"),
        turns: words[1].parse().expect("a number"),
        file: PathBuf::from(words[2]),
    })
}

pub async fn contend(role: Role) {
    let lock = import(&locks(&role.config).await);
    let mut contenders = JoinSet::new();
    for _ in 0..CONTENDERS {
        contenders.spawn(count(lock.clone(), role.turns, role.file.clone()));
    }
    while let Some(ended) = contenders.join_next().await {
        ended.expect("has all its turns");
    }
}

async fn count(lock: Lock, turns: u32, file: PathBuf) {
    for _ in 0..turns {
        let guard = lock.acquire(&acme(), Duration::from_secs(600)).await;
        let guard = guard.expect("gets it");
        let counted = read(&file);
        tokio::task::yield_now().await;
        std::fs::write(&file, (counted + 1).to_string()).expect("writes");
        guard.release().await.expect("gives back");
    }
}

pub async fn print(turns: u32) {
    let redis = ThrowawayRedis::start();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "0").expect("writes");
    let each = turns.div_ceil(PROCESSES * CONTENDERS);
    let turns = each * PROCESSES * CONTENDERS;
    let role = format!(
        "redis://{} {each} {}",
        redis.address(),
        file.path().display()
    );
    let start = || {
        let program = std::env::current_exe().expect("this program");
        Command::new(program)
            .env(ROLE, &role)
            .spawn()
            .expect("starts")
    };
    let (passed, ()) = timed(async {
        for mut process in (0..PROCESSES).map(|_| start()).collect::<Vec<_>>() {
            assert!(process.wait().expect("ends").success());
        }
    })
    .await;
    line(
        &format!("{turns} turns of 64 contenders in 4 processes: lost updates"),
        turns - read(file.path()),
    );
    line(
        "time of such a turn",
        format!("{:.0} µs", passed.as_secs_f64() * 1e6 / f64::from(turns)),
    );
}

fn read(file: &Path) -> u32 {
    let counted = std::fs::read_to_string(file).expect("reads");
    counted.parse().expect("a number")
}
