//! The testing kit itself.

use dotmac_database::prelude::*;
use dotmac_database::rls::Login;
use dotmac_database::testing::{ThrowawayPostgres, rolled_back};
use migration::Migrator;
use migration::entity::order;
use sea_orm::ConnectionTrait;

use crate::support::{Shop, context, server};

#[tokio::test]
async fn throwaway_server_is_gone_with_the_value() {
    let server = ThrowawayPostgres::start().unwrap();
    let folder = server.data_dir().to_owned();
    let db = sea_orm::Database::connect(server.superuser_url())
        .await
        .unwrap();
    db.execute_unprepared("SELECT 1").await.unwrap();
    drop(db);
    let port = server.port();
    drop(server);
    assert!(!folder.exists());
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[tokio::test]
async fn rolled_back_session_leaves_no_trace() {
    let shop = Shop::open().await;
    let result = rolled_back(&shop.db, &shop.a, async |tx| {
        order::Entity::delete_many().exec(tx).await
    });
    assert_eq!(result.await.unwrap().rows_affected, 1);
    assert!(!shop.order(&shop.a).await.is_deleted());
}

#[tokio::test]
async fn migrated_database_and_its_copy_are_what_a_deployment_has() {
    let template = server().migrated::<Migrator>("kit").await.unwrap();
    let copy = template.copy("kit_copy").await.unwrap();
    assert_eq!(copy.roles(), template.roles());
    for database in [&copy, &template] {
        // The start check passes: it would refuse any login but the application's.
        let db = Database::connect(database.config().unwrap()).await.unwrap();
        let acme = context("acme");
        let orders = db.read(&acme, async |tx| order::Entity::find().all(tx).await);
        assert!(orders.await.unwrap().is_empty());
        let temporary = db
            .plain()
            .execute_unprepared("CREATE TEMP TABLE t ()")
            .await;
        assert!(temporary.is_err(), "{}", database.name());
        db.close().await;
        for login in [Login::Migrator, Login::System] {
            let url = database.url(login);
            let db = sea_orm::Database::connect(url).await.unwrap();
            db.execute_unprepared("SELECT 1 FROM orders").await.unwrap();
            db.close().await.unwrap();
        }
    }
    assert!(!format!("{copy:?}").contains("password"));
}
