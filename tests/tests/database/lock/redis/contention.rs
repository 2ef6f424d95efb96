//! Locks in Redis between processes: none of their turns is lost, and a holder that is paused finds out.

use std::process::Command;
use std::time::Duration;

use sea_orm::ConnectionTrait;

use super::child::{Role, hear, start, tell, write};
use super::support::{import, locks, take};
use crate::cache::server::ThrowawayRedis;
use crate::support::{Shop, admin, url};

#[tokio::test(flavor = "multi_thread")]
async fn l01_no_turn_of_64_contenders_in_four_processes_is_lost() {
    let redis = ThrowawayRedis::start();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "0 0").expect("writes");
    let turns = match std::env::var_os("DOTMAC_SOAK") {
        Some(_) => 157,
        None => 10,
    };
    let contenders = Role::Contenders {
        count: 16,
        turns,
        file: file.path(),
    };
    let processes: Vec<_> = (0..4).map(|_| start(redis.port(), contenders)).collect();
    for process in processes {
        let ended = process.wait_with_output().expect("ends");
        assert!(
            ended.status.success(),
            "{}",
            String::from_utf8_lossy(&ended.stdout)
        );
    }
    let counted = std::fs::read_to_string(file.path()).expect("reads");
    let expected = format!("{} ", 64 * turns);
    assert!(counted.starts_with(&expected), "{counted} of {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l06_a_holder_that_is_paused_finds_out_and_its_fenced_write_changes_nothing() {
    let redis = ThrowawayRedis::start();
    let shop = Shop::open().await;
    let db = admin(&shop.name).await;
    let table = "CREATE TABLE imported AS SELECT 0::bigint AS fence; \
        GRANT SELECT, UPDATE ON imported TO PUBLIC";
    db.execute_unprepared(table).await.expect("creates");
    let database = url(&shop.name);
    let holder = Role::Holder {
        ttl_ms: 1_000,
        database: &database,
    };
    let mut process = start(redis.port(), holder);
    let paused: i64 = hear(&mut process, "fence=").parse().expect("a fence");
    signal("-STOP", process.id());
    let guard = take(&import(&locks(&redis).await, Duration::from_secs(30))).await;
    assert!(guard.fence().number() > paused);
    assert_eq!(write(&db, guard.fence()).await, 1);
    signal("-CONT", process.id());
    tell(&mut process);
    assert_eq!(hear(&mut process, "valid="), "false");
    assert_eq!(hear(&mut process, "rows="), "0");
    assert!(process.wait().expect("ends").success());
    assert!(guard.is_valid(), "it is given back by its holder only");
}

fn signal(signal: &str, process: u32) {
    let sent = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(sent.expect("kill").success());
}
