//! Units of work that run again after a conflict, on real serialization failures and deadlocks.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dotmac_database::prelude::*;
use dotmac_database::{Retryable, Retrying};
use migration::entity::order;
use sea_orm::{ConnectionTrait, DatabaseConnection, IsolationLevel};
use tokio::sync::Barrier;

use crate::support::{Shop, config, kind, set_total};

const WAITS: &str = "UPDATE orders SET total_cents = total_cents + 1 WHERE tenant_id = 'acme'";

/// Counts the attempts of a unit of work.
#[derive(Debug, Default)]
struct Attempts(AtomicU32);

impl Attempts {
    fn begin(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

fn serializable(shop: &Shop) -> Retrying<'_> {
    shop.db
        .retrying(RetryPolicy::default())
        .isolation(IsolationLevel::Serializable)
}

/// Reads, lets another transaction change the same row, and changes it as well.
async fn conflict(tx: &Session, admin: &DatabaseConnection) -> Result<(), DbErr> {
    order::Entity::find().all(tx).await?;
    admin.execute_unprepared(WAITS).await?;
    tx.execute_unprepared("UPDATE orders SET total_cents = 5")
        .await?;
    Ok(())
}

async fn add_order(shop: &Shop, number: &str) -> order::Model {
    let order = order::ActiveModel {
        number: Set(number.into()),
        total_cents: Set(10),
        ..Default::default()
    };
    let added = shop.db.write(&shop.a, async |tx| order.insert(tx).await);
    added.await.unwrap()
}

async fn sum(tx: &Session) -> Result<i64, DbErr> {
    let orders = order::Entity::find().all(tx).await?;
    Ok(orders.iter().map(|order| order.total_cents).sum())
}

async fn set_total_of(tx: &Session, id: Uuid, total: i64) -> Result<(), DbErr> {
    let changed = order::Entity::update_many()
        .col_expr(order::Column::TotalCents, total.into())
        .filter(order::Column::Id.eq(id));
    changed.exec(tx).await.map(drop)
}

#[tokio::test]
async fn write_skew_that_only_commit_can_tell_is_run_again() {
    let shop = Arc::new(Shop::open().await);
    let orders = [shop.order(&shop.a).await.id, add_order(&shop, "2").await.id];
    // Each has read what the other writes, and both have written, before one of them commits.
    let barrier = Arc::new(Barrier::new(2));
    let attempts = Arc::new(Attempts::default());
    let units = orders.map(|own| {
        let (shop, barrier) = (Arc::clone(&shop), Arc::clone(&barrier));
        let attempts = Arc::clone(&attempts);
        tokio::spawn(async move {
            let first = Attempts::default();
            let unit = serializable(&shop).write(&shop.a, async |tx| {
                attempts.begin();
                let is_first = first.begin() == 1;
                let sum = sum(tx).await?;
                if is_first {
                    barrier.wait().await;
                }
                set_total_of(tx, own, sum).await?;
                if is_first {
                    barrier.wait().await;
                }
                Ok::<_, DbErr>(())
            });
            tokio::time::timeout(Duration::from_secs(20), unit).await
        })
    });
    for unit in units {
        unit.await.unwrap().expect("no hang").unwrap();
    }
    assert!(attempts.count() >= 3, "{attempts:?}");
    // One after the other: 10 + 10 = 20, then 20 + 10 = 30.
    let total = shop.db.read(&shop.a, async |tx| sum(tx).await);
    assert_eq!(total.await.unwrap(), 50);
}

#[tokio::test]
async fn deadlock_ends_with_both_units_done() {
    let shop = Shop::open().await;
    let (one, two) = (shop.order(&shop.a).await.id, add_order(&shop, "2").await.id);
    let sql = format!("ALTER DATABASE {} SET deadlock_timeout = '20ms'", shop.name);
    shop.admin().await.execute_unprepared(&sql).await.unwrap();
    let db = Database::connect(config(&shop.name)).await.unwrap();
    let barrier = Barrier::new(2);
    let attempts = Attempts::default();
    let unit = async |first: Uuid, second: Uuid| {
        let own = Attempts::default();
        db.retrying(RetryPolicy::default())
            .write(&shop.a, async |tx| {
                attempts.begin();
                let is_first = own.begin() == 1;
                let lock = async |id: Uuid| {
                    let sql = format!(
                        "UPDATE orders SET total_cents = total_cents + 1 WHERE id = '{id}'"
                    );
                    tx.execute_unprepared(&sql).await
                };
                lock(first).await?;
                if is_first {
                    barrier.wait().await;
                }
                lock(second).await
            })
            .await
    };
    let (left, right) = tokio::join!(unit(one, two), unit(two, one));
    left.unwrap();
    right.unwrap();
    assert_eq!(attempts.count(), 3, "one was the victim, once");
    let total = shop.db.read(&shop.a, async |tx| sum(tx).await);
    assert_eq!(total.await.unwrap(), 24);
}

#[tokio::test]
async fn policy_gives_up_with_the_last_error() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    let attempts = Attempts::default();
    let policy = RetryPolicy::default()
        .retries(2)
        .delays(Duration::ZERO, Duration::ZERO);
    let error = shop
        .db
        .retrying(policy)
        .isolation(IsolationLevel::RepeatableRead)
        .write(&shop.a, async |tx| {
            attempts.begin();
            conflict(tx, &admin).await
        })
        .await
        .unwrap_err();
    assert!(error.is_retryable());
    assert_eq!(kind(Err::<(), _>(error)), ErrorKind::Serialization);
    assert_eq!(attempts.count(), 3);
    assert_eq!(
        shop.order(&shop.a).await.total_cents,
        13,
        "only the other's"
    );
}

