//! Bulk insert: all rows or none, stamped, and never NULL where a default was meant.

use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, PaginatorTrait};

use crate::support::kind;
use crate::tickets::{Bed, own, ticket, visit};

#[tokio::test]
async fn rows_beyond_the_parameters_of_a_statement_are_inserted_and_stamped() {
    for bed in Bed::both().await {
        bed.db
            .write(&bed.a, async |tx| {
                let rows = (0..5_003).map(crate::tickets::ticket);
                assert_eq!(ticket::Entity::insert_bulk(rows).exec(tx).await?, 5_003);
                let rows = own(tx).all(tx).await?;
                assert_eq!(rows.len(), 5_003);
                for row in rows {
                    assert_eq!(row.tenant_id, "acme");
                    assert_eq!(row.id.get_version_num(), 7);
                    assert_eq!(row.created_by.as_deref(), Some("acme-user"));
                    assert_eq!(row.request_id.as_deref(), Some("acme-request"));
                    assert!(row.is_active);
                }
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let read = bed.db.read(&bed.b, async |tx| own(tx).count(tx).await);
        assert_eq!(read.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn column_that_a_row_leaves_out_gets_its_default_and_not_null() {
    for bed in Bed::both().await {
        bed.db
            .write(&bed.a, async |tx| {
                let state = |number: u64| match number % 3 {
                    0 => Set(Some("closed".to_owned())),
                    1 => Set(None),
                    _ => NotSet,
                };
                let row = |number| ticket::ActiveModel {
                    title: Set(format!("{number:04}")),
                    state: state(number),
                    ..crate::tickets::ticket(number)
                };
                let rows = ticket::Entity::insert_bulk((0..3_000).map(row));
                let rows = rows.exec_with_returning(tx).await?;
                for (number, row) in rows.iter().enumerate() {
                    assert_eq!(row.title, format!("{number:04}"));
                    let expected = [Some("closed"), None, Some("new")][number % 3];
                    assert_eq!(row.state.as_deref(), expected);
                }
                assert_eq!(rows.len(), 3_000);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn keys_come_in_the_order_of_the_rows() {
    for bed in Bed::both().await {
        bed.db
            .write(&bed.a, async |tx| {
                let ids: Vec<_> = (0..2_500).map(|_| Uuid::now_v7()).rev().collect();
                let rows = ids
                    .iter()
                    .enumerate()
                    .map(|(number, id)| ticket::ActiveModel {
                        id: Set(*id),
                        rank: if number % 2 == 0 {
                            NotSet
                        } else {
                            Set(Some(1))
                        },
                        ..crate::tickets::ticket(1)
                    });
                let keys = ticket::Entity::insert_bulk(rows);
                assert_eq!(keys.exec_with_returning_keys(tx).await?, ids);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn rows_of_nothing_but_defaults_are_inserted() {
    for bed in Bed::both().await {
        bed.db
            .write(&bed.a, async |tx| {
                let origin = |origin: &str| visit::ActiveModel {
                    origin: Set(Some(origin.into())),
                    ..Default::default()
                };
                let rows = [Default::default(), origin("search"), Default::default()];
                let rows = visit::Entity::insert_bulk(rows)
                    .exec_with_returning(tx)
                    .await?;
                let origins: Vec<_> = rows.iter().map(|row| row.origin.as_deref()).collect();
                assert_eq!(origins, [Some("direct"), Some("search"), Some("direct")]);
                let nothing = visit::Entity::insert_bulk([]);
                assert_eq!(nothing.exec(tx).await?, 0);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn i21_one_foreign_row_refuses_all_of_them() {
    for bed in Bed::both().await {
        bed.db
            .write(&bed.a, async |tx| {
                let row = |number| ticket::ActiveModel {
                    tenant_id: match number {
                        2_345 => Set("beta".into()),
                        _ => NotSet,
                    },
                    ..crate::tickets::ticket(number)
                };
                let refused = ticket::Entity::insert_bulk((0..3_000).map(row))
                    .exec(tx)
                    .await;
                assert_eq!(kind(refused), ErrorKind::ForeignTenant);
                assert_eq!(own(tx).count(tx).await?, 0);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let nobody = RequestContext::without_tenant();
        let rows = (0..3).map(crate::tickets::ticket);
        let missing = bed.db.write(&nobody, async |tx| {
            ticket::Entity::insert_bulk(rows).exec(tx).await
        });
        assert_eq!(kind(missing.await), ErrorKind::MissingTenant);
    }
}

#[tokio::test]
async fn failure_in_a_late_statement_undoes_all_rows_and_the_session_goes_on() {
    for bed in Bed::both().await {
        bed.db
            .write(&bed.a, async |tx| {
                let before = crate::tickets::ticket(0).insert(tx).await?;
                let row = |number| ticket::ActiveModel {
                    id: match number {
                        2_999 => Set(before.id),
                        _ => NotSet,
                    },
                    ..crate::tickets::ticket(number)
                };
                let failed = ticket::Entity::insert_bulk((0..3_000).map(row))
                    .exec(tx)
                    .await;
                assert_eq!(kind(failed), ErrorKind::Unique);
                crate::tickets::ticket(1).insert(tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let left = bed.db.read(&bed.a, async |tx| own(tx).count(tx).await);
        assert_eq!(left.await.unwrap(), 2);
    }
}

#[tokio::test]
async fn bulk_insert_ends_with_the_session_around_it() {
    for bed in Bed::both().await {
        let session = bed.db.begin(&bed.a).unwrap();
        let rows = (0..1_500).map(crate::tickets::ticket);
        let inserted = ticket::Entity::insert_bulk(rows).exec(&session).await;
        assert_eq!(inserted.unwrap(), 1_500);
        session.rollback().await.unwrap();
        let left = bed.db.read(&bed.a, async |tx| own(tx).count(tx).await);
        assert_eq!(left.await.unwrap(), 0);
    }
}

#[tokio::test]
async fn row_that_a_trigger_drops_is_an_error_where_rows_are_returned() {
    let bed = Bed::postgres().await;
    let migrator = bed.shop.as_ref().unwrap().migrator().await;
    let sql = "CREATE FUNCTION drop_cold() RETURNS trigger LANGUAGE plpgsql AS \
               'BEGIN IF NEW.temper = ''cold'' THEN RETURN NULL; END IF; RETURN NEW; END'; \
               CREATE TRIGGER drop_cold BEFORE INSERT ON tickets FOR EACH ROW \
               EXECUTE FUNCTION drop_cold()";
    migrator.execute_unprepared(sql).await.unwrap();
    let rows = || (0..10).map(crate::tickets::ticket);
    bed.db
        .write(&bed.a, async |tx| {
            let returned = ticket::Entity::insert_bulk(rows())
                .exec_with_returning(tx)
                .await;
            assert!(returned.is_err());
            assert_eq!(own(tx).count(tx).await?, 0);
            assert_eq!(ticket::Entity::insert_bulk(rows()).exec(tx).await?, 5);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}
