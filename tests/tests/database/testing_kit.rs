//! The testing kit itself.

use dotmac_database::prelude::*;
use dotmac_database::testing::{ThrowawayPostgres, rolled_back};
use migration::entity::order;
use sea_orm::ConnectionTrait;

use crate::support::Shop;

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
