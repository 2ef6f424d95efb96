//! A user's own hooks, composed with the stamps.

use dotmac_database::prelude::*;
use dotmac_database::rls;
use sea_orm_migration::SchemaManager;

use crate::support::{Shop, roles};

mod ticket {
    use std::sync::atomic::{AtomicU32, Ordering};

    use dotmac_database::prelude::*;

    pub static AFTER_SAVE: AtomicU32 = AtomicU32::new(0);
    pub static AFTER_DELETE: AtomicU32 = AtomicU32::new(0);

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[sea_orm(table_name = "tickets")]
    #[dotmac(hooks)]
    pub struct Model {
        pub title: String,
        pub slug: String,
    }

    #[dotmac_database::hooks]
    impl ActiveModelBehavior for ActiveModel {
        async fn before_save<C>(mut self, _db: &C, _insert: bool) -> Result<Self, DbErr>
        where
            C: ConnectionTrait,
        {
            // The stamps are there already, and what is changed of them does not last.
            assert_eq!(self.tenant_id.as_ref(), "acme");
            self.created_by = Set(Some("mallory".into()));
            self.updated_by = Set(Some("mallory".into()));
            if let Set(title) = &self.title {
                if title == "steal" {
                    self.tenant_id = Set("beta".into());
                }
                self.slug = Set(title.to_lowercase());
            }
            Ok(self)
        }

        async fn after_save<C>(model: Model, _db: &C, _insert: bool) -> Result<Model, DbErr>
        where
            C: ConnectionTrait,
        {
            AFTER_SAVE.fetch_add(1, Ordering::Relaxed);
            Ok(model)
        }

        async fn before_delete<C>(self, _db: &C) -> Result<Self, DbErr>
        where
            C: ConnectionTrait,
        {
            match self.title.as_ref().as_str() {
                "keep" => Err(DbErr::Custom("kept by the hook".into())),
                _ => Ok(self),
            }
        }

        async fn after_delete<C>(self, _db: &C) -> Result<Self, DbErr>
        where
            C: ConnectionTrait,
        {
            AFTER_DELETE.fetch_add(1, Ordering::Relaxed);
            Ok(self)
        }
    }
}

async fn open() -> Shop {
    use dotmac_database::migrate::{create_table, create_triggers};
    let shop = Shop::open().await;
    let migrator = shop.migrator().await;
    let manager = SchemaManager::new(&migrator);
    create_table::<ticket::Entity>(&manager).await.unwrap();
    create_triggers::<ticket::Entity>(&manager).await.unwrap();
    rls::install::<ticket::Entity, _>(&migrator, &roles())
        .await
        .unwrap();
    shop
}

fn ticket(title: &str) -> ticket::ActiveModel {
    ticket::ActiveModel {
        title: Set(title.into()),
        ..Default::default()
    }
}

#[tokio::test]
async fn own_hooks_run_between_the_stamps() {
    let shop = open().await;
    shop.db
        .write(&shop.a, async |tx| {
            let row = ticket("Hello").insert(tx).await?;
            assert_eq!(row.slug, "hello");
            assert_eq!(row.created_by.as_deref(), Some("acme-user"));
            assert_eq!(row.updated_by.as_deref(), Some("acme-user"));
            let stolen = ticket("steal").insert(tx).await.map_err(Error::from);
            assert_eq!(stolen.unwrap_err().kind(), ErrorKind::ForeignTenant);

            let kept = ticket("keep").insert(tx).await?;
            assert!(kept.clone().delete(tx).await.is_err());
            assert!(
                !ticket::Entity::find_by_id(kept.id)
                    .one(tx)
                    .await?
                    .unwrap()
                    .is_deleted()
            );
            assert_eq!(row.delete(tx).await?.rows_affected, 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    use std::sync::atomic::Ordering;
    assert_eq!(ticket::AFTER_SAVE.load(Ordering::Relaxed), 2);
    assert_eq!(ticket::AFTER_DELETE.load(Ordering::Relaxed), 1);
}
