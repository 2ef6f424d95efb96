//! Each setting of the configuration, as the server sees it.

use std::time::Duration;

use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{Shop, config, context, url};

async fn shown(db: &impl ConnectionTrait, setting: &str) -> String {
    let sql = format!("SELECT current_setting('{setting}')");
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = db.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

async fn assert_settings(config: DatabaseConfig, expected: &[(&str, &str)]) {
    let db = Database::connect(config).await.unwrap();
    let session = db.begin(&context("acme")).unwrap();
    for (setting, value) in expected {
        assert_eq!(shown(&session, setting).await, *value, "{setting}");
    }
}

#[tokio::test]
async fn defaults_reach_the_server() {
    let shop = Shop::open().await;
    let expected = [
        ("statement_timeout", "1min"),
        ("lock_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ("jit", "off"),
        ("application_name", "dotmac-app"),
    ];
    assert_settings(config(&shop.name), &expected).await;
}

#[tokio::test]
async fn settings_reach_the_server() {
    let shop = Shop::open().await;
    let config = config(&shop.name)
        .statement_timeout(Duration::from_millis(7_500))
        .lock_timeout(Duration::from_secs(2))
        .idle_in_transaction_timeout(Duration::from_secs(90))
        .application_name("nightly jobs");
    let expected = [
        ("statement_timeout", "7500ms"),
        ("lock_timeout", "2s"),
        ("idle_in_transaction_session_timeout", "90s"),
        ("application_name", "nightly jobs"),
    ];
    assert_settings(config, &expected).await;
}

#[tokio::test]
async fn what_is_off_is_left_to_the_role() {
    let shop = Shop::open().await;
    let sql = format!(
        "ALTER ROLE shop_app IN DATABASE {} SET statement_timeout = '33s'",
        shop.name
    );
    let admin = shop.admin().await;
    admin.execute_unprepared(&sql).await.unwrap();
    let config = config(&shop.name).statement_timeout(None);
    assert_settings(config, &[("statement_timeout", "33s")]).await;
}

#[tokio::test]
async fn settings_win_over_the_options_of_the_url() {
    let shop = Shop::open().await;
    let url = format!(
        "{}?application_name=by-url&options[statement_timeout]=5s&options[work_mem]=5MB",
        url(&shop.name)
    );
    let expected = [
        ("application_name", "by-url"),
        ("statement_timeout", "1min"),
        ("work_mem", "5MB"),
    ];
    assert_settings(DatabaseConfig::new(&url).unwrap(), &expected).await;
}

#[tokio::test]
async fn connections_are_opened_ahead_if_asked() {
    let shop = Shop::open().await;
    let config = config(&shop.name)
        .min_connections(3)
        .application_name("ahead");
    let db = Database::connect(config).await.unwrap();
    let admin = shop.admin().await;
    let sql = "SELECT 1 WHERE 3 = (SELECT count(*) FROM pg_stat_activity \
               WHERE application_name = 'ahead' AND datname = current_database())";
    let three = Statement::from_string(DbBackend::Postgres, sql);
    while admin.query_one_raw(three.clone()).await.unwrap().is_none() {}
    db.close().await;
}

#[tokio::test]
async fn unusable_setting_is_refused_before_connecting() {
    let config = DatabaseConfig::new("postgres://u:hunter2@nowhere.invalid/d").unwrap();
    let refused = Database::connect(config.pool_size(0).max_overflow(0)).await;
    let error = refused.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().starts_with("`DB_POOL_SIZE`"), "{error}");
}

#[tokio::test]
async fn refused_login_shows_no_password() {
    let shop = Shop::open().await;
    let url = url(&shop.name).replace("pa%27ss", "hunter2");
    let config = DatabaseConfig::new(&url).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let error = Database::connect(config).await.expect_err("refused");
    let told = format!("{error} {error:?}");
    assert!(told.contains("password authentication failed"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    let database = format!("{:?}", shop.db);
    assert!(database.contains("shop_app@127.0.0.1"), "{database}");
    assert!(!database.contains("pa%27ss") && !database.contains("pa'ss"));
}
