//! I31: a session whose first statement is cancelled at any poll poisons no connection.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use dotmac_database::prelude::*;
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Shop, server, set_total};

/// Polls `future` at most `polls` times, waiting for its wakes in between, then drops it.
pub async fn poll_times<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            // The last poll was used: nothing would wake for the drop.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A proxy before the server that hands its answers on a few bytes at a time, so that one answer
/// takes many polls, and a future can be dropped inside of it.
pub async fn drip() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server().port()))
                .await
                .unwrap();
            server.set_nodelay(true).unwrap();
            client.set_nodelay(true).unwrap();
            let (mut from_server, mut to_server) = server.into_split();
            let (mut from_client, mut to_client) = client.into_split();
            tokio::spawn(async move {
                let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
            });
            tokio::spawn(async move {
                let mut bytes = [0; 16];
                while let Ok(n @ 1..) = from_server.read(&mut bytes).await {
                    if to_client.write_all(&bytes[..n]).await.is_err() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
            });
        }
    });
    port
}

/// The shop behind the dripping proxy.
pub async fn dripping(connections: u32) -> Shop {
    let mut shop = Shop::open().await;
    let (direct, slow) = (server().port().to_string(), drip().await.to_string());
    let url = crate::support::url(&shop.name).replace(&direct, &slow);
    let config = DatabaseConfig::new(&url)
        .unwrap()
        .pool_size(connections)
        .max_overflow(0);
    shop.db = Database::connect(config).await.unwrap();
    shop
}

/// Takes every connection of the pool, and looks for one in a transaction or with a context.
async fn poisoned(shop: &Shop, connections: usize) -> usize {
    let plain = shop.db.plain();
    let pool = plain.get_postgres_connection_pool();
    let mut taken = Vec::new();
    let mut poisoned = 0;
    for _ in 0..connections {
        let mut connection = pool.acquire().await.unwrap();
        // In a transaction, `now()` stands still from one statement to the next.
        let sql =
            "SELECT now()::text, coalesce(current_setting('app.current_tenant_id', true), '')";
        let mut look = async || -> (String, String) {
            sqlx::query_as(sql)
                .fetch_one(&mut *connection)
                .await
                .unwrap()
        };
        let (first, tenant) = look().await;
        let (second, _) = look().await;
        let bad = first == second || !tenant.is_empty();
        poisoned += usize::from(bad);
        taken.push(connection);
    }
    poisoned
}

#[tokio::test]
async fn i31_begin_cancelled_after_n_polls_poisons_no_connection() {
    let mut cancelled = 0;
    for connections in 1..=4_u32 {
        let shop = dripping(connections).await;
        for round in 0..500_usize {
            let polls = 1 + round % 16;
            let session = match round % 2 {
                0 => shop.db.begin(&shop.a).unwrap(),
                _ => shop
                    .db
                    .begin_with(&shop.a, SessionOptions::read_only())
                    .unwrap(),
            };
            let statement = order::Entity::find().all(&session);
            cancelled += usize::from(poll_times(statement, polls).await.is_none());
            drop(session);
            if round % 25 == 0 {
                assert_eq!(
                    poisoned(&shop, connections as usize).await,
                    0,
                    "after {polls} polls"
                );
            }
        }
        assert_eq!(poisoned(&shop, connections as usize).await, 0);
    }
    assert!(
        cancelled > 1_000,
        "the test must cancel: {cancelled} of 2,000"
    );
}

#[tokio::test]
async fn i31_statement_after_a_cancelled_begin_is_refused() {
    let shop = dripping(1).await;
    let mut refused = 0;
    for polls in 1..50 {
        let session = shop.db.begin(&shop.a).unwrap();
        let first = poll_times(order::Entity::find().all(&session), polls).await;
        match order::Entity::find()
            .all(&session)
            .await
            .map_err(Error::from)
        {
            Ok(rows) => assert_eq!(rows[0].tenant_id, "acme", "never without its context"),
            Err(error) => {
                assert!(first.is_none());
                assert_eq!(error.kind(), ErrorKind::ConnectionLost);
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn i32_commit_cancelled_after_n_polls_is_finished_with_its_actions() {
    let shop = dripping(2).await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut cancelled = 0;
    for round in 0..300_usize {
        let session = shop.db.begin(&shop.a).unwrap();
        session
            .execute_unprepared(&format!("UPDATE orders SET total_cents = {round}"))
            .await
            .unwrap();
        let sender = sender.clone();
        session
            .after_commit(move || async move { sender.send(round).unwrap() })
            .unwrap();
        let done = poll_times(session.commit(), 1 + round % 8).await;
        cancelled += usize::from(done.is_none());
        // The action runs whether the caller waited or not, and after COMMIT.
        let action = tokio::time::timeout(Duration::from_secs(10), receiver.recv()).await;
        assert_eq!(action, Ok(Some(round)), "the action did not run");
        assert_eq!(shop.order(&shop.a).await.total_cents, round as i64);
    }
    assert!(cancelled > 30, "the test must cancel: {cancelled} of 300");
    assert_eq!(poisoned(&shop, 2).await, 0);
}

#[tokio::test]
async fn commit_that_was_never_polled_is_a_rollback() {
    let shop = Shop::with_pool(1).await;
    let session = shop.db.begin(&shop.a).unwrap();
    set_total(&session, 77).await;
    drop(session.commit());
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
}

#[test]
fn session_survives_the_end_of_its_runtime() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let first = runtime();
    let (shop, session) = first.block_on(async {
        let shop = Shop::with_pool(1).await;
        let session = shop.db.begin(&shop.a).unwrap();
        set_total(&session, 77).await;
        (shop, session)
    });
    let name = shop.name.clone();
    drop(session);
    drop(shop);
    drop(first);
    // PostgreSQL sees the closed connection and rolls back.
    let total = runtime().block_on(async {
        let admin = crate::support::admin(&name).await;
        let sql = "SELECT total_cents FROM orders WHERE tenant_id = 'acme' FOR UPDATE";
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = admin.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    });
    assert_eq!(total, 10);
}
