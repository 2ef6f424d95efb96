//! A tenant moves into a schema of its own and back, with all its rows or not at all.

use dotmac_database::migrate::Fleet;
use dotmac_database::prelude::*;
use dotmac_database::rls::Login;
use dotmac_database::tenancy::{Directory, Placement, TenantState};
use dotmac_database::{SearchPath, Tenancy, TenancyError};
use migration::entity::order;
use migration::{Migrator, TenantMigrator};
use sea_orm::{ConnectionTrait, DatabaseConnection, PaginatorTrait};

use crate::support::{admin, context, server};

/// A shop of tenants with their rows in shared tables.
struct Shop {
    db: Database,
    schemas: Database,
    migrator: DatabaseConnection,
    admin: DatabaseConnection,
    fleet: Fleet<Migrator, TenantMigrator>,
}

impl Shop {
    async fn open(name: &str) -> Self {
        let database = server().migrated::<Migrator>(name).await.unwrap();
        let db = Database::connect(database.config().unwrap()).await.unwrap();
        let path = SearchPath::tenant();
        let shop = Shop {
            schemas: db.with_tenancy(Tenancy::Schemas(path)).unwrap(),
            db,
            migrator: sea_orm::Database::connect(database.url(Login::Migrator))
                .await
                .unwrap(),
            admin: admin(database.name()).await,
            fleet: Fleet::new(),
        };
        for tenant in ["acme", "beta"] {
            let id = TenantId::parse(tenant).unwrap();
            shop.fleet
                .create(&id, &Placement::Rows, &shop.migrator)
                .await
                .unwrap();
            for number in 0..5 {
                let new = order::ActiveModel {
                    number: Set(format!("A-{number}")),
                    total_cents: Set(number),
                    ..Default::default()
                };
                let context = context(tenant);
                shop.db
                    .write(&context, async |tx| new.insert(tx).await)
                    .await
                    .unwrap();
            }
        }
        shop
    }

    /// How many orders acme has in the shared tables, and in its schema.
    async fn orders(&self) -> (u64, Option<u64>) {
        let acme = context("acme");
        let count = async |db: &Database| {
            let read = db.read(&acme, async |tx| order::Entity::find().count(tx).await);
            read.await
        };
        (
            count(&self.db).await.unwrap(),
            count(&self.schemas).await.ok(),
        )
    }
}

#[tokio::test]
async fn a_tenant_moves_into_its_schema_and_back() {
    let shop = Shop::open("moved_there").await;
    let (acme, fleet, db) = (
        TenantId::parse("acme").unwrap(),
        &shop.fleet,
        &shop.migrator,
    );
    let served = fleet.move_to(&Placement::Schema, &acme, db).await;
    assert!(matches!(
        served,
        Err(Error::Tenancy(TenancyError::State { .. }))
    ));
    fleet.suspend(&acme, db).await.unwrap();
    let moved = fleet.move_to(&Placement::Schema, &acme, db).await.unwrap();
    assert_eq!(
        (moved.placement, moved.state),
        (Placement::Schema, TenantState::Suspended)
    );
    assert_eq!(shop.orders().await, (0, Some(5)));
    let served = fleet.resume(&acme, db).await.unwrap();
    assert_eq!(served.state, TenantState::Active);
    let beta = context("beta");
    let others = shop
        .db
        .read(&beta, async |tx| order::Entity::find().count(tx).await);
    assert_eq!(others.await.unwrap(), 5);
    fleet.suspend(&acme, db).await.unwrap();
    // There already.
    fleet.move_to(&Placement::Schema, &acme, db).await.unwrap();
    let back = fleet.move_to(&Placement::Rows, &acme, db).await.unwrap();
    assert_eq!((back.placement, back.schema), (Placement::Rows, None));
    assert_eq!(shop.orders().await, (5, None), "the schema is gone");
    let elsewhere = fleet
        .move_to(&"database:eu".parse().unwrap(), &acme, db)
        .await;
    assert!(matches!(
        elsewhere,
        Err(Error::Tenancy(TenancyError::State { .. }))
    ));
}

#[tokio::test]
async fn a_move_that_fails_leaves_everything_where_it_was() {
    let shop = Shop::open("moved_not").await;
    let (acme, fleet, db) = (
        TenantId::parse("acme").unwrap(),
        &shop.fleet,
        &shop.migrator,
    );
    fleet.suspend(&acme, db).await.unwrap();
    fleet.move_to(&Placement::Schema, &acme, db).await.unwrap();
    let view = "CREATE VIEW public.peek AS SELECT number FROM tenant_acme.orders";
    shop.admin.execute_unprepared(view).await.unwrap();
    let back = fleet.move_to(&Placement::Rows, &acme, db).await;
    assert!(matches!(
        back,
        Err(Error::Tenancy(TenancyError::HasDependents { .. }))
    ));
    assert_eq!(shop.orders().await, (0, Some(5)));
    let record = Directory::new().find_on(&acme, db).await.unwrap().unwrap();
    assert_eq!(record.placement, Placement::Schema);
}
