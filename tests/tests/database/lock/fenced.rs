//! L06: what is written under a lock is kept from a holder whose time is over, by the rows themselves.

use std::time::Duration;

use dotmac_database::LockError;
use dotmac_database::lock::{Fence, LockGuard, Locks, Released, UpdateFenced, UpdateManyFenced};
use dotmac_database::migrate::{add_fence, create_table, create_triggers, drop_column};
use dotmac_database::prelude::*;
use dotmac_database::rls;
use dotmac_database::testing::in_memory;
use sea_orm::ConnectionTrait;
use sea_orm_migration::SchemaManager;

use crate::support::{Shop, context, kind, roles};

mod counter {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    #[sea_orm(table_name = "counters")]
    pub struct Model {
        pub kind: i32,
        pub total: i64,
        #[sea_orm(default_value = 0)]
        pub fence: i64,
    }

    impl dotmac_database::lock::Fenced for Entity {
        const FENCE: Column = Column::Fence;
    }
}

mod page {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware, Versioned)]
    #[sea_orm(table_name = "fenced_pages")]
    pub struct Model {
        pub text: String,
        #[sea_orm(default_value = 0)]
        pub fence: i64,
    }

    impl dotmac_database::lock::Fenced for Entity {
        const FENCE: Column = Column::Fence;
    }
}

mod loose {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
    #[sea_orm(table_name = "loose_counters")]
    pub struct Model {
        pub fence: Option<i64>,
    }

    impl dotmac_database::lock::Fenced for Entity {
        const FENCE: Column = Column::Fence;
    }
}

/// Two counters of tenant A, 0 and 1.
struct Counters {
    db: Database,
    a: RequestContext,
}

impl Counters {
    async fn on_postgres() -> (Shop, Self) {
        let shop = Shop::open().await;
        let migrator = shop.migrator().await;
        let manager = SchemaManager::new(&migrator);
        make::<counter::Entity>(&manager).await;
        make::<page::Entity>(&manager).await;
        for protected in [
            rls::install::<counter::Entity, _>(&migrator, &roles()).await,
            rls::install::<page::Entity, _>(&migrator, &roles()).await,
        ] {
            protected.unwrap();
        }
        let counters = Self::filled(shop.db.clone()).await;
        (shop, counters)
    }

    async fn on_sqlite() -> Self {
        let db = in_memory().await.unwrap();
        let plain = db.plain();
        let manager = SchemaManager::new(&plain);
        make::<counter::Entity>(&manager).await;
        make::<page::Entity>(&manager).await;
        Self::filled(db).await
    }

    async fn on_both() -> [Self; 2] {
        [Self::on_postgres().await.1, Self::on_sqlite().await]
    }

    async fn filled(db: Database) -> Self {
        let a = context("acme");
        for kind in [0, 1] {
            let new = counter::ActiveModel {
                kind: Set(kind),
                total: Set(0),
                ..Default::default()
            };
            let new = db.write(&a, async |tx| new.insert(tx).await);
            assert_eq!(new.await.unwrap().fence, 0);
        }
        Counters { db, a }
    }

    async fn all(&self) -> Vec<counter::Model> {
        let find = counter::Entity::find().order_by_asc(counter::Column::Kind);
        let found = self.db.read(&self.a, async |tx| find.all(tx).await);
        found.await.unwrap()
    }

    async fn totals(&self) -> Vec<i64> {
        self.all().await.iter().map(|it| it.total).collect()
    }

    /// Sets the total of the counters of this kind, or of all.
    async fn set(&self, total: i64, kind: Option<i32>, fence: Fence) -> Result<u64, Error> {
        let update = set(total, kind, fence);
        self.db
            .write(&self.a, async |tx| update.exec(tx).await)
            .await
    }
}

async fn make<E: EntityTrait>(manager: &SchemaManager<'_>) {
    create_table::<E>(manager).await.unwrap();
    create_triggers::<E>(manager).await.unwrap();
}

