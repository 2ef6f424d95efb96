//! The server is killed under load and comes back: what was acknowledged is there, nothing crossed,
//! every error is typed, and the pool heals by itself.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dotmac_database::prelude::*;
use dotmac_database::testing::ThrowawayPostgres;
use migration::Migrator;
use migration::entity::order;

use crate::support::context;

const WRITERS: usize = 20;

/// What a writer did.
#[derive(Default)]
struct Told {
    committed: BTreeSet<String>,
    /// COMMIT was under way when the connection broke.
    unknown: BTreeSet<String>,
    errors: usize,
}

struct Writer {
    db: Database,
    tenant: String,
    stop: Arc<AtomicBool>,
    commits: Arc<AtomicUsize>,
    failures: Arc<AtomicUsize>,
}

impl Writer {
    async fn run(self) -> (String, Told) {
        let mut told = Told::default();
        let context = context(&self.tenant);
        for round in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let number = format!("{round}");
            let written = self.db.write(&context, async |tx| {
                let rows = order::Entity::find().all(tx).await?;
                assert!(rows.iter().all(|row| row.tenant_id == self.tenant));
                let new = order::ActiveModel {
                    number: Set(number.clone()),
                    total_cents: Set(1),
                    ..Default::default()
                };
                new.insert(tx).await.map_err(Error::from)
            });
            match written.await {
                Ok(_) => {
                    told.committed.insert(number);
                    self.commits.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => {
                    match error.kind() {
                        ErrorKind::CommitUnknown => drop(told.unknown.insert(number)),
                        ErrorKind::ConnectionLost | ErrorKind::PoolTimeout => {}
                        // What the broken connection left of the unit of work.
                        ErrorKind::Session | ErrorKind::Aborted => {}
                        _ => panic!("{error:?}"),
                    }
                    told.errors += 1;
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        }
        (self.tenant, told)
    }
}

/// Asks the database until the count has grown by `more`.
async fn until_grown(count: &AtomicUsize, more: usize, db: &Database) {
    let wanted = count.load(Ordering::Relaxed) + more;
    let grown = async {
        while count.load(Ordering::Relaxed) < wanted {
            let _ = db.ping().await;
            tokio::task::yield_now().await;
        }
    };
    let grown = tokio::time::timeout(Duration::from_secs(60), grown).await;
    assert!(
        grown.is_ok(),
        "{} of {wanted}",
        count.load(Ordering::Relaxed)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_server_loses_nothing_that_was_acknowledged() {
    let mut server = ThrowawayPostgres::start_with(&[("synchronous_commit", "on")]).unwrap();
    let config = server
        .migrated::<Migrator>("shop")
        .await
        .unwrap()
        .config()
        .unwrap();
    let config = config
        .pool_size(8)
        .max_overflow(0)
        .pool_timeout(Duration::from_secs(5));
    let db = Database::connect(config).await.unwrap();
    let (stop, commits, failures) =
        <(Arc<AtomicBool>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| Writer {
            db: db.clone(),
            tenant: format!("tenant-{number:02}"),
            stop: Arc::clone(&stop),
            commits: Arc::clone(&commits),
            failures: Arc::clone(&failures),
        })
        .map(|writer| tokio::spawn(writer.run()))
        .collect();
    let deaths = match std::env::var_os("DOTMAC_SOAK") {
        Some(_) => 10,
        None => 2,
    };
    for _ in 0..deaths {
        until_grown(&commits, 200, &db).await;
        server = tokio::task::spawn_blocking(move || {
            server.kill().unwrap();
            server
        })
        .await
        .unwrap();
        until_grown(&failures, WRITERS, &db).await;
        // The last processes of the killed one may take a moment to see that it is gone.
        server = tokio::task::spawn_blocking(move || {
            while server.restart().is_err() {
                std::thread::yield_now();
            }
            server
        })
        .await
        .unwrap();
    }
    until_grown(&commits, 200, &db).await;
    stop.store(true, Ordering::Relaxed);
    let (mut committed, mut unknown, mut errors) = (0, 0, 0);
    for writer in writers {
        let (tenant, told) = writer.await.unwrap();
        let context = context(&tenant);
        let rows = db.read(&context, async |tx| order::Entity::find().all(tx).await);
        let kept: BTreeSet<String> = rows
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.number)
            .collect();
        let lost: Vec<_> = told.committed.difference(&kept).collect();
        assert!(lost.is_empty(), "{tenant} lost {lost:?}");
        let made_up: Vec<_> = kept
            .iter()
            .filter(|it| !told.committed.contains(*it) && !told.unknown.contains(*it))
            .collect();
        assert!(
            made_up.is_empty(),
            "{tenant} was refused {made_up:?}, and has it"
        );
        committed += told.committed.len();
        unknown += told.unknown.len();
        errors += told.errors;
    }
    println!(
        "{deaths} deaths: {committed} committed and there, {errors} errors, {unknown} of them unknown"
    );
    assert!(errors >= WRITERS);
    db.close().await;
    drop(server);
}
