//! I53: statements that a connection has prepared for one schema, in another.

use std::time::Duration;

use dotmac_database::Retryable;
use dotmac_database::prelude::*;
use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, StreamTrait};

use super::kit::{estate, plain_schema};
use crate::support::{A, B, Shop, context, kind};

const ITEMS: &str = "SELECT code FROM items ORDER BY 1";

/// The same table in two schemas, with columns of different types.
async fn differing(connections: u32) -> Shop {
    let shop = estate(connections).await;
    let numbers = "CREATE TABLE items (code int); INSERT INTO items VALUES (7); \
                   CREATE TYPE mood AS ENUM ('calm'); CREATE TABLE moods (mood mood); \
                   INSERT INTO moods VALUES ('calm')";
    plain_schema(&shop, A, numbers).await;
    let texts = "CREATE TABLE items (code text); INSERT INTO items VALUES ('seven'); \
                 CREATE TYPE mood AS ENUM ('wild'); CREATE TABLE moods (mood mood); \
                 INSERT INTO moods VALUES ('wild')";
    plain_schema(&shop, B, texts).await;
    shop
}

async fn query(tx: &Session, sql: &str) -> Result<QueryResult, DbErr> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    Ok(tx.query_one_raw(statement).await?.expect("a row"))
}

/// The code, as whichever of the two types it is.
async fn code(tx: &Session) -> Result<String, DbErr> {
    let row = query(tx, ITEMS).await?;
    let number = row.try_get_by_index::<i32>(0).map(|code| code.to_string());
    number.or_else(|_| row.try_get_by_index(0))
}

fn right(tenant: &str) -> &'static str {
    match tenant {
        A => "7",
        _ => "seven",
    }
}

#[tokio::test]
async fn i53_statement_prepared_in_another_schema_gives_right_rows_or_a_typed_error() {
    let shop = differing(1).await;
    let mut stale = 0;
    for turn in 0..20 {
        let tenant = [A, B][turn % 2];
        let attempt = async || {
            shop.db
                .read(&context(tenant), async |tx| code(tx).await)
                .await
        };
        let found = match attempt().await.map_err(Error::from) {
            Ok(found) => found,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::StalePlan, "{error:?}");
                assert!(error.is_retryable());
                stale += 1;
                // The connection is not left with it.
                attempt().await.unwrap()
            }
        };
        assert_eq!(found, right(tenant));
    }
    assert_eq!(stale, 19, "every change of the schema");
}

#[tokio::test]
async fn i53_retried_unit_of_work_gives_right_rows() {
    let shop = differing(2).await;
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let db = shop.db.clone();
            tokio::spawn(async move {
                for turn in 0..20 {
                    let tenant = [A, B][(task + turn) % 2];
                    let delay = Duration::from_millis(1);
                    // One failure tells that what the connections have prepared does not fit.
                    let policy = RetryPolicy::default().retries(1).delays(delay, delay);
                    let who = context(tenant);
                    let read = db.retrying(policy).read(&who, code);
                    assert_eq!(read.await.unwrap(), right(tenant));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn i53_session_goes_on_where_the_statement_ran_in_a_nested_one() {
    let shop = differing(1).await;
    shop.db.read(&shop.a, code).await.unwrap();
    let work = shop.db.write(&shop.b, async |tx| {
        let nested = tx.nested()?;
        assert_eq!(kind(code(&nested).await), ErrorKind::StalePlan);
        nested.rollback().await?;
        let nested = tx.nested()?;
        let found = code(&nested).await?;
        nested.commit().await?;
        Ok::<_, Error>(found)
    });
    assert_eq!(work.await.unwrap(), "seven");
}

#[tokio::test]
async fn i53_stream_does_not_leave_the_connection_with_a_stale_statement() {
    let shop = differing(1).await;
    shop.db.read(&shop.a, code).await.unwrap();
    let stream = async |tx: &Session| {
        let statement = Statement::from_string(DbBackend::Postgres, ITEMS);
        let mut rows = tx.stream_raw(statement).await?;
        rows.try_next().await?.expect("a row").try_get_by_index(0)
    };
    let first: Result<String, DbErr> = shop.db.read(&shop.b, stream).await;
    let first = first.unwrap_err();
    assert!(first.is_retryable());
    let second: Result<String, DbErr> = shop.db.read(&shop.b, stream).await;
    assert_eq!(second.unwrap(), "seven");
}

#[tokio::test]
async fn i53_enumeration_of_one_schema_is_not_that_of_another() {
    let shop = differing(1).await;
    for turn in 0..6 {
        let (tenant, mood) = [(A, "calm"), (B, "wild")][turn % 2];
        // As SeaORM writes an enumeration, in a condition and in a result.
        let who = context(tenant);
        let as_text = shop.db.read(&who, async |tx| {
            let sql = "SELECT CAST(mood AS text) FROM moods WHERE mood = CAST($1 AS mood)";
            let mood = [sea_orm::Value::from(mood)];
            let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, mood);
            let row = tx.query_one_raw(statement).await?.expect("a row");
            row.try_get_by_index::<String>(0)
        });
        assert_eq!(as_text.await.unwrap(), mood);
        // As it is, its type is the schema's own.
        let attempt = async || {
            let read = shop.db.read(&who, async |tx| {
                query(tx, "SELECT mood FROM moods").await.map(drop)
            });
            read.await.map_err(Error::from)
        };
        if let Err(error) = attempt().await {
            assert_eq!(error.kind(), ErrorKind::StalePlan);
            attempt().await.unwrap();
        }
    }
}

#[tokio::test]
async fn i53_tables_of_one_shape_share_their_prepared_statements() {
    let shop = estate(1).await;
    for tenant in [A, B] {
        let sql = format!("CREATE TABLE remarks AS SELECT '{tenant}'::text AS body");
        plain_schema(&shop, tenant, &sql).await;
    }
    for turn in 0..20 {
        let tenant = [A, B][turn % 2];
        let who = context(tenant);
        let read = shop.db.read(&who, async |tx| {
            let row = query(tx, "SELECT body FROM remarks").await?;
            let sql =
                "SELECT count(*)::text FROM pg_prepared_statements WHERE statement LIKE '%remarks%'";
            let prepared = super::kit::text(tx, sql).await?;
            Ok::<_, DbErr>((row.try_get_by_index::<String>(0)?, prepared))
        });
        let (body, prepared) = read.await.unwrap();
        assert_eq!(body, tenant);
        assert!(matches!(prepared.as_str(), "1" | "2"), "{prepared}");
    }
}