fn set(
    total: i64,
    kind: Option<i32>,
    fence: Fence,
) -> dotmac_database::lock::FencedUpdateMany<counter::Entity> {
    let mut update = counter::Entity::update_many().col_expr(
        counter::Column::Total,
        sea_orm::sea_query::Expr::value(total),
    );
    if let Some(kind) = kind {
        update = update.filter(counter::Column::Kind.eq(kind));
    }
    update.at_fence(fence)
}

fn fence(number: i64) -> Fence {
    Fence::from_number(number)
}

#[track_caller]
fn assert_stale<T: std::fmt::Debug>(result: Result<T, Error>, late: i64) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StaleFence, "{error}");
    assert!(
        matches!(error, Error::Lock(LockError::StaleFence { fence, .. }) if fence == late),
        "{error}"
    );
}

#[tokio::test]
async fn l06_late_writer_changes_no_row_and_is_told() {
    for counters in Counters::on_both().await {
        assert_eq!(counters.set(1, None, fence(5)).await.unwrap(), 2);
        // One holder writes several times.
        assert_eq!(counters.set(2, None, fence(5)).await.unwrap(), 2);
        assert_eq!(counters.set(3, Some(1), fence(6)).await.unwrap(), 1);
        assert_stale(counters.set(9, Some(1), fence(5)).await, 5);
        // Not the first counter either, which nobody wrote later.
        assert_stale(counters.set(9, None, fence(5)).await, 5);
        assert_eq!(counters.totals().await, [2, 3]);
        let fences: Vec<i64> = counters.all().await.iter().map(|it| it.fence).collect();
        assert_eq!(fences, [5, 6]);
        assert_eq!(counters.set(4, None, fence(7)).await.unwrap(), 2);
    }
}

