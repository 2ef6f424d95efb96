//! What a unit of work takes in a crowd: 500 at once on 10 connections, beside SeaORM alone.
//!
//! ```text
//! cargo bench -p dotmac-tests --all-features --bench load [-- <rounds>]
//! ```
//!
//! A unit takes a connection, reads the tenant's order by its key and commits. Variants take turns, a
//! round each, on the same pool; a round is 500 tasks that start together and run four units each. The
//! figures are of all units of all rounds.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark that fails panics, like a test"
)]

use std::time::{Duration, Instant};

use dotmac_database::prelude::*;
use dotmac_database::testing::ThrowawayPostgres;
use migration::Migrator;
use migration::entity::order;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const TASKS: usize = 500;
const UNITS: usize = 4;
const CONNECTIONS: u32 = 10;

#[derive(Debug, Clone, Copy)]
enum Variant {
    Transaction,
    SetConfig,
    Write,
    Read,
}

impl Variant {
    const ALL: [Variant; 4] = [
        Variant::Transaction,
        Variant::SetConfig,
        Variant::Write,
        Variant::Read,
    ];

    fn name(self) -> &'static str {
        match self {
            Variant::Transaction => "SeaORM transaction, WHERE tenant_id",
            Variant::SetConfig => "SeaORM transaction + set_config",
            Variant::Write => "write session",
            Variant::Read => "read session",
        }
    }

    async fn run(self, bed: &Bed) -> Outcome<()> {
        let found = match self {
            Variant::Transaction | Variant::SetConfig => {
                let tx = bed.plain.begin().await?;
                if let Variant::SetConfig = self {
                    let sql = "SELECT set_config('app.current_tenant_id', $1, true)";
                    let values = ["acme".into()];
                    let set = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
                    tx.query_one_raw(set).await?;
                }
                let select = order::Entity::find_by_id(bed.order);
                let found = select
                    .filter(order::Column::TenantId.eq("acme"))
                    .one(&tx)
                    .await?;
                tx.commit().await?;
                found
            }
            Variant::Write => {
                bed.db
                    .write(&bed.context, async |tx| find(bed, tx).await)
                    .await?
            }
            Variant::Read => {
                bed.db
                    .read(&bed.context, async |tx| find(bed, tx).await)
                    .await?
            }
        };
        found
            .map(drop)
            .ok_or_else(|| "the order is not seen".into())
    }
}

async fn find(bed: &Bed, tx: &Session) -> Result<Option<order::Model>, DbErr> {
    order::Entity::find_by_id(bed.order).one(tx).await
}

#[derive(Clone)]
struct Bed {
    db: Database,
    plain: DatabaseConnection,
    context: RequestContext,
    order: Uuid,
}

fn main() -> Outcome<()> {
    let rounds = rounds();
    let server = ThrowawayPostgres::start()?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let bed = lay(&server).await?;
        let mut taken = Variant::ALL.map(|_| Vec::new());
        // The first round warms up.
        for round in 0..=rounds {
            for (taken, variant) in taken.iter_mut().zip(Variant::ALL) {
                let times = crowd(variant, &bed).await?;
                if round > 0 {
                    taken.extend(times);
                }
            }
        }
        print(&mut taken);
        Ok(())
    })
}

fn rounds() -> usize {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let default = match arguments.iter().any(|it| it == "--bench") {
        true => 20,
        false => 1,
    };
    arguments
        .iter()
        .find_map(|it| it.parse().ok())
        .unwrap_or(default)
}

async fn lay(server: &ThrowawayPostgres) -> Outcome<Bed> {
    let shop = server.migrated::<Migrator>("shop").await?;
    let config = shop.config()?.pool_size(CONNECTIONS).max_overflow(0);
    let db = Database::connect(config).await?;
    let context = RequestContext::tenant("acme")?
        .user("u-7")?
        .request_id("r-1")?;
    let new = order::ActiveModel {
        number: Set("1".into()),
        total_cents: Set(10),
        ..Default::default()
    };
    let order = db
        .write(&context, async |tx| new.insert(tx).await)
        .await?
        .id;
    // SeaORM alone sees the row through the same policy, by the tenant of its role.
    let admin = sea_orm::Database::connect(shop.superuser_url()).await?;
    let shown = "ALTER ROLE shop_app SET app.current_tenant_id = 'acme'; ANALYZE";
    admin.execute_unprepared(shown).await?;
    admin.close().await?;
    db.close().await;
    let db = Database::connect(shop.config()?.pool_size(CONNECTIONS).max_overflow(0)).await?;
    Ok(Bed {
        plain: db.plain(),
        db,
        context,
        order,
    })
}

async fn crowd(variant: Variant, bed: &Bed) -> Outcome<Vec<Duration>> {
    let mut tasks = Vec::with_capacity(TASKS);
    for _ in 0..TASKS {
        let bed = bed.clone();
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::with_capacity(UNITS);
            for _ in 0..UNITS {
                let start = Instant::now();
                variant.run(&bed).await?;
                times.push(start.elapsed());
            }
            Outcome::Ok(times)
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    Ok(all)
}

fn print(taken: &mut [Vec<Duration>]) {
    let at = |times: &[Duration], part: usize| times[(times.len() - 1) * part / 100];
    let mut base = None;
    println!(
        "{:36} {:>10} {:>10} {:>7} {:>7}",
        "", "p50", "p99", "p50", "p99"
    );
    for (times, variant) in taken.iter_mut().zip(Variant::ALL) {
        times.sort_unstable();
        let (p50, p99) = (at(times, 50), at(times, 99));
        let (base50, base99) = *base.get_or_insert((p50, p99));
        println!(
            "{:36} {:>7.1} ms {:>7.1} ms {:>7.2} {:>7.2}",
            variant.name(),
            p50.as_secs_f64() * 1e3,
            p99.as_secs_f64() * 1e3,
            p50.as_secs_f64() / base50.as_secs_f64(),
            p99.as_secs_f64() / base99.as_secs_f64(),
        );
    }
}
