//! Whatever changes a row ends its entry once it is committed, and no more entries than it must.

use dotmac_database::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ConnectionTrait, QueryTrait, TryIntoModel};

use super::bed::{
    Process, cache, insert_page, new_page, program, shop, title, title_all, until_titled,
};
use super::table::{folder, leaf, page, slot, ticket};
use crate::cache::server::{ThrowawayRedis, until};

/// Every write of one row by its model.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_saved_or_deleted_ends_its_own_entry_and_no_other() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    for (at, process) in Process::both(&shop.db, &redis)
        .await
        .into_iter()
        .enumerate()
    {
        let mut page = insert_page(&shop.db, &shop.a, &format!("a{at}")).await;
        let other = insert_page(&shop.db, &shop.a, &format!("b{at}")).await;
        let id = page.id;
        let seen = async |expected: Option<&str>, after: &str| {
            let (found, was_loaded) = process.look(&shop.a, id).await;
            assert_eq!(found.as_deref(), expected, "after {after}");
            assert!(was_loaded, "after {after}");
            assert!(
                !process.look(&shop.a, id).await.1,
                "it is kept after {after}"
            );
            assert!(
                !process.look(&shop.a, other.id).await.1,
                "the other, after {after}"
            );
        };
        process.title(&shop.a, other.id).await;
        seen(Some("old"), "insert").await;
        let write = async |page: &page::Model, how: &str| {
            shop.db
                .write(&shop.a, async |tx| {
                    let mut active = page.clone().into_active_model();
                    active.title = Set(how.to_owned());
                    Ok::<_, Error>(match how {
                        "update" => active.update(tx).await?,
                        "save" => active.save(tx).await?.try_into_model()?,
                        "nested" => {
                            let nested = tx.nested()?;
                            let page = active.update(&nested).await?;
                            nested.commit().await?;
                            page
                        }
                        "update_many by key" => {
                            let update = page::Entity::update_many()
                                .col_expr(page::Column::Title, Expr::val(how))
                                .filter(page::Column::Id.eq(page.id));
                            let updated = update.exec_with_returning(tx).await?;
                            updated.into_iter().next().unwrap()
                        }
                        "soft_delete" => page.clone().soft_delete(tx).await?,
                        "restore" => page.clone().restore(tx).await?,
                        _ => {
                            page.clone().delete(tx).await?;
                            page.clone()
                        }
                    })
                })
                .await
                .unwrap()
        };
        for how in ["update", "save", "nested", "update_many by key"] {
            page = write(&page, how).await;
            seen(Some(how), how).await;
        }
        page = write(&page, "soft_delete").await;
        seen(None, "soft_delete").await;
        page = write(&page, "restore").await;
        seen(Some("update_many by key"), "restore").await;
        write(&page, "delete").await;
        seen(None, "delete").await;
    }
}

/// A bulk statement, and what the title of the page is then.
const BULK: [(&str, Option<&str>); 10] = [
    ("update_many", Some("new")),
    ("insert_many", Some("old")),
    ("upsert", Some("new")),
    ("batch", Some("new")),
    ("raw", Some("new")),
    ("lower case", Some("new")),
    ("do block", Some("new")),
    ("with", Some("new")),
    ("stream", Some("new")),
    ("delete_many", None),
];

#[tokio::test(flavor = "multi_thread")]
async fn bulk_and_raw_statements_end_the_entries_of_the_table() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    for process in Process::both(&shop.db, &redis).await {
        for (at, (how, expected)) in BULK.into_iter().enumerate() {
            let slug = format!("{how}{at}{}", Uuid::now_v7());
            let page = insert_page(&shop.db, &shop.a, &slug).await;
            assert_eq!(
                process.title(&shop.a, page.id).await.as_deref(),
                Some("old")
            );
            assert!(!process.look(&shop.a, page.id).await.1);
            let write = shop
                .db
                .write(&shop.a, async |tx| bulk(tx, &page, how).await);
            write.await.unwrap();
            let (found, was_loaded) = process.look(&shop.a, page.id).await;
            assert!(was_loaded, "{how}");
            assert_eq!(found.as_deref(), expected, "{how}");
        }
    }
}

