//! Columns and hooks of mixins, of this crate and of another, on PostgreSQL and SQLite.

use dotmac_database::migrate::{create_indexes, create_table, create_triggers, install};
use dotmac_database::prelude::*;
use dotmac_database::rls;
use dotmac_database::testing::in_memory;
use dotmac_tests::mixin::level::Reach;
use dotmac_tests::mixin::{Department, Ownership};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::SchemaManager;

use crate::support::{Shop, context, kind, roles};

/// A mixin beside its entities.
mod stars {
    use dotmac_database::prelude::*;

    #[dotmac_database::mixin]
    pub struct Rated {
        pub stars: Option<i32>,
        pub tenant_id: String,
    }

    impl MixinHooks for Rated {
        async fn before_save<C>(&mut self, _db: &C, _insert: bool) -> Result<(), Error>
        where
            C: ConnectionTrait,
        {
            assert_eq!(self.tenant_id.as_ref(), "acme", "the stamps come first");
            if let Set(Some(13)) = self.stars {
                self.tenant_id = Set("beta".to_owned());
            }
            Ok(())
        }
    }
}

mod project {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[sea_orm(table_name = "projects")]
    #[dotmac(mixin = dotmac_tests::mixin::Department, mixin = dotmac_tests::mixin::Ownership)]
    pub struct Model {
        pub name: String,
        #[sea_orm(has_many)]
        pub reviews: HasMany<super::review::Entity>,
    }
}

mod review {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
    #[sea_orm(table_name = "reviews")]
    #[dotmac(mixin = super::stars::Rated, hooks)]
    pub struct Model {
        pub tenant_id: String,
        pub project_id: Uuid,
        pub verdict: String,
        #[sea_orm(belongs_to, from = "project_id", to = "id")]
        pub project: BelongsTo<super::project::Entity>,
    }

    #[dotmac_database::hooks]
    impl ActiveModelBehavior for ActiveModel {
        async fn before_save<C>(mut self, _db: &C, _insert: bool) -> Result<Self, DbErr>
        where
            C: ConnectionTrait,
        {
            let stars = self.stars.try_as_ref().copied().flatten();
            self.verdict = Set(format!("{} stars", stars.unwrap_or_default()));
            Ok(self)
        }
    }
}

async fn postgres() -> Shop {
    let shop = Shop::open().await;
    let migrator = shop.migrator().await;
    let manager = SchemaManager::new(&migrator);
    create_table::<project::Entity>(&manager).await.unwrap();
    create_indexes::<project::Entity>(&manager).await.unwrap();
    create_triggers::<project::Entity>(&manager).await.unwrap();
    rls::install::<project::Entity, _>(&migrator, &roles())
        .await
        .unwrap();
    shop
}

async fn sqlite() -> Database {
    let db = in_memory().await.unwrap();
    let plain = db.plain();
    let manager = SchemaManager::new(&plain);
    install::<project::Entity>(&manager).await.unwrap();
    install::<review::Entity>(&manager).await.unwrap();
    db
}

fn project(label: &str) -> project::ActiveModel {
    project::ActiveModel {
        name: Set("bridge".into()),
        label: Set(label.into()),
        reach: Set(Reach::All),
        ..Default::default()
    }
}

async fn insert(db: &Database, context: &RequestContext, label: &str) -> project::Model {
    let row = db.write(context, async |tx| project(label).insert(tx).await);
    row.await.unwrap()
}

/// Rows of the department, of any entity that has one.
fn of_department<E: HasMixin<Department>>(id: Uuid) -> Select<E> {
    E::find().filter(E::COLUMNS.department.eq(id))
}

async fn columns_are_written_and_read(db: &Database) {
    let department = Uuid::now_v7();
    let found = db
        .write(&context("acme"), async |tx| {
            let mut row = project("a");
            row.department = Set(Some(department));
            row.insert(tx).await?;
            project("b").insert(tx).await?;
            of_department::<project::Entity>(department).all(tx).await
        })
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].label, "a");
    assert_eq!(found[0].department, Some(department));
    assert_eq!(found[0].reach, Reach::All);
    // What the entity has beside its mixins is as without them.
    assert_eq!(found[0].tenant_id, "acme");
    assert_eq!(found[0].created_by.as_deref(), Some("acme-user"));
}

#[tokio::test]
async fn columns_of_mixins_are_written_and_read() {
    columns_are_written_and_read(&postgres().await.db).await;
    columns_are_written_and_read(&sqlite().await).await;
}

