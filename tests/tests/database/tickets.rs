//! An entity with columns of many types, in PostgreSQL and in SQLite, for pages, batches and bulk.

use dotmac_database::migrate::{create_table, install};
use dotmac_database::prelude::*;
use dotmac_database::testing::in_memory;
use sea_orm::ConnectionTrait;
use sea_orm_migration::SchemaManager;

use crate::support::{Shop, context, roles};

pub mod ticket {
    use dotmac_database::prelude::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "Enum", enum_name = "temper")]
    pub enum Temper {
        #[sea_orm(string_value = "warm")]
        Warm,
        #[sea_orm(string_value = "cold")]
        Cold,
    }

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[sea_orm(table_name = "tickets")]
    pub struct Model {
        pub title: String,
        pub rank: Option<i32>,
        pub price: Decimal,
        pub opened_at: DateTimeUtc,
        pub temper: Temper,
        pub urgent: bool,
        #[sea_orm(default_value = "new")]
        pub state: Option<String>,
        pub extra: Option<Json>,
    }
}

/// A key that the database counts, and nothing that must be set.
pub mod visit {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "visits")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i64,
        #[sea_orm(default_value = "direct")]
        pub origin: Option<String>,
    }
}

/// A database with tickets, and what keeps it alive.
pub struct Bed {
    pub db: Database,
    pub a: RequestContext,
    pub b: RequestContext,
    pub shop: Option<Shop>,
}

impl Bed {
    /// One of each kind.
    pub async fn both() -> [Self; 2] {
        [Self::postgres().await, Self::sqlite().await]
    }

    pub async fn postgres() -> Self {
        let shop = Shop::open().await;
        let migrator = shop.migrator().await;
        let manager = SchemaManager::new(&migrator);
        create_table::<visit::Entity>(&manager).await.unwrap();
        let role = roles().application;
        let grant = format!("GRANT SELECT, INSERT ON visits TO \"{role}\"");
        migrator.execute_unprepared(&grant).await.unwrap();
        create_table::<ticket::Entity>(&manager).await.unwrap();
        dotmac_database::migrate::create_indexes::<ticket::Entity>(&manager)
            .await
            .unwrap();
        dotmac_database::migrate::create_triggers::<ticket::Entity>(&manager)
            .await
            .unwrap();
        dotmac_database::rls::install::<ticket::Entity, _>(&migrator, &roles())
            .await
            .unwrap();
        Bed {
            db: shop.db.clone(),
            a: shop.a.clone(),
            b: shop.b.clone(),
            shop: Some(shop),
        }
    }

    pub async fn sqlite() -> Self {
        let db = in_memory().await.unwrap();
        let plain = db.plain();
        let manager = SchemaManager::new(&plain);
        create_table::<visit::Entity>(&manager).await.unwrap();
        install::<ticket::Entity>(&manager).await.unwrap();
        Bed {
            db,
            a: context("acme"),
            b: context("beta"),
            shop: None,
        }
    }

    /// Rows of both tenants by turns, with ties and NULLs.
    pub async fn fill(&self, rows: u64) {
        for number in 0..rows {
            for context in [&self.a, &self.b] {
                let row = ticket(number);
                self.db
                    .write(context, async |tx| row.insert(tx).await)
                    .await
                    .unwrap();
            }
        }
    }
}

/// The rows that the session's tenant may see, also where only conditions say so.
pub fn own(tx: &Session) -> sea_orm::Select<ticket::Entity> {
    let tenant = tx.context().tenant_id().unwrap();
    ticket::Entity::find_in(tenant).unwrap()
}

/// A row of few different values, so that rows tie in any column.
pub fn ticket(number: u64) -> ticket::ActiveModel {
    // A step that is prime to all the moduli mixes them.
    let mix = number * 7_919;
    let micros = 1_700_000_000_000_000 + i64::try_from(mix % 5).unwrap() * 123_457;
    ticket::ActiveModel {
        title: Set(format!("ticket {}", mix % 4)),
        rank: Set((!mix.is_multiple_of(3)).then_some(i32::try_from(mix % 6).unwrap() - 3)),
        price: Set(Decimal::new(i64::try_from(mix % 7).unwrap() * 105, 2)),
        opened_at: Set(chrono::DateTime::from_timestamp_micros(micros).unwrap()),
        temper: Set(match mix % 2 {
            0 => ticket::Temper::Warm,
            _ => ticket::Temper::Cold,
        }),
        urgent: Set(mix.is_multiple_of(5)),
        ..Default::default()
    }
}
