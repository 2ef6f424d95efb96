//! Hooks after migrations, and the lock that lets one process migrate at a time.

use std::sync::Arc;
use std::sync::Mutex;

use dotmac_database::migrate::{HookResult, Runner};
use dotmac_database::{Error, ErrorKind, testing};
use migration::Migrator;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::{MigratorTrait, SchemaManager};

use crate::support::{admin, create_database};

type Log = Arc<Mutex<Vec<&'static str>>>;

/// A runner whose hooks say that they ran; `second` fails where it is told to.
fn runner(log: &Log, second_fails: bool) -> Runner<Migrator> {
    let say = |name: &'static str| {
        let log = Arc::clone(log);
        move || log.lock().unwrap().push(name)
    };
    let (first, second, third) = (say("first"), say("second"), say("third"));
    Runner::new()
        .after("first", move |db| {
            first();
            Box::pin(mark(db))
        })
        .after("second", move |_| {
            second();
            Box::pin(async move {
                match second_fails {
                    true => Err("no view".into()),
                    false => Ok(()),
                }
            })
        })
        .after("third", move |_| {
            third();
            Box::pin(async { Ok(()) })
        })
}

async fn mark(db: &DatabaseConnection) -> HookResult {
    // The schema is there.
    db.execute_unprepared("SELECT 1 FROM orders").await?;
    let sql = "CREATE TABLE IF NOT EXISTS marks (id integer); INSERT INTO marks VALUES (1)";
    db.execute_unprepared(sql).await?;
    Ok(())
}

fn said(log: &Log) -> Vec<&'static str> {
    std::mem::take(&mut log.lock().unwrap())
}

#[tokio::test]
async fn hooks_run_in_order_after_up_fresh_and_refresh() {
    let name = create_database("template1").await;
    let db = admin(&name).await;
    let log = Log::default();
    let runner = runner(&log, false);
    let all = ["first", "second", "third"];
    runner.up(None, &db).await.unwrap();
    assert_eq!(said(&log), all);
    // Again, though nothing is pending.
    runner.up(None, &db).await.unwrap();
    assert_eq!(said(&log), all);
    runner.refresh(&db).await.unwrap();
    assert_eq!(said(&log), all);
    runner.fresh(&db).await.unwrap();
    assert_eq!(said(&log), all);
    runner.down(Some(1), &db).await.unwrap();
    runner.reset(&db).await.unwrap();
    assert_eq!(said(&log), [""; 0]);
}

#[tokio::test]
async fn hooks_wait_for_the_last_migration() {
    let db = testing::in_memory().await.unwrap();
    let plain = db.plain();
    let log = Log::default();
    let runner = runner(&log, false);
    let last = Migrator::migrations().len() - 1;
    for _ in 0..last {
        runner.up(Some(1), &plain).await.unwrap();
        assert_eq!(said(&log), [""; 0]);
    }
    runner.up(Some(1), &plain).await.unwrap();
    assert_eq!(said(&log), ["first", "second", "third"]);
}

#[tokio::test]
async fn failing_hook_fails_the_run_and_leaves_the_migrations() {
    let name = create_database("template1").await;
    let db = admin(&name).await;
    let log = Log::default();
    let error = runner(&log, true).up(None, &db).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Hook);
    assert!(error.to_string().contains("`second`"), "{error}");
    let Error::Hook { hook, source } = error else {
        panic!("{error}");
    };
    assert_eq!((hook, source.to_string().as_str()), ("second", "no view"));
    assert_eq!(said(&log), ["first", "second"]);
    assert!(
        Migrator::get_pending_migrations(&db)
            .await
            .unwrap()
            .is_empty()
    );
    let manager = SchemaManager::new(&db);
    assert!(manager.has_table("marks").await.unwrap());
    // The next run makes up for it.
    runner(&log, false).up(None, &db).await.unwrap();
    assert_eq!(said(&log), ["first", "second", "third"]);
}

#[tokio::test]
async fn failing_migration_runs_no_hook() {
    let db = testing::in_memory().await.unwrap();
    let plain = db.plain();
    let obstacle = "CREATE TABLE t (id integer); CREATE INDEX uq_users_email ON t (id)";
    plain.execute_unprepared(obstacle).await.unwrap();
    let log = Log::default();
    let error = runner(&log, false).up(None, &plain).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema, "{error}");
    assert_eq!(said(&log), [""; 0]);
}

#[tokio::test]
async fn second_process_waits_for_the_first() {
    let name = create_database("template1").await;
    let (one, other) = (admin(&name).await, admin(&name).await);
    let log = Log::default();
    let second = Arc::new(Mutex::new(None));
    let (log_of_second, started) = (Arc::clone(&log), Arc::clone(&second));
    // The second begins while the first holds the lock, which ends when it sees the second wait.
    let first = Runner::<Migrator>::new().after("let another wait", move |db| {
        let (log, other) = (Arc::clone(&log_of_second), other.clone());
        let second = tokio::spawn(async move { runner(&log, false).up(None, &other).await });
        *started.lock().unwrap() = Some(second);
        Box::pin(somebody_waits(db))
    });
    first.up(None, &one).await.unwrap();
    let second = second.lock().unwrap().take().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(said(&log), ["first", "second", "third"]);
}

async fn somebody_waits(db: &DatabaseConnection) -> HookResult {
    let sql = "SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
               WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted";
    let waiting = Statement::from_string(DbBackend::Postgres, sql);
    while db.query_one_raw(waiting.clone()).await?.is_none() {}
    Ok(())
}

#[tokio::test]
async fn pool_of_one_connection_migrates() {
    let name = create_database("template1").await;
    let url = crate::support::server().url("postgres", crate::support::server().password(), &name);
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1);
    let db = sea_orm::Database::connect(options).await.unwrap();
    let log = Log::default();
    runner(&log, false).up(None, &db).await.unwrap();
    assert_eq!(said(&log), ["first", "second", "third"]);
}

#[tokio::test]
async fn lock_is_given_up_where_the_run_fails() {
    let name = create_database("template1").await;
    let db = admin(&name).await;
    let log = Log::default();
    runner(&log, true).up(None, &db).await.unwrap_err();
    let url = crate::support::server().url("postgres", crate::support::server().password(), &name);
    let other = sea_orm::Database::connect(url).await.unwrap();
    runner(&log, false).up(None, &other).await.unwrap();
}
