//! I36, I53: behind PgBouncer in transaction mode, with one server connection for all schemas.

use dotmac_database::SearchPath;
use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::kit::{OWN, estate, numbers, plain_schema};
use crate::pgbouncer::PgBouncer;
use crate::support::{A, B, context, kind};

#[tokio::test]
async fn i36_i53_sessions_of_many_schemas_share_one_server_connection_without_crossing() {
    let shop = estate(1).await;
    plain_schema(&shop, A, "CREATE TABLE items AS SELECT 7 AS code").await;
    plain_schema(
        &shop,
        B,
        "CREATE TABLE items AS SELECT 'seven'::text AS code",
    )
    .await;
    let bouncer = PgBouncer::start(1);
    let config = bouncer.config(&shop).schemas(SearchPath::tenant());
    let db = Database::connect(config).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let db = db.clone();
            tokio::spawn(async move {
                for turn in 0..12 {
                    let tenant = [A, B][(task + turn) % 2];
                    let (who, nobody) = (context(tenant), context("gamma"));
                    let work = db.write(&who, async |tx| {
                        assert_eq!(numbers(tx).await?, [OWN]);
                        let nested = tx.nested()?;
                        let sql = "SELECT code FROM items";
                        let statement = Statement::from_string(DbBackend::Postgres, sql);
                        let row = nested.query_one_raw(statement).await?.expect("a row");
                        nested.commit().await?;
                        match tenant {
                            A => assert_eq!(row.try_get_by_index::<i32>(0)?, 7),
                            _ => assert_eq!(row.try_get_by_index::<String>(0)?, "seven"),
                        }
                        assert_eq!(numbers(tx).await?, [OWN]);
                        Ok::<_, Error>(())
                    });
                    work.await.unwrap();
                    let unknown = db.read(&nobody, async |tx| numbers(tx).await);
                    assert_eq!(kind(unknown.await), ErrorKind::Tenancy);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
