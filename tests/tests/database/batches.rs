//! Batches: all rows of a select, once each, while the same session writes.

use dotmac_database::prelude::*;
use sea_orm::sea_query::{Alias, Expr};
use sea_orm::{JoinType, PaginatorTrait, QuerySelect};

use crate::support::kind;
use crate::tickets::{Bed, own, ticket};

use ticket::Column;

#[tokio::test]
async fn every_row_of_the_select_comes_once_in_order_of_its_key() {
    for bed in Bed::both().await {
        bed.fill(25).await;
        bed.db
            .read(&bed.a, async |tx| {
                let expected = own(tx).order_by_asc(Column::Id).all(tx).await?;
                for size in [0, 1, 4, 5, 24, 25, 26] {
                    let mut rows = Vec::new();
                    let count = own(tx).find_each(size, tx, |row| {
                        rows.push(row);
                        std::future::ready(Ok::<_, Error>(()))
                    });
                    assert_eq!(count.await?, 25);
                    assert_eq!(rows, expected, "{size}");
                }
                let mut sizes = Vec::new();
                let calm = own(tx).filter(Column::Urgent.eq(false));
                let mut batches = calm.find_in_batches(8);
                while let Some(rows) = batches.next(tx).await? {
                    sizes.push(rows.len());
                }
                assert_eq!(sizes, [8, 8, 4]);
                assert!(batches.next(tx).await?.is_none());
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn deleted_and_foreign_rows_come_in_no_batch() {
    let bed = Bed::postgres().await;
    bed.fill(6).await;
    bed.db
        .write(&bed.a, async |tx| {
            let gone = ticket::Entity::find().one(tx).await?.unwrap();
            gone.clone().delete(tx).await?;
            let each = ticket::Entity::find().find_each(2, tx, async |row| {
                assert_eq!(row.tenant_id, "acme");
                assert_ne!(row.id, gone.id);
                Ok::<_, Error>(())
            });
            assert_eq!(each.await?, 5);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn work_writes_in_the_session_that_it_reads_from() {
    for bed in Bed::both().await {
        bed.fill(10).await;
        bed.db
            .write(&bed.a, async |tx| {
                let mut seen = Vec::new();
                let mut batches = own(tx).find_in_batches(3);
                while let Some(rows) = batches.next(tx).await? {
                    for row in rows {
                        seen.push(row.id);
                        row.delete(tx).await?;
                        // What is inserted has a key ahead, and so is seen as well.
                        if seen.len() <= 10 {
                            crate::tickets::ticket(50).insert(tx).await?;
                        }
                    }
                }
                assert_eq!(seen.len(), 20);
                seen.sort_unstable();
                seen.dedup();
                assert_eq!(seen.len(), 20);
                assert_eq!(own(tx).count(tx).await?, 0);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let other = bed.db.read(&bed.b, async |tx| own(tx).count(tx).await);
        assert_eq!(other.await.unwrap(), 10);
    }
}

#[tokio::test]
async fn error_of_the_work_ends_it_and_is_returned() {
    for bed in Bed::both().await {
        bed.fill(10).await;
        bed.db
            .read(&bed.a, async |tx| {
                let mut calls = 0;
                let ended = own(tx).find_each(3, tx, |_| {
                    calls += 1;
                    std::future::ready(match calls {
                        5 => Err(Error::InvalidCursor),
                        _ => Ok(()),
                    })
                });
                assert_eq!(kind(ended.await), ErrorKind::InvalidCursor);
                assert_eq!(calls, 5);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn row_that_comes_twice_is_an_error() {
    let bed = Bed::sqlite().await;
    bed.fill(4).await;
    bed.db
        .read(&bed.a, async |tx| {
            let twice = || {
                let mut select = own(tx);
                let (other, all) = (Alias::new("other"), Expr::val(true));
                QuerySelect::query(&mut select).join_as(
                    JoinType::InnerJoin,
                    ticket::Entity,
                    other,
                    all,
                );
                select
            };
            let refused = twice().find_each(3, tx, async |_| Ok::<_, Error>(())).await;
            assert_eq!(kind(refused), ErrorKind::InvalidSelect);
            let ordered = own(tx).order_by_asc(Column::Title);
            let refused = ordered.find_each(3, tx, async |_| Ok::<_, Error>(())).await;
            assert_eq!(kind(refused), ErrorKind::InvalidSelect);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn each_row_is_worked_on_inside_a_task() {
    let bed = Bed::sqlite().await;
    bed.fill(4).await;
    let (db, a) = (bed.db.clone(), bed.a.clone());
    let task = tokio::spawn(async move {
        let work = async |tx: &Session| {
            let each = own(tx).find_each(3, tx, async |row| {
                row.delete(tx).await?;
                Ok::<_, Error>(())
            });
            each.await
        };
        db.write(&a, work).await
    });
    assert_eq!(task.await.unwrap().unwrap(), 4);
}
