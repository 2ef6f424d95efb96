//! Savepoints by name, on PostgreSQL and on SQLite.

use std::sync::{Arc, Mutex};

use dotmac_database::prelude::*;
use migration::entity::order;
use sea_orm::{ConnectionTrait, Statement};

use crate::cancellation::{dripping, poll_times};
use crate::support::{Shop, context, kind, set_total};

async fn total(tx: &Session) -> i64 {
    let order = order::Entity::find().one(tx).await.unwrap();
    order.unwrap().total_cents
}

async fn fail(tx: &Session) {
    let failed = tx.execute_unprepared("SELECT * FROM nowhere").await;
    assert_eq!(kind(failed), ErrorKind::Other);
    let refused = order::Entity::find().all(tx).await;
    assert_eq!(kind(refused), ErrorKind::Aborted);
}

/// A database with one order of the tenant `acme`.
async fn on_sqlite() -> Database {
    let db = crate::sqlite::open().await;
    let order = order::ActiveModel {
        number: Set("1".into()),
        total_cents: Set(10),
        ..Default::default()
    };
    db.write(&context("acme"), async |tx| order.insert(tx).await)
        .await
        .unwrap();
    db
}

async fn failure_costs_what_came_after(db: &Database) {
    let a = context("acme");
    db.write(&a, async |tx| {
        set_total(tx, 1).await;
        tx.savepoint("import")?;
        for _ in 0..2 {
            set_total(tx, 2).await;
            fail(tx).await;
            assert_eq!(kind(tx.release("import")), ErrorKind::Aborted);
            assert_eq!(kind(tx.savepoint("late")), ErrorKind::Aborted);
            tx.roll_back_to("import")?;
            assert_eq!(total(tx).await, 1);
        }
        set_total(tx, 3).await;
        tx.release("import")?;
        assert_eq!(kind(tx.roll_back_to("import")), ErrorKind::Session);
        assert_eq!(total(tx).await, 3);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let stored = db.read(&a, async |tx| Ok::<_, Error>(total(tx).await));
    assert_eq!(stored.await.unwrap(), 3);
}

async fn levels_nest_and_hide(db: &Database) {
    let a = context("acme");
    db.write(&a, async |tx| {
        tx.savepoint("a")?;
        set_total(tx, 1).await;
        tx.savepoint("a")?;
        set_total(tx, 2).await;
        let nested = tx.nested()?;
        assert_eq!(kind(nested.roll_back_to("a")), ErrorKind::Session);
        assert_eq!(kind(tx.roll_back_to("a")), ErrorKind::Session, "busy");
        nested.savepoint("a")?;
        set_total(&nested, 3).await;
        nested.roll_back_to("a")?;
        assert_eq!(total(&nested).await, 2);
        set_total(&nested, 4).await;
        // Its savepoint ends with it.
        nested.commit().await?;
        assert_eq!(total(tx).await, 4);
        tx.roll_back_to("a")?;
        assert_eq!(total(tx).await, 1);
        tx.release("a")?;
        tx.roll_back_to("a")?;
        assert_eq!(total(tx).await, 10);
        set_total(tx, 5).await;
        tx.savepoint("b")?;
        fail(tx).await;
        // The outer one takes the failure with it as well.
        tx.roll_back_to("a")?;
        assert_eq!(kind(tx.roll_back_to("b")), ErrorKind::Session);
        set_total(tx, 6).await;
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let stored = db.read(&a, async |tx| Ok::<_, Error>(total(tx).await));
    assert_eq!(stored.await.unwrap(), 6);
}

#[tokio::test]
async fn failure_after_a_savepoint_costs_what_came_after_it() {
    failure_costs_what_came_after(&Shop::open().await.db).await;
    failure_costs_what_came_after(&on_sqlite().await).await;
}

#[tokio::test]
async fn savepoints_nest_and_a_later_one_of_the_same_name_hides_the_earlier() {
    levels_nest_and_hide(&Shop::open().await.db).await;
    levels_nest_and_hide(&on_sqlite().await).await;
}

#[tokio::test]
async fn any_text_is_a_name_and_reaches_no_sql() {
    let shop = Shop::open().await;
    let long = "x".repeat(100);
    let names = [
        "",
        "a\"; COMMIT; --",
        "it's",
        "dotmac_1",
        "DOTMAC_2",
        "dotmac_end",
        "Ünïcode \0",
        &format!("{long}1"),
        &format!("{long}2"),
    ];
    shop.db
        .write(&shop.a, async |tx| {
            let numbered = || names.into_iter().enumerate();
            for (number, name) in numbered() {
                set_total(tx, number as i64).await;
                tx.savepoint(name)?;
            }
            for (number, name) in numbered().rev() {
                set_total(tx, 77).await;
                tx.roll_back_to(name)?;
                assert_eq!(total(tx).await, number as i64, "{name}");
            }
            let raw = tx.execute_unprepared("ROLLBACK TO dotmac_1").await;
            assert_eq!(kind(raw), ErrorKind::ContextChange);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn context_stands_after_each_end_of_a_savepoint() {
    let shop = Shop::open().await;
    // What the gate cannot see: a function that changes the context.
    shop.admin()
        .await
        .execute_unprepared(
            "CREATE FUNCTION become_beta() RETURNS void LANGUAGE sql AS \
             $$ SELECT set_config('app.current_tenant_id', 'beta', true) $$",
        )
        .await
        .unwrap();
    let tenant = async |tx: &Session| {
        let sql = "SELECT current_setting('app.current_tenant_id')";
        let statement = Statement::from_string(tx.backend(), sql);
        let row = tx.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<String>(0).unwrap()
    };
    shop.db
        .write(&shop.a, async |tx| {
            for undo in [true, false] {
                tx.savepoint("a")?;
                tx.execute_unprepared("SELECT become_beta()").await?;
                match undo {
                    true => tx.roll_back_to("a")?,
                    false => tx.release("a")?,
                }
                assert_eq!(tenant(tx).await, "acme");
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn actions_added_since_a_savepoint_do_not_run_once_it_is_rolled_back_to() {
    let shop = Shop::open().await;
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |text: &'static str| {
        let log = Arc::clone(&log);
        move || async move { log.lock().unwrap().push(text) }
    };
    shop.db
        .write(&shop.a, async |tx| {
            tx.after_commit(note("before"))?;
            tx.savepoint("a")?;
            tx.after_commit(note("gone"))?;
            tx.roll_back_to("a")?;
            tx.after_commit(note("after"))?;
            tx.release("a")?;
            tx.savepoint("b")?;
            tx.after_commit(note("open at the end"))?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(*log.lock().unwrap(), ["before", "after", "open at the end"]);
}

#[tokio::test]
async fn open_stream_refuses_savepoints() {
    let shop = Shop::open().await;
    shop.db
        .write(&shop.a, async |tx| {
            tx.savepoint("a")?;
            let stream = order::Entity::find().stream(tx).await?;
            for refused in [tx.savepoint("b"), tx.roll_back_to("a"), tx.release("a")] {
                assert_eq!(kind(refused), ErrorKind::Session);
            }
            drop(stream);
            tx.roll_back_to("a")
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn savepoint_that_was_cancelled_under_way_leaves_doubt_and_never_a_half() {
    let shop = dripping(1).await;
    let (mut in_doubt, mut usable) = (0, 0);
    for polls in 1..60 {
        let session = shop.db.begin(&shop.a).unwrap();
        set_total(&session, 1).await;
        session.savepoint("a").unwrap();
        let cancelled = session.execute_unprepared("UPDATE orders SET total_cents = 2");
        poll_times(cancelled, polls).await;
        let rolled_back = session.roll_back_to("a");
        let found = order::Entity::find().one(&session).await;
        match rolled_back.and(found.map_err(Error::from)) {
            Ok(order) => {
                assert_eq!(order.unwrap().total_cents, 1, "after {polls} polls");
                usable += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ConnectionLost);
                in_doubt += 1;
            }
        }
    }
    assert!(in_doubt > 0 && usable > 0, "{in_doubt}, {usable}");
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
}
