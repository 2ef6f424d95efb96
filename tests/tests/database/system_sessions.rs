//! `db.system`: work across all tenants, on a login of its own, for a reason.

use std::time::Duration;

use dotmac_database::prelude::*;
use dotmac_database::rls::Login;
use dotmac_database::testing::in_memory;
use migration::Migrator;
use migration::entity::{order, user};
use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, DbBackend, PaginatorTrait, Statement};
use sea_orm_migration::MigratorTrait;

use crate::logs::Log;
use crate::support::{A, PASSWORD, Shop, config, context, kind, roles, server};

/// A program of the shop that has the system login's URL, or another one in its place.
async fn program(shop: &Shop, login: &str) -> Database {
    let url = server().url(login, PASSWORD, &shop.name);
    let config = config(&shop.name).system_url(&url).unwrap();
    Database::connect(config).await.unwrap()
}

async fn open() -> (Shop, Database) {
    let shop = Shop::open().await;
    let db = program(&shop, roles().login(Login::System)).await;
    (shop, db)
}

fn new_user(tenant: Option<&str>) -> user::ActiveModel {
    user::ActiveModel {
        tenant_id: tenant.map_or(NotSet, |tenant| Set(tenant.to_owned())),
        email: Set("sys@example.com".into()),
        name: Set("sys".into()),
        ..Default::default()
    }
}