#[tokio::test]
async fn l06_late_update_of_a_row_is_refused() {
    for counters in Counters::on_both().await {
        let read = counters.all().await.remove(0);
        let update = async |total, number| {
            let mut row = read.clone().into_active_model();
            row.total = Set(total);
            let written = counters.db.write(&counters.a, async |tx| {
                row.update_at_fence(fence(number), tx).await
            });
            written.await
        };
        let written = update(1, 5).await.unwrap();
        assert_eq!((written.total, written.fence), (1, 5));
        assert_eq!(update(2, 5).await.unwrap().total, 2);
        assert_eq!(update(3, 8).await.unwrap().fence, 8);
        assert_stale(update(9, 7).await, 7);
        assert_eq!(counters.totals().await, [3, 0]);
        let gone = read.clone();
        counters
            .db
            .write(&counters.a, async |tx| gone.delete(tx).await)
            .await
            .unwrap();
        assert_eq!(kind(update(4, 9).await), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn versioned_row_is_compared_by_both() {
    for counters in Counters::on_both().await {
        let (db, a) = (&counters.db, &counters.a);
        let new = page::ActiveModel {
            text: Set("draft".into()),
            ..Default::default()
        };
        let read = db.write(a, async |tx| new.insert(tx).await).await.unwrap();
        let update = async |text: &str, number| {
            let mut row = read.clone().into_active_model();
            row.text = Set(text.to_owned());
            db.write(a, async |tx| row.update_at_fence(fence(number), tx).await)
                .await
        };
        let written = update("first", 5).await.unwrap();
        assert_eq!((written.version, written.fence), (2, 5));
        let stale = update("second", 6).await.unwrap_err();
        let numbers = matches!(
            stale,
            Error::StaleVersion {
                read: 1,
                current: 2,
                ..
            }
        );
        assert!(numbers, "{stale:?}");
    }
}

#[tokio::test]
async fn nothing_of_the_late_writers_unit_of_work_is_committed() {
    for counters in Counters::on_both().await {
        counters.set(1, Some(1), fence(6)).await.unwrap();
        let tx = counters.db.begin(&counters.a).unwrap();
        set(9, Some(0), fence(5)).exec(&tx).await.unwrap();
        assert_stale(set(9, Some(1), fence(5)).exec(&tx).await, 5);
        assert_eq!(kind(tx.commit().await), ErrorKind::Aborted);
        assert_eq!(counters.totals().await, [0, 1]);
    }
}

#[tokio::test]
async fn l06_late_writer_that_waits_for_the_next_one_is_refused_when_that_commits() {
    let (shop, counters) = Counters::on_postgres().await;
    let next = counters.db.begin(&counters.a).unwrap();
    set(6, None, fence(6)).exec(&next).await.unwrap();
    let admin = shop.admin().await;
    let late = counters.set(9, None, fence(5));
    let commit = async {
        let sql = "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
                   WHERE a.datname = current_database() AND NOT l.granted";
        let waiting = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
        while admin
            .query_one_raw(waiting.clone())
            .await
            .unwrap()
            .is_none()
        {}
        next.commit().await.unwrap();
    };
    let (late, ()) = tokio::join!(late, commit);
    assert_stale(late, 5);
    assert_eq!(counters.totals().await, [6, 6]);
}

/// The guard of a lock in PostgreSQL, taken by another task.
async fn hold(locks: &Locks, context: &RequestContext) -> LockGuard {
    let (lock, context) = (locks.lock("counters").unwrap(), context.clone());
    let wait = Duration::from_secs(20);
    let held = tokio::spawn(async move { lock.acquire(&context, wait).await });
    held.await.unwrap().unwrap()
}

#[tokio::test]
async fn l06_holder_that_does_not_know_of_its_loss_changes_nothing() {
    let (shop, counters) = Counters::on_postgres().await;
    let locks = Locks::postgres(&shop.db).unwrap();
    let elsewhere = Locks::postgres(&shop.db).unwrap();
    let paused = hold(&locks, &shop.a).await;
    counters.set(1, None, paused.fence()).await.unwrap();
    assert!(elsewhere.force_release(&shop.a, "counters").await.unwrap());
    let next = hold(&elsewhere, &shop.a).await;
    counters.set(2, None, next.fence()).await.unwrap();
    let late = paused.fence().number();
    assert_stale(counters.set(9, None, paused.fence()).await, late);
    assert_eq!(counters.totals().await, [2, 2]);
    assert_eq!(next.release().await.unwrap(), Released::Now);
}

#[tokio::test]
async fn fence_column_is_added_once_and_rows_that_exist_take_any_fence() {
    let (shop, counters) = Counters::on_postgres().await;
    let migrator = shop.migrator().await;
    let manager = SchemaManager::new(&migrator);
    drop_column::<counter::Entity>(&manager, "fence")
        .await
        .unwrap();
    for _ in 0..2 {
        add_fence::<counter::Entity>(&manager).await.unwrap();
    }
    assert_eq!(counters.set(1, None, fence(1)).await.unwrap(), 2);
    assert_stale(counters.set(9, None, fence(0)).await, 0);
    // What refuses is that it cannot be NULL.
    let admin = shop.admin().await;
    let nothing = admin.execute_unprepared("UPDATE counters SET fence = NULL");
    assert_eq!(kind(nothing.await), ErrorKind::NotNull);
}

#[tokio::test]
async fn column_that_may_be_null_is_refused() {
    let db = in_memory().await.unwrap();
    let plain = db.plain();
    let manager = SchemaManager::new(&plain);
    create_table::<loose::Entity>(&manager).await.unwrap();
    let refused = |error: Error| {
        assert!(
            matches!(error, Error::Lock(LockError::NullableFence { .. })),
            "{error}"
        );
    };
    refused(add_fence::<loose::Entity>(&manager).await.unwrap_err());
    let update = loose::Entity::update_many().at_fence(fence(1));
    let context = RequestContext::without_tenant();
    let updated = db.write(&context, async |tx| update.exec(tx).await);
    refused(updated.await.unwrap_err());
}
