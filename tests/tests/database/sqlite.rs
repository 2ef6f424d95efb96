//! The same entities, hooks and scopes on SQLite; what needs PostgreSQL says so.

use dotmac_database::migrate;
use dotmac_database::prelude::*;
use dotmac_database::rls::{self, Roles};
use dotmac_database::testing::{in_memory, rolled_back};
use migration::Migrator;
use migration::entity::{order, order_line, product, user};
use sea_orm::ConnectionTrait;
use sea_orm_migration::{MigratorTrait, SchemaManager};

use crate::cancellation::poll_times;
use crate::journal::account;
use crate::support::{context, kind};

pub async fn open() -> Database {
    let db = in_memory().await.unwrap();
    Migrator::up(&db.plain(), None).await.unwrap();
    db
}

fn new_user() -> user::ActiveModel {
    user::ActiveModel {
        email: Set("ada@example.com".into()),
        name: Set("ada".into()),
        ..Default::default()
    }
}

#[tokio::test]
async fn entities_hooks_and_scopes_work() {
    let db = open().await;
    let a = context("acme");
    let user = db
        .write(&a, async |tx| new_user().insert(tx).await)
        .await
        .unwrap();
    assert_eq!(user.tenant_id, "acme");
    assert_eq!(user.created_by.as_deref(), Some("acme-user"));
    assert_eq!(user.id.get_version_num(), 7);
    assert!(user.is_active);

    db.write(&a, async |tx| {
        let mut changed = user.clone().into_active_model();
        changed.name = Set("Ada".into());
        let changed = changed.update(tx).await?;
        assert!(changed.updated_at >= user.updated_at);
        let product = product::ActiveModel {
            name: Set("nail".into()),
            price_cents: Set(1),
            ..Default::default()
        }
        .insert(tx)
        .await?;
        let order = order::ActiveModel::builder()
            .set_number("1")
            .set_total_cents(1_i64)
            .set_user_id(user.id)
            .add_line(
                order_line::ActiveModel::builder()
                    .set_product_id(product.id)
                    .set_quantity(3),
            )
            .insert(tx)
            .await?;
        let lines = order.lines.len();
        assert_eq!(lines, 1);
        let loaded = user::Entity::load().with(order::Entity).all(tx).await?;
        assert_eq!(loaded[0].orders.len(), 1);
        let deleted = order::Entity::find()
            .one(tx)
            .await?
            .unwrap()
            .delete(tx)
            .await?;
        assert_eq!(deleted.rows_affected, 1);
        let loaded = user::Entity::load().with(order::Entity).all(tx).await?;
        assert_eq!(loaded[0].orders.len(), 0);
        let gone = order::Entity::only_deleted().one(tx).await?.unwrap();
        assert_eq!(gone.deleted_by.as_deref(), Some("acme-user"));
        assert!(!gone.restore(tx).await?.is_deleted());
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn hooks_refuse_foreign_and_missing_tenants() {
    let db = open().await;
    let foreign = user::ActiveModel {
        tenant_id: Set("beta".into()),
        ..new_user()
    };
    let refused = db
        .write(&context("acme"), async |tx| foreign.insert(tx).await)
        .await;
    assert_eq!(kind(refused), ErrorKind::ForeignTenant);
    let nobody = RequestContext::without_tenant();
    let refused = db
        .write(&nobody, async |tx| new_user().insert(tx).await)
        .await;
    assert_eq!(kind(refused), ErrorKind::MissingTenant);
    let refused = db
        .read(&nobody, async |tx| user::Entity::find().all(tx).await)
        .await;
    assert_eq!(kind(refused), ErrorKind::MissingTenant);
    assert_eq!(
        kind(new_user().insert(&db.plain()).await),
        ErrorKind::OutsideSession
    );
}

#[tokio::test]
async fn tenants_are_held_apart_by_explicit_conditions_only() {
    let db = open().await;
    let (a, b) = (context("acme"), context("beta"));
    for context in [&a, &b] {
        db.write(context, async |tx| new_user().insert(tx).await)
            .await
            .unwrap();
    }
    // There is no row-level security: `find` shows the rows of both.
    let all = db
        .read(&a, async |tx| user::Entity::find().all(tx).await)
        .await
        .unwrap();
    assert_eq!(all.len(), 2);
    let own = db.read(&a, async |tx| {
        let tenant = tx.context().tenant_id().unwrap().clone();
        Ok::<_, Error>(user::Entity::find_in(&tenant)?.all(tx).await?)
    });
    assert_eq!(own.await.unwrap().len(), 1);
    // Deleting by the entity keeps to the tenant here as well.
    let deleted = db.write(&a, async |tx| user::Entity::delete_many().exec(tx).await);
    assert_eq!(deleted.await.unwrap().rows_affected, 1);
}

#[tokio::test]
async fn sessions_behave_as_on_postgresql() {
    let db = open().await;
    let a = context("acme");
    let write = db.read(&a, async |tx| new_user().insert(tx).await).await;
    assert_eq!(kind(write), ErrorKind::ReadOnly);
    // The next session on the same connection may write again.
    db.write(&a, async |tx| {
        new_user().insert(tx).await?;
        let nested = tx.nested()?;
        nested
            .execute_unprepared("UPDATE users SET name = 'nested'")
            .await?;
        nested.rollback().await?;
        assert_eq!(user::Entity::find().one(tx).await?.unwrap().name, "ada");
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let dropped = db.begin(&a).unwrap();
    dropped
        .execute_unprepared("UPDATE users SET name = 'dropped'")
        .await
        .unwrap();
    drop(dropped);
    let rows = db
        .read(&a, async |tx| user::Entity::find().all(tx).await)
        .await
        .unwrap();
    assert_eq!(rows[0].name, "ada");
    let swallowed = db.write(&a, async |tx| {
        let _ = tx.execute_unprepared("SELECT * FROM nowhere").await;
        Ok::<_, Error>(())
    });
    assert_eq!(kind(swallowed.await), ErrorKind::Aborted);
}

#[tokio::test]
async fn guard_and_constraints_hold() {
    let db = open().await;
    let a = context("acme");
    db.write(&a, async |tx| new_user().insert(tx).await)
        .await
        .unwrap();
    let twin = db.write(&a, async |tx| new_user().insert(tx).await).await;
    assert_eq!(kind(twin), ErrorKind::Unique);
    let physical = db
        .write(&a, async |tx| {
            tx.execute_unprepared("DELETE FROM users").await
        })
        .await;
    assert_eq!(kind(physical), ErrorKind::PhysicalDelete);
}

#[tokio::test]
async fn what_needs_postgresql_says_so() {
    let db = open().await;
    let plain = db.plain();
    assert_eq!(
        kind(Roles::of_database(&plain).await),
        ErrorKind::Unsupported
    );
    let roles = Roles::with_prefix("x");
    assert_eq!(kind(roles.create(&plain).await), ErrorKind::Unsupported);
    let policies = rls::install::<user::Entity, _>(&plain, &roles).await;
    assert_eq!(
        policies.expect_err("no policies").to_string(),
        "row-level security needs PostgreSQL; the database is SQLite",
    );
}

#[tokio::test]
async fn rolled_back_work_leaves_nothing() {
    let db = open().await;
    let a = context("acme");
    rolled_back(&db, &a, async |tx| new_user().insert(tx).await)
        .await
        .unwrap();
    let rows = db
        .read(&a, async |tx| user::Entity::find().all(tx).await)
        .await
        .unwrap();
    assert!(rows.is_empty());
}

#[tokio::test]
async fn database_in_memory_survives_a_cancelled_begin() {
    let db = open().await;
    let a = context("acme");
    for polls in 1..30 {
        let session = db.begin_with(&a, SessionOptions::read_only()).unwrap();
        poll_times(user::Entity::find().all(&session), polls).await;
        drop(session);
        db.write(&a, async |tx| user::Entity::find().all(tx).await)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn i23_row_of_another_tenant_is_neither_updated_nor_removed_by_its_key() {
    let db = open().await;
    let plain = db.plain();
    let manager = SchemaManager::new(&plain);
    migrate::install::<account::Entity>(&manager).await.unwrap();
    let (a, b) = (context("acme"), context("beta"));
    let account = account::ActiveModel {
        number: Set("1".into()),
        ..Default::default()
    };
    let user = db.write(&b, async |tx| new_user().insert(tx).await);
    let user = user.await.unwrap();
    let account = db.write(&b, async |tx| account.insert(tx).await);
    let account = account.await.unwrap();
    db.write(&a, async |tx| {
        // As a client sends it: a key, and the columns to change.
        let stolen = user::ActiveModel {
            id: Set(user.id),
            name: Set("mine".into()),
            ..Default::default()
        };
        let missing = user::ActiveModel {
            id: Set(Uuid::now_v7()),
            ..stolen.clone()
        };
        let stolen = stolen.update(tx).await.unwrap_err();
        assert_eq!(stolen, missing.update(tx).await.unwrap_err());
        let claimed = user::ActiveModel {
            id: Set(user.id),
            tenant_id: Set("acme".into()),
            name: Set("mine".into()),
            ..Default::default()
        };
        assert_eq!(claimed.update(tx).await.unwrap_err(), stolen);
        let removed = account::ActiveModel {
            id: Set(account.id),
            ..Default::default()
        };
        assert_eq!(kind(removed.delete(tx).await), ErrorKind::NotFound);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    db.read(&b, async |tx| {
        assert_eq!(user::Entity::find().one(tx).await?, Some(user));
        assert_eq!(account::Entity::find().one(tx).await?, Some(account));
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}