/// Hooks do not make its key.
fn keyed(slug: &str) -> page::ActiveModel {
    page::ActiveModel {
        id: Set(Uuid::now_v7()),
        ..new_page(slug)
    }
}

async fn bulk(tx: &Session, page: &page::Model, how: &str) -> Result<(), Error> {
    let raw = "UPDATE cached_pages SET title = 'new'";
    match how {
        "update_many" => title_all(tx, "new").await,
        "insert_many" => {
            let pages = [
                keyed(&format!("x{}", page.slug)),
                keyed(&format!("y{}", page.slug)),
            ];
            page::Entity::insert_many(pages).exec(tx).await?;
        }
        "upsert" => {
            let mut row = keyed(&page.slug);
            row.title = Set("new".to_owned());
            page::Entity::upsert(row)
                .on([page::Column::Slug])
                .exec(tx)
                .await?;
        }
        "batch" => {
            let statement = page::Entity::update_many()
                .col_expr(page::Column::Title, Expr::val("new"))
                .build(tx.backend());
            tx.batch([statement]).await?;
        }
        "raw" => {
            tx.execute_unprepared(raw).await?;
        }
        "lower case" => {
            tx.execute_unprepared(&raw.to_lowercase()).await?;
        }
        "do block" => {
            let block = format!("DO $$ BEGIN {raw}; END $$");
            tx.execute_unprepared(&block).await?;
        }
        "with" => {
            let sql = format!("WITH new AS ({raw} RETURNING 1 AS n) SELECT n FROM new");
            let statement = sea_orm::Statement::from_string(tx.backend(), sql);
            tx.query_all_raw(statement).await?;
        }
        "stream" => {
            use futures_util::TryStreamExt;
            use sea_orm::StreamTrait;
            let sql = format!("{raw} RETURNING title");
            let statement = sea_orm::Statement::from_string(tx.backend(), sql);
            let rows = tx.stream_raw(statement).await?;
            rows.try_collect::<Vec<_>>().await?;
        }
        _ => {
            page::Entity::delete_many().exec(tx).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_processes_and_other_tenants() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let elsewhere = program(&shop).await;
    let here = Process::of(redis.client().await, &shop.db);
    let there = Process::of(redis.client().await, &elsewhere);
    let page = insert_page(&shop.db, &shop.a, "p").await;
    let foreign = insert_page(&shop.db, &shop.b, "p").await;
    for process in [&here, &there] {
        process.look(&shop.a, page.id).await;
        process.look(&shop.b, foreign.id).await;
    }
    shop.db
        .write(&shop.a, async |tx| {
            title_all(tx, "new").await;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(here.title(&shop.a, page.id).await.as_deref(), Some("new"));
    until_titled(&there, &shop.a, page.id, Some("new")).await;
    for process in [&here, &there] {
        assert_eq!(
            process.look(&shop.b, foreign.id).await,
            (Some("old".to_owned()), false),
            "the other tenant's entry stays"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_by_a_key_of_two_columns_ends_its_own_entry() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let process = Process::of(redis.client().await, &shop.db);
    let slots = cache::<slot::Entity>(&process.following);
    let new = |hour: i32| slot::ActiveModel {
        room: Set("a:b".to_owned()),
        hour: Set(hour),
        taken_by: Set("ada".to_owned()),
        ..Default::default()
    };
    let taken = async |hour: i32| {
        let id = ("a:b".to_owned(), hour);
        let slot = slot::Entity::cached_by_id(&shop.a, &slots, id)
            .await
            .unwrap();
        slot.map(|slot| slot.taken_by.clone())
    };
    assert_eq!(taken(1).await, None);
    let inserted = shop.db.write(&shop.a, async |tx| {
        new(1).insert(tx).await?;
        new(2).insert(tx).await
    });
    let two = inserted.await.unwrap();
    // With the first message of a tenant, what was kept before is given up.
    until(|| process.client.statistics().heard > 0).await;
    assert_eq!(
        (taken(1).await, taken(2).await),
        (Some("ada".into()), Some("ada".into()))
    );
    until(|| process.client.is_idle()).await;
    let loads = slots.statistics().loads;
    shop.db
        .write(&shop.a, async |tx| {
            let mut two = two.into_active_model();
            two.taken_by = Set("bob".to_owned());
            two.update(tx).await
        })
        .await
        .unwrap();
    assert_eq!(
        (taken(1).await, taken(2).await),
        (Some("ada".into()), Some("bob".into()))
    );
    assert_eq!(slots.statistics().loads, loads + 1);
}

/// Nobody can tell from the statement which key the database will make.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_whose_key_the_database_makes_is_found_after_its_insert() {
    let shop = shop().await;
    let process = Process::of(dotmac_database::cache::CacheClient::in_process(), &shop.db);
    let tickets = cache::<ticket::Entity>(&process.following);
    let find = async |id: i64| {
        ticket::Entity::cached_by_id(&shop.a, &tickets, id)
            .await
            .unwrap()
    };
    for id in 1..=3 {
        assert_eq!(find(id).await, None);
    }
    let inserted = shop.db.write(&shop.a, async |tx| {
        let ticket = ticket::ActiveModel {
            title: Set("first".to_owned()),
            ..Default::default()
        };
        ticket.insert(tx).await
    });
    let id = inserted.await.unwrap().id;
    assert_eq!(
        find(id).await.map(|it| it.title.clone()).as_deref(),
        Some("first")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_removed_with_their_parent_are_gone() {
    let (shop, redis) = (shop().await, ThrowawayRedis::start());
    let process = Process::of(redis.client().await, &shop.db);
    let leaves = cache::<leaf::Entity>(&process.following);
    let saved = shop.db.write(&shop.a, async |tx| {
        let leaf = leaf::ActiveModel::builder().set_title("old");
        let folder = folder::ActiveModel::builder().set_name("f").add_leaf(leaf);
        folder.save(tx).await
    });
    let saved = saved.await.unwrap();
    let folder = *saved.id.as_ref();
    let found = shop
        .db
        .read(&shop.a, async |tx| leaf::Entity::find().one(tx).await);
    let leaf = found.await.unwrap().unwrap();
    let title = async || {
        let leaf = leaf::Entity::cached_by_id(&shop.a, &leaves, leaf.id).await;
        leaf.unwrap().map(|leaf| leaf.title.clone())
    };
    assert_eq!(title().await.as_deref(), Some("old"));

    // A nested save.
    shop.db
        .write(&shop.a, async |tx| {
            let mut changed = leaf.clone().into_active_model().into_ex();
            changed.title = Set("new".to_owned());
            let folder = folder::Entity::find_by_id(folder).one(tx).await?.unwrap();
            let folder = folder.into_active_model().into_ex();
            folder.add_leaf(changed).save(tx).await
        })
        .await
        .unwrap();
    assert_eq!(title().await.as_deref(), Some("new"));

    shop.db
        .write(&shop.a, async |tx| {
            folder::Entity::delete_by_id(folder).exec(tx).await
        })
        .await
        .unwrap();
    assert_eq!(title().await, None);
}

/// The text of a statement says more than it does, and never less.
#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_one_row_and_is_more_ends_all() {
    let shop = shop().await;
    let process = Process::of(dotmac_database::cache::CacheClient::in_process(), &shop.db);
    let one = insert_page(&shop.db, &shop.a, "1").await;
    let two = insert_page(&shop.db, &shop.a, "2").await;
    for id in [one.id, two.id] {
        process.title(&shop.a, id).await;
    }
    shop.db
        .write(&shop.a, async |tx| {
            let either = Query::update()
                .table(page::Entity)
                .value(page::Column::Title, "new")
                .and_where(page::Column::Id.eq(one.id).or(page::Column::Id.eq(two.id)))
                .to_owned();
            tx.execute(&either).await
        })
        .await
        .unwrap();
    for id in [one.id, two.id] {
        assert_eq!(process.title(&shop.a, id).await.as_deref(), Some("new"));
    }
    let one = shop.db.write(&shop.a, async |tx| {
        Ok::<_, Error>(title(tx, &page_of(tx, one.id).await, "2").await)
    });
    assert_eq!(one.await.unwrap().title, "2");
}

async fn page_of(tx: &Session, id: Uuid) -> page::Model {
    page::Entity::find_by_id(id).one(tx).await.unwrap().unwrap()
}
