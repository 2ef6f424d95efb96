//! Many databases behind few pools: what a session costs where its database may have to be connected first.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use dotmac_database::rls::Login;
use dotmac_database::tenancy::{DatabaseLimits, DatabaseName, Databases};
use dotmac_database::testing::ThrowawayPostgres;
use dotmac_database::{DatabaseConfig, Error, RequestContext};
use futures_util::future::try_join_all;
use sea_orm::ConnectionTrait;

use crate::Outcome;
use crate::run::Shared;

/// Fewer than there are pools: nobody waits for a place.
const CLIENTS: usize = 16;

/// Which database the sessions are for.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// Always the same.
    One,
    /// Four of five sessions are for a twentieth of the databases.
    Skewed,
    /// Any.
    Any,
}

impl Choice {
    fn choose(self, count: usize) -> usize {
        match self {
            Choice::One => 0,
            Choice::Skewed if fastrand::u8(0..5) > 0 => fastrand::usize(0..count.div_ceil(20)),
            Choice::Skewed | Choice::Any => fastrand::usize(0..count),
        }
    }
}

/// Makes the databases, and reads from them through so many pools of two connections.
pub async fn print(count: usize, pools: usize, sessions: usize) -> Outcome<()> {
    let server = tokio::task::spawn_blocking(|| {
        ThrowawayPostgres::start_with(&[("max_connections", "200")])
    })
    .await??;
    let mut urls = HashMap::new();
    let mut names = Vec::new();
    for n in 0..count {
        let database = server.migrated::<Shared>(&format!("db{n}")).await?;
        let name = DatabaseName::parse(&format!("db{n}"))?;
        urls.insert(name.clone(), database.url(Login::Application));
        names.push(name);
    }
    println!("{count} databases through {pools} pools, {CLIENTS} clients, {sessions} sessions");
    for choice in [Choice::One, Choice::Skewed, Choice::Any] {
        let urls = urls.clone();
        let limits = DatabaseLimits::default().max_open(pools);
        let databases = Databases::with_limits(limits, move |name| {
            let url = urls.get(name).ok_or(Error::Ended)?;
            Ok(DatabaseConfig::new(url)?.pool_size(2).max_overflow(0))
        });
        let begun = Instant::now();
        let clients = (0..CLIENTS).map(|_| {
            let (databases, names) = (databases.clone(), &names);
            async move {
                for _ in 0..sessions / CLIENTS {
                    read(&databases, &names[choice.choose(names.len())]).await?;
                }
                Outcome::Ok(())
            }
        });
        try_join_all(clients).await?;
        let rate = sessions as f64 / begun.elapsed().as_secs_f64();
        let statistics = databases.statistics();
        println!(
            "{choice:?}: {rate:.0} sessions/s, {} connects, {} evicted, {} waited for a place",
            statistics.connected, statistics.evicted, statistics.waited
        );
        let closed = databases.close_within(Duration::from_secs(10)).await;
        assert_eq!(closed.cut_off, 0, "no session is left");
    }
    Ok(())
}

async fn read(databases: &Databases, name: &DatabaseName) -> Outcome<()> {
    let db = databases.database(name).await?;
    let context = RequestContext::tenant("acme")?;
    let read = db.read(&context, async |tx| tx.execute_unprepared("SELECT 1").await);
    read.await?;
    Ok(())
}