#[tokio::test]
async fn system_session_reads_and_writes_the_rows_of_all_tenants() {
    let (shop, db) = open().await;
    let system = db.system("monthly close").unwrap();
    let orders = system.read(async |tx| order::Entity::find().all(tx).await);
    assert_eq!(orders.await.unwrap().len(), 2);
    system
        .write(async |tx| {
            let update =
                order::Entity::update_many().col_expr(order::Column::TotalCents, Expr::val(7));
            assert_eq!(update.exec(tx).await?.rows_affected, 2);
            // A row by its model, whoever it belongs to; nested as well.
            let nested = tx.nested()?;
            for order in order::Entity::find().all(&nested).await? {
                let mut order = order.into_active_model();
                order.total_cents = Set(8);
                order.update(&nested).await?;
            }
            nested.commit().await?;
            let deleted = user::Entity::delete_many().exec(tx).await?;
            assert_eq!(deleted.rows_affected, 2);
            for user in user::Entity::only_deleted().all(tx).await? {
                user.restore(tx).await?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    for context in [&shop.a, &shop.b] {
        assert_eq!(shop.order(context).await.total_cents, 8);
    }
}

#[tokio::test]
async fn new_row_names_its_tenant_and_keeps_it() {
    let (_shop, db) = open().await;
    let system = db.system("import").unwrap();
    let nameless = system.write(async |tx| new_user(None).insert(tx).await);
    assert_eq!(kind(nameless.await), ErrorKind::MissingTenant);
    let system = system.on_behalf_of(&context("beta"));
    let user = system.write(async |tx| new_user(Some(A)).insert(tx).await);
    let user = user.await.unwrap();
    assert_eq!(user.tenant_id, A);
    assert_eq!(user.created_by.as_deref(), Some("beta-user"));
    assert_eq!(user.request_id.as_deref(), Some("beta-request"));
    let mut moved = user.clone().into_active_model();
    moved.tenant_id = Set("beta".into());
    let moved = system.write(async |tx| moved.update(tx).await);
    assert_eq!(kind(moved.await), ErrorKind::ForeignTenant);
    let many = [new_user(Some(A)), new_user(None)];
    let many = system.write(async |tx| user::Entity::insert_bulk(many).exec(tx).await);
    assert_eq!(kind(many.await), ErrorKind::MissingTenant);
}

#[tokio::test]
async fn reason_is_logged_and_reaches_the_database() {
    let (shop, db) = open().await;
    let system = db.system("it's due").unwrap().on_behalf_of(&shop.a);
    // Whether an event interests anybody is settled at its first time, by whichever test is first.
    drop(system.begin().await.unwrap());
    let log = Log::default();
    let guard = log.capture();
    let sql = "SELECT current_setting('app.system_reason') || current_setting('app.current_user_id') \
               || current_setting('app.current_tenant_id')";
    let work = async |tx: &Session| {
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        tx.query_one_raw(statement).await
    };
    let row = system.read(work).await.unwrap().unwrap();
    assert_eq!(
        row.try_get_by_index::<String>(0).unwrap(),
        "it's dueacme-user"
    );
    drop(guard);
    let text = log.text();
    let line = text
        .lines()
        .find(|line| line.contains("across all tenants"));
    let line = line.expect("logged");
    for part in ["INFO", "it's due", "acme-user", "acme-request"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[tokio::test]
async fn context_of_a_system_session_reaches_nothing_elsewhere() {
    let (_shop, db) = open().await;
    let system = db.system("audit").unwrap();
    let taken = system.read(async |tx| Ok::<_, Error>(tx.context().clone()));
    let taken = taken.await.unwrap();
    assert_eq!(taken.system_reason(), Some("audit"));
    let work = async |tx: &Session| order::Entity::find().all(tx).await;
    assert_eq!(kind(db.read(&taken, work).await), ErrorKind::MissingTenant);
    // Nor does it survive a queue, or come from one.
    let sent = serde_json::to_value(&taken).unwrap();
    let received: RequestContext = serde_json::from_value(sent).unwrap();
    assert_eq!(received.system_reason(), None);
    let forged = serde_json::json!({ "system": "mine" });
    assert!(serde_json::from_value::<RequestContext>(forged).is_err());
}

#[tokio::test]
async fn system_session_needs_its_own_login_and_a_reason() {
    let shop = Shop::open().await;
    let none = shop.db.system("audit").unwrap_err();
    assert_eq!(none.kind(), ErrorKind::Config);
    assert!(
        none.to_string().starts_with("`SYSTEM_DATABASE_URL` "),
        "{none}"
    );
    // The application sees nothing, the migrator may do more, and a superuser needs no policy.
    for (login, expected) in [
        (roles().application.clone(), ErrorKind::Config),
        (roles().migrator.clone(), ErrorKind::Config),
        ("boss".to_owned(), ErrorKind::BypassesRls),
    ] {
        let admin = shop.admin().await;
        if login == "boss" {
            let sql = format!(
                "CREATE ROLE boss SUPERUSER LOGIN PASSWORD '{}'",
                PASSWORD.replace('\'', "''")
            );
            admin.execute_unprepared(&sql).await.unwrap();
        }
        let db = program(&shop, &login).await;
        let system = db.system("audit").unwrap();
        let read = system.read(async |tx| order::Entity::find().all(tx).await);
        let refused = Error::from(read.await.unwrap_err());
        assert_eq!(refused.kind(), expected, "{refused}");
    }
    let db = program(&shop, roles().login(Login::System)).await;
    for reason in ["", " ", "a\0b", &"x".repeat(256)] {
        assert_eq!(kind(db.system(reason)), ErrorKind::Config, "{reason:?}");
    }
    let shown = format!(
        "{:?}",
        config(&shop.name).system_url("postgres://s:hunter2@h/d")
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn closing_waits_for_system_sessions_and_cuts_them_off() {
    let (_shop, db) = open().await;
    let session = db.system("audit").unwrap().begin().await.unwrap();
    assert_eq!(order::Entity::find().count(&session).await.unwrap(), 2);
    assert_eq!(db.close_within(Duration::from_millis(50)).await.cut_off, 1);
    let late = order::Entity::find().count(&session).await;
    assert_eq!(kind(late), ErrorKind::Closed);
    let system = db.system("audit").unwrap();
    let late = system.read(async |tx| order::Entity::find().count(tx).await);
    assert_eq!(kind(late.await), ErrorKind::Closed);
}

#[tokio::test]
async fn closed_database_opens_no_pool_for_a_late_system_session() {
    let (_shop, db) = open().await;
    let system = db.system("audit").unwrap();
    db.close().await;
    assert_eq!(kind(system.begin().await), ErrorKind::Closed);
}

// What asks for the tenant of its session elsewhere.
#[tokio::test]
async fn helpers_reach_all_tenants_in_a_system_session() {
    let (_shop, db) = open().await;
    let system = db.system("audit").unwrap();
    system
        .write(async |tx| {
            let rows = [A, "beta", "gamma"].map(|tenant| new_user(Some(tenant)));
            assert_eq!(user::Entity::insert_bulk(rows).exec(tx).await?, 3);
            let mut seen = 0;
            let mut batches = user::Entity::find().find_in_batches(2);
            while let Some(batch) = batches.next(tx).await? {
                seen += batch.len();
            }
            assert_eq!(seen, 5);
            let locked = user::Entity::find()
                .for_update(LockWait::Nowait)
                .all(tx)
                .await?;
            assert_eq!(locked.len(), 5);
            let upsert = user::Entity::upsert(new_user(Some("gamma")));
            upsert.on([user::Column::Email]).exec(tx).await?;
            assert_eq!(user::Entity::find().count(tx).await?, 5);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn on_sqlite_system_sessions_share_the_connection_of_all() {
    let db = in_memory().await.unwrap();
    Migrator::up(&db.plain(), None).await.unwrap();
    let system = db.system("import").unwrap();
    let user = system.write(async |tx| new_user(Some(A)).insert(tx).await);
    let mut user = user.await.unwrap().into_active_model();
    user.name = Set("Sys".into());
    let user = system
        .write(async |tx| user.update(tx).await)
        .await
        .unwrap();
    let acme = context(A);
    let own = db.read(&acme, async |tx| user::Entity::find().one(tx).await);
    assert_eq!(own.await.unwrap(), Some(user));
}