async fn hook_fills_columns(db: &Database) {
    let a = context("acme");
    let row = insert(db, &a, "a").await;
    assert_eq!((row.owner.as_str(), row.changes), ("acme-user", 0));
    db.write(&a, async |tx| {
        let mut changed = row.clone().into_active_model();
        changed.name = Set("tunnel".into());
        let changed = changed.update(tx).await?;
        assert_eq!((changed.owner.as_str(), changed.changes), ("acme-user", 1));
        // An update that changes nothing asks no hook.
        let same = changed.clone().into_active_model().update(tx).await?;
        assert_eq!(same, changed);
        let mut given = project("b");
        given.owner = Set("bob".into());
        assert_eq!(given.insert(tx).await?.owner, "bob");
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn hook_of_mixin_fills_columns_from_the_context() {
    hook_fills_columns(&postgres().await.db).await;
    hook_fills_columns(&sqlite().await).await;
}

#[tokio::test]
async fn hook_of_mixin_refuses_a_row() {
    let db = sqlite().await;
    let nobody = RequestContext::tenant("acme").unwrap();
    let refused = db.write(&nobody, async |tx| project("a").insert(tx).await);
    let refused = refused.await.unwrap_err();
    assert!(refused.to_string().contains("nobody owns the row"));
    let rows = db.read(&nobody, async |tx| project::Entity::find().all(tx).await);
    assert_eq!(rows.await.unwrap().len(), 0);
}

#[tokio::test]
async fn own_hooks_run_after_those_of_mixins_and_stamps_last() {
    let db = sqlite().await;
    let a = context("acme");
    let project = insert(&db, &a, "a").await;
    let review = |stars| review::ActiveModel {
        project_id: Set(project.id),
        stars: Set(Some(stars)),
        ..Default::default()
    };
    let row = db.write(&a, async |tx| review(5).insert(tx).await).await;
    assert_eq!(row.unwrap().verdict, "5 stars");
    // A hook that gives the row to another tenant.
    let stolen = db.write(&a, async |tx| review(13).insert(tx).await).await;
    assert_eq!(kind(stolen), ErrorKind::ForeignTenant);
}

#[tokio::test]
async fn unique_column_of_mixin_is_unique_for_the_live_rows_of_a_tenant() {
    let shop = postgres().await;
    let row = insert(&shop.db, &shop.a, "same").await;
    insert(&shop.db, &shop.b, "same").await;
    let again = shop
        .db
        .write(&shop.a, async |tx| project("same").insert(tx).await);
    assert_eq!(kind(again.await), ErrorKind::Unique);
    let deleted = shop
        .db
        .write(&shop.a, async |tx| row.delete(tx).await)
        .await;
    assert_eq!(deleted.unwrap().rows_affected, 1);
    insert(&shop.db, &shop.a, "same").await;
}

#[tokio::test]
async fn soft_delete_hides_rows_from_code_that_knows_the_mixin_only() {
    let db = sqlite().await;
    let department = Uuid::now_v7();
    db.write(&context("acme"), async |tx| {
        let mut row = project("a");
        row.department = Set(Some(department));
        let row = row.insert(tx).await?;
        row.delete(tx).await?;
        let found = of_department::<project::Entity>(department);
        assert_eq!(found.all(tx).await?.len(), 0);
        let deleted = project::Entity::only_deleted().one(tx).await?.unwrap();
        assert_eq!(deleted.restore(tx).await?.changes, 0);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn foreign_tenant_neither_reads_nor_writes_columns_of_mixins() {
    let shop = postgres().await;
    let department = Uuid::now_v7();
    shop.db
        .write(&shop.a, async |tx| {
            let mut row = project("a");
            row.department = Set(Some(department));
            row.insert(tx).await
        })
        .await
        .unwrap();
    shop.db
        .write(&shop.b, async |tx| {
            let found = of_department::<project::Entity>(department);
            assert_eq!(found.all(tx).await?.len(), 0);
            let touched = tx
                .execute_unprepared("UPDATE projects SET owner = 'mallory'")
                .await?;
            assert_eq!(touched.rows_affected(), 0);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let raw = format!(
        "INSERT INTO projects (id, tenant_id, name, owner, label, changes) \
         VALUES ('{}', 'acme', 'bridge', 'mallory', 'b', 0)",
        Uuid::now_v7(),
    );
    let forged = shop
        .db
        .write(&shop.b, async |tx| tx.execute_unprepared(&raw).await);
    assert_eq!(kind(forged.await), ErrorKind::ForeignTenant);
}

#[tokio::test]
async fn bulk_statements_get_the_defaults_of_mixin_columns() {
    let shop = postgres().await;
    let admin = shop.admin().await;
    let sql = "SELECT column_name FROM information_schema.columns WHERE table_name = 'projects' \
               AND column_default LIKE '%team%' AND is_nullable = 'NO'";
    let defaulted = Statement::from_string(DbBackend::Postgres, sql);
    let row = admin.query_one_raw(defaulted).await.unwrap().unwrap();
    assert_eq!(row.try_get::<String>("", "column_name").unwrap(), "reach");
    let indexed = "SELECT indexdef FROM pg_indexes WHERE indexname = 'idx_projects_department'";
    let indexed = Statement::from_string(DbBackend::Postgres, indexed);
    let row = admin.query_one_raw(indexed).await.unwrap().unwrap();
    let definition: String = row.try_get("", "indexdef").unwrap();
    assert!(
        definition.ends_with("(tenant_id, department)"),
        "{definition}"
    );
}

#[test]
fn mixin_holds_the_values_that_its_hooks_see() {
    let mut row = project("a");
    let values = <project::Entity as HasMixin<Ownership>>::take(&mut row);
    assert_eq!(values.label, Set("a".to_owned()));
    assert_eq!(row.label, NotSet);
    <project::Entity as HasMixin<Ownership>>::put(&mut row, values);
    assert_eq!(row.label, Set("a".to_owned()));
}
