//! A shop with cached tables, and processes that cache them.

use std::sync::atomic::{AtomicU32, Ordering};

use dotmac_database::cache::{CacheClient, CacheOptions, CacheValue, EntityCache, Following};
use dotmac_database::migrate::{install, install_outbox, install_shared, remove, remove_outbox};
use dotmac_database::prelude::*;
use dotmac_database::rls::{Login, Roles};
use dotmac_database::testing::MigratedDatabase;
use dotmac_database::{Cached, Database};
use sea_orm::DatabaseConnection;
use sea_orm::sea_query::Expr;
use sea_orm_migration::prelude::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};
use tokio::sync::OnceCell;

use super::table::{currency, folder, leaf, page, slot, ticket};
use crate::cache::server::{ThrowawayRedis, until};
use crate::cache::support::TTL;
use crate::support::{A, B, context, server};

struct Tables;

impl MigrationName for Tables {
    fn name(&self) -> &str {
        "cached_tables"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Tables {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        install::<page::Entity>(manager).await?;
        install::<folder::Entity>(manager).await?;
        install::<leaf::Entity>(manager).await?;
        install::<slot::Entity>(manager).await?;
        install::<ticket::Entity>(manager).await?;
        install_shared::<currency::Entity>(manager).await?;
        Ok(install_outbox(manager).await?)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        remove_outbox(manager).await?;
        remove::<currency::Entity>(manager).await?;
        remove::<ticket::Entity>(manager).await?;
        remove::<slot::Entity>(manager).await?;
        remove::<leaf::Entity>(manager).await?;
        remove::<folder::Entity>(manager).await?;
        Ok(remove::<page::Entity>(manager).await?)
    }
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Tables)]
    }
}

/// A database with the cached tables.
pub struct Shop {
    database: MigratedDatabase<'static>,
    pub db: Database,
    pub a: RequestContext,
    pub b: RequestContext,
}

impl Shop {
    /// A connection that sees everything.
    pub async fn admin(&self) -> DatabaseConnection {
        let url = self.database.superuser_url();
        sea_orm::Database::connect(url).await.unwrap()
    }

    /// The URL for one of its logins.
    pub fn url(&self, login: Login) -> String {
        self.database.url(login)
    }

    pub fn roles(&self) -> &Roles {
        self.database.roles()
    }
}

pub async fn shop() -> Shop {
    shop_with_pool(5).await
}

pub async fn shop_with_pool(connections: u32) -> Shop {
    static TEMPLATE: OnceCell<MigratedDatabase<'static>> = OnceCell::const_new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let migrate = || async { server().migrated::<Migrator>("cached").await.unwrap() };
    let template = TEMPLATE.get_or_init(migrate).await;
    let name = format!("cached_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let database = template.copy(&name).await.unwrap();
    let config = database.config().unwrap();
    Shop {
        db: Database::connect(config.pool_size(connections).max_overflow(0))
            .await
            .unwrap(),
        database,
        a: context(A),
        b: context(B),
    }
}

/// Another process with a pool of its own, and the system login.
pub async fn program(shop: &Shop) -> Database {
    let config = shop.database.config().unwrap();
    let config = config
        .system_url(&shop.database.url(Login::System))
        .unwrap();
    Database::connect(config.pool_size(3).max_overflow(0))
        .await
        .unwrap()
}

/// A process: its client, and its cache of pages.
pub struct Process {
    pub client: CacheClient,
    pub following: Following,
    pub pages: EntityCache<page::Entity>,
}

impl Process {
    pub fn of(client: CacheClient, db: &Database) -> Self {
        let following = client.follow(db).unwrap();
        Self::following(client, following)
    }

    pub fn following(client: CacheClient, following: Following) -> Self {
        Process {
            pages: cache(&following),
            client,
            following,
        }
    }

    /// One in this process only, and one with a Redis.
    pub async fn both(db: &Database, redis: &ThrowawayRedis) -> [Self; 2] {
        [CacheClient::in_process(), redis.client().await].map(|client| Self::of(client, db))
    }

    /// The title of a page, as the cache has it or loads it.
    pub async fn title(&self, context: &RequestContext, id: Uuid) -> Option<String> {
        let page = page::Entity::cached_by_id(context, &self.pages, id).await;
        page.unwrap().map(|page| page.title.clone())
    }

    /// The same, with whether it was loaded for it.
    pub async fn look(&self, context: &RequestContext, id: Uuid) -> (Option<String>, bool) {
        until(|| self.client.is_idle()).await;
        let before = self.pages.statistics().loads;
        let title = self.title(context, id).await;
        until(|| self.client.is_idle()).await;
        (title, self.pages.statistics().loads > before)
    }
}

pub fn cache<E: Cached>(following: &Following) -> EntityCache<E>
where
    E::Model: CacheValue,
{
    EntityCache::new(following, CacheOptions::new(TTL)).unwrap()
}

pub fn new_page(slug: &str) -> page::ActiveModel {
    page::ActiveModel {
        slug: Set(slug.to_owned()),
        title: Set("old".to_owned()),
        ..Default::default()
    }
}

pub async fn insert_page(db: &Database, context: &RequestContext, slug: &str) -> page::Model {
    let inserted = db.write(context, async |tx| new_page(slug).insert(tx).await);
    inserted.await.unwrap()
}

/// Gives all pages of the session's tenant a title.
pub async fn title_all(tx: &Session, title: &str) {
    let update = page::Entity::update_many().col_expr(page::Column::Title, Expr::val(title));
    update.exec(tx).await.unwrap();
}

/// Gives a page a title, by its model.
pub async fn title(tx: &Session, page: &page::Model, title: &str) -> page::Model {
    let mut page = page.clone().into_active_model();
    page.title = Set(title.to_owned());
    page.update(tx).await.unwrap()
}

/// Polls until a process knows of the title: its messages are on the way.
pub async fn until_titled(
    process: &Process,
    context: &RequestContext,
    id: Uuid,
    expected: Option<&str>,
) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while process.title(context, id).await.as_deref() != expected {
        assert!(
            std::time::Instant::now() < deadline,
            "it is not {expected:?}"
        );
        tokio::task::yield_now().await;
    }
}