#[tokio::test]
async fn other_failures_are_not_run_again() {
    let shop = Shop::open().await;
    let attempts = Attempts::default();
    let retrying = serializable(&shop);
    let failed = retrying.write(&shop.a, async |tx| {
        attempts.begin();
        tx.execute_unprepared("SELECT 1 / 0").await
    });
    assert_eq!(kind(failed.await), ErrorKind::Other);
    let aborted = retrying.write(&shop.a, async |tx| {
        attempts.begin();
        let _ = tx.execute_unprepared("SELECT 1 / 0").await;
        Ok::<_, Error>(())
    });
    assert_eq!(kind(aborted.await), ErrorKind::Aborted);
    let refused = retrying.read(&shop.a, async |tx| {
        attempts.begin();
        tx.execute_unprepared("DELETE FROM orders").await
    });
    assert_eq!(kind(refused.await), ErrorKind::ReadOnly);
    assert_eq!(attempts.count(), 3);
}

#[tokio::test]
async fn conflict_that_the_unit_kept_for_itself_is_run_again() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    let attempts = Attempts::default();
    serializable(&shop)
        .write(&shop.a, async |tx| {
            if attempts.begin() < 3 {
                assert!(conflict(tx, &admin).await.is_err());
                // Only COMMIT could tell, or the next statement.
                if attempts.count() == 2 {
                    order::Entity::find().all(tx).await?;
                }
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(attempts.count(), 3);
}

#[tokio::test]
async fn conflict_in_a_nested_session_runs_the_whole_unit_again() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    let (outer, inner) = (Attempts::default(), Attempts::default());
    serializable(&shop)
        .write(&shop.a, async |tx| {
            outer.begin();
            let nested = tx.nested()?;
            match inner.begin() {
                1 => conflict(&nested, &admin).await?,
                _ => set_total(&nested, 7).await,
            }
            nested.commit().await
        })
        .await
        .unwrap();
    assert_eq!((outer.count(), inner.count()), (2, 2));
    assert_eq!(shop.order(&shop.a).await.total_cents, 7);
}

#[tokio::test]
async fn i34_each_attempt_has_the_context_and_only_the_last_runs_its_actions() {
    let shop = Shop::with_pool(2).await;
    let admin = shop.admin().await;
    let attempts = Attempts::default();
    let ran = Arc::new(Attempts::default());
    let context = async |tx: &Session| {
        let sql = "SELECT concat_ws(',', current_setting('app.current_tenant_id'), \
                   current_setting('app.current_user_id'), current_setting('app.request_id'))";
        let statement = sea_orm::Statement::from_string(tx.backend(), sql);
        let row = tx.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<String>(0).unwrap()
    };
    serializable(&shop)
        .write(&shop.a, async |tx| {
            let attempt = attempts.begin();
            let ran = Arc::clone(&ran);
            tx.after_commit(move || async move {
                ran.begin();
            })?;
            assert_eq!(context(tx).await, "acme,acme-user,acme-request");
            // Another tenant's unit takes a connection in between.
            let other = shop
                .db
                .read(&shop.b, async |tx| Ok::<_, Error>(context(tx).await));
            assert_eq!(other.await?, "beta,beta-user,beta-request");
            let orders = order::Entity::find().all(tx).await?;
            assert!(orders.iter().all(|order| order.tenant_id == "acme"));
            if attempt < 4 {
                conflict(tx, &admin).await?;
            }
            assert_eq!(context(tx).await, "acme,acme-user,acme-request");
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!((attempts.count(), ran.count()), (4, 1));
}

#[derive(Debug)]
enum OrderError {
    SoldOut,
    Database(Error),
}

impl From<Error> for OrderError {
    fn from(error: Error) -> Self {
        OrderError::Database(error)
    }
}

impl From<DbErr> for OrderError {
    fn from(error: DbErr) -> Self {
        OrderError::Database(error.into())
    }
}

impl Retryable for OrderError {
    fn is_retryable(&self) -> bool {
        match self {
            OrderError::SoldOut => false,
            OrderError::Database(error) => error.is_retryable(),
        }
    }
}

#[tokio::test]
async fn error_of_the_programs_own_says_what_is_run_again() {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    let attempts = Attempts::default();
    let sold_out: Result<(), OrderError> = serializable(&shop)
        .write(&shop.a, async |tx| {
            if attempts.begin() == 1 {
                conflict(tx, &admin).await?;
            }
            Err(OrderError::SoldOut)
        })
        .await;
    assert!(matches!(sold_out, Err(OrderError::SoldOut)));
    assert_eq!(attempts.count(), 2);
    // Any boxed error as well.
    let attempts = Attempts::default();
    serializable(&shop)
        .write(&shop.a, async |tx| {
            if attempts.begin() == 1 {
                conflict(tx, &admin).await?;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        })
        .await
        .unwrap();
    assert_eq!(attempts.count(), 2);
}

/// As a handler of a web framework: the future owns what it needs, and may run on any thread.
#[expect(
    clippy::manual_async_fn,
    reason = "that its future is `Send` is to be said and checked here"
)]
fn handler(
    db: Database,
    context: RequestContext,
    number: String,
) -> impl Future<Output = Result<usize, Error>> + Send + 'static {
    async move {
        let found = db
            .retrying(RetryPolicy::default())
            .read(&context, async |tx| {
                let found = order::Entity::find().filter(order::Column::Number.eq(&number));
                let nested = tx.nested()?;
                let rows = found.all(&nested).await?;
                nested.commit().await?;
                Ok::<_, Error>(rows.len())
            })
            .await?;
        Ok(found)
    }
}

#[tokio::test]
async fn retried_units_are_send() {
    let shop = Shop::open().await;
    let found = tokio::spawn(handler(shop.db.clone(), shop.a.clone(), "1".into()));
    assert_eq!(found.await.unwrap().unwrap(), 1);
}
