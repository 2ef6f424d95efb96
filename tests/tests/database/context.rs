//! I01–I08: what a context is, and what happens without one.

use std::sync::Arc;

use dotmac_database::prelude::*;
use migration::entity::{order, product, user};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::support::{Shop, config, context, kind};

async fn text<C: ConnectionTrait>(db: &C, sql: &str) -> Option<String> {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = db.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn i01_no_tenant_is_a_typed_error_before_any_sql() {
    let shop = Shop::open().await;
    let nobody = RequestContext::without_tenant();
    shop.db
        .write(&nobody, async |tx| {
            let reads = order::Entity::find().all(tx).await;
            assert_eq!(kind(reads), ErrorKind::MissingTenant);
            let new = order::ActiveModel {
                number: Set("2".into()),
                total_cents: Set(0),
                ..Default::default()
            };
            assert_eq!(kind(new.insert(tx).await), ErrorKind::MissingTenant);
            let bulk = order::Entity::update_many()
                .col_expr(order::Column::TotalCents, 0.into())
                .exec(tx)
                .await;
            assert_eq!(kind(bulk), ErrorKind::MissingTenant);
            assert_eq!(
                kind(order::Entity::delete_many().exec(tx).await),
                ErrorKind::MissingTenant,
            );
            let raw = tx
                .execute_unprepared("SELECT 1; DELETE FROM ONLY orders")
                .await;
            assert_eq!(kind(raw), ErrorKind::MissingTenant);
            // Nothing of this reached the database: the session is as good as new.
            assert_eq!(product::Entity::find().all(tx).await?.len(), 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn i01_raw_pool_sees_no_rows_and_writes_none() {
    let shop = Shop::open().await;
    let raw = shop.raw().await;
    assert!(order::Entity::find().all(&raw).await.unwrap().is_empty());
    let foreign = shop.order(&shop.a).await;
    let insert = order::Entity::insert(order::ActiveModel {
        id: Set(Uuid::now_v7()),
        tenant_id: Set(foreign.tenant_id),
        number: Set("9".into()),
        total_cents: Set(0),
        ..Default::default()
    });
    assert_eq!(kind(insert.exec(&raw).await), ErrorKind::ForeignTenant);
    let update = raw
        .execute_unprepared("UPDATE orders SET total_cents = 0")
        .await
        .unwrap();
    assert_eq!(update.rows_affected(), 0);
}

#[tokio::test]
async fn i02_context_ends_with_its_transaction() {
    let shop = Shop::with_pool(1).await;
    shop.order(&shop.a).await;
    let plain: DatabaseConnection = shop.db.plain();
    assert!(order::Entity::find().all(&plain).await.unwrap().is_empty());
    let tenant = text(
        &plain,
        "SELECT current_setting('app.current_tenant_id', true)",
    )
    .await;
    assert_eq!(tenant.unwrap_or_default(), "");
}

#[tokio::test]
async fn i03_ids_that_fold_elsewhere_stay_distinct_in_the_database() {
    let shop = Shop::open().await;
    let upper = context("ACME");
    let rows = shop
        .db
        .read(&upper, async |tx| order::Entity::find().all(tx).await);
    assert!(rows.await.unwrap().is_empty());
    for id in ["' OR 1=1 --", "", " acme", "acme\0", "a:b", "\u{430}cme"] {
        assert_eq!(
            kind(RequestContext::tenant(id)),
            ErrorKind::InvalidContext,
            "{id:?}"
        );
    }
}

#[tokio::test]
async fn i04_context_text_is_stored_to_the_letter_and_never_executed() {
    let shop = Shop::open().await;
    let hostile = [
        "o'hara",
        "back\\slash",
        "'; DROP TABLE orders; --",
        "\\'; DROP TABLE orders; --",
        "new\nline\r\ttab",
        "$$dollar$$ $dotmac$",
        "E'x'",
        "\u{1F600} ü",
    ];
    for conforming in ["on", "off"] {
        shop.admin()
            .await
            .execute_unprepared(&format!(
                "ALTER DATABASE {} SET standard_conforming_strings = {conforming}",
                shop.name
            ))
            .await
            .unwrap();
        let db = Database::connect(config(&shop.name)).await.unwrap();
        for text_value in hostile {
            let context = context("acme")
                .user(text_value)
                .unwrap()
                .request_id(text_value)
                .unwrap();
            db.write(&context, async |tx| {
                let user = text(tx, "SELECT current_setting('app.current_user_id')").await;
                assert_eq!(user.as_deref(), Some(text_value));
                let order = order::Entity::find().one(tx).await?.unwrap();
                let mut order = order.into_active_model();
                order.total_cents = Set(11);
                let saved = order.update(tx).await?;
                assert_eq!(saved.updated_by.as_deref(), Some(text_value));
                assert_eq!(saved.request_id.as_deref(), Some(text_value));
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        }
        db.close().await;
    }
    assert_eq!(
        kind(context("acme").user("nul\0")),
        ErrorKind::InvalidContext
    );
}

#[tokio::test]
async fn i05_context_cannot_be_changed_by_raw_sql_of_the_session() {
    let shop = Shop::open().await;
    shop.db
        .write(&shop.a, async |tx| {
            for sql in [
                "SET LOCAL app.current_tenant_id = 'beta'",
                "SELECT set_config('app.current_tenant_id', 'beta', true)",
                "SELECT 1; COMMIT",
                "RESET ROLE",
            ] {
                let refused = tx.execute_unprepared(sql).await;
                assert_eq!(kind(refused), ErrorKind::ContextChange, "{sql}");
            }
            assert_eq!(
                order::Entity::find().one(tx).await?.unwrap().tenant_id,
                "acme"
            );
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

// A function hides the change from the gate: the outer context is asserted again all the same.
#[tokio::test]
async fn i05_outer_context_stands_after_a_nested_session_that_changed_it() {
    let shop = Shop::open().await;
    shop.admin()
        .await
        .execute_unprepared(
            "CREATE FUNCTION turn(tenant text) RETURNS void LANGUAGE sql AS \
             $$ SELECT set_config('app.current_tenant_id', tenant, true) $$",
        )
        .await
        .unwrap();
    for commit in [true, false] {
        shop.db
            .write(&shop.a, async |tx| {
                order::Entity::find().all(tx).await?;
                let nested = tx.nested()?;
                nested.execute_unprepared("SELECT turn('beta')").await?;
                match commit {
                    true => nested.commit().await?,
                    false => nested.rollback().await?,
                }
                let rows = order::Entity::find().all(tx).await?;
                assert_eq!(rows.len(), 1);
                assert_eq!(rows[0].tenant_id, "acme", "commit: {commit}");
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn i06_context_goes_where_the_session_goes() {
    let shop = Arc::new(Shop::open().await);
    let mut tasks = Vec::new();
    for n in 0..20 {
        let shop = Arc::clone(&shop);
        tasks.push(tokio::spawn(async move {
            let (context, tenant) = match n % 2 {
                0 => (shop.a.clone(), "acme"),
                _ => (shop.b.clone(), "beta"),
            };
            let session = shop.db.begin(&context).unwrap();
            // The session itself crosses into another task.
            let inner = tokio::spawn(async move {
                let rows = order::Entity::find().all(&session).await.unwrap();
                session.commit().await.unwrap();
                rows
            });
            let rows = inner.await.unwrap();
            assert!(rows.iter().all(|row| row.tenant_id == tenant));
            // A unit of work inside a spawned task.
            let rows = shop
                .db
                .read(&context, async |tx| order::Entity::find().all(tx).await);
            assert_eq!(rows.await.unwrap()[0].tenant_id, tenant);
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn i07_statements_of_two_tasks_on_one_session_are_serialized() {
    let shop = Shop::open().await;
    let session = Arc::new(shop.db.begin(&shop.a).unwrap());
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let session = Arc::clone(&session);
            tokio::spawn(async move { user::Entity::find().all(&*session).await })
        })
        .collect();
    for task in tasks {
        let rows = task.await.unwrap().unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].tenant_id, "acme");
    }
}

#[tokio::test]
async fn i08_hooks_refuse_a_connection_without_context() {
    let shop = Shop::open().await;
    let plain = shop.db.plain();
    let new = order::ActiveModel {
        number: Set("2".into()),
        total_cents: Set(0),
        ..Default::default()
    };
    assert_eq!(kind(new.insert(&plain).await), ErrorKind::OutsideSession);
    let order = shop.order(&shop.a).await;
    assert_eq!(
        kind(order.clone().delete(&plain).await),
        ErrorKind::OutsideSession
    );
    let mut changed = order.into_active_model();
    changed.total_cents = Set(0);
    assert_eq!(
        kind(changed.update(&plain).await),
        ErrorKind::OutsideSession
    );
}
