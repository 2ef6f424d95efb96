//! Every kind of error that a server can answer with, provoked on a server.

use std::time::Duration;

use dotmac_database::__private::{ConstraintColumns, register};
use dotmac_database::Violation;
use dotmac_database::prelude::*;
use dotmac_database::testing::in_memory;
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, IsolationLevel, RuntimeErr, SqlErr, Statement};
use tokio::sync::Barrier;

use crate::support::{HeldLock, Shop, config, set_total};

const ROOMS: &str = "
    CREATE TABLE rooms (
        id int PRIMARY KEY,
        name text NOT NULL,
        size int NOT NULL CONSTRAINT ck_rooms_size CHECK (size > 0),
        part_of int CONSTRAINT fk_rooms_part_of REFERENCES rooms,
        used int4range,
        CONSTRAINT uq_rooms_name UNIQUE (name, size),
        CONSTRAINT ex_rooms_used EXCLUDE USING gist (used WITH &&)
    );
    CREATE TABLE safes (id int PRIMARY KEY, code text CONSTRAINT uq_safes_code UNIQUE);
    ALTER TABLE safes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY codes ON safes USING (true) WITH CHECK (code <> 'forbidden');
    INSERT INTO rooms VALUES (1, 'topsecret', 9, NULL, '[1,5)');
    INSERT INTO rooms VALUES (2, 'cellar', 9, 1, NULL);
    INSERT INTO safes VALUES (1, 'topsecret');
    GRANT SELECT, INSERT, UPDATE, DELETE ON rooms, safes TO shop_app;
";

register! {
    ConstraintColumns(|table, constraint| {
        ((table, constraint) == ("safes", "uq_safes_code")).then(|| vec!["code".to_owned()])
    })
}

async fn with_rooms() -> Shop {
    let shop = Shop::open().await;
    let admin = shop.admin().await;
    admin.execute_unprepared(ROOMS).await.unwrap();
    shop
}

/// The error with which a session of tenant A answers to a statement.
async fn refused(db: &Database, context: &RequestContext, sql: &str) -> Error {
    let written = db.write(context, async |tx| tx.execute_unprepared(sql).await);
    let error = Error::from(written.await.expect_err(sql));
    assert_tells_no_value(&error);
    error
}

/// Neither the messages along the chain, nor what `unwrap` would print.
fn assert_tells_no_value(error: &Error) {
    let mut told = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        told.push_str(&error.to_string());
        source = error.source();
    }
    assert!(!told.contains("topsecret"), "{told}");
    let own = error.to_string();
    if let Some(source) = std::error::Error::source(error)
        && !matches!(error, Error::Database(_))
    {
        assert!(!own.contains(&source.to_string()), "{own}");
    }
}

fn place(violation: &Violation) -> (&str, &str, Vec<&str>) {
    (
        violation.table.as_deref().unwrap_or_default(),
        violation.constraint.as_deref().unwrap_or_default(),
        violation.columns.iter().map(String::as_str).collect(),
    )
}

/// The kind, the table, the constraint and the columns of a violation.
type Expected = (
    ErrorKind,
    &'static str,
    &'static str,
    &'static [&'static str],
);

#[tokio::test]
async fn violated_constraint_is_told_with_its_place() {
    let shop = with_rooms().await;
    let cases: [(&str, Expected); 7] = [
        (
            "INSERT INTO rooms VALUES (3, 'topsecret', 9)",
            (
                ErrorKind::Unique,
                "rooms",
                "uq_rooms_name",
                &["name", "size"],
            ),
        ),
        (
            "INSERT INTO rooms VALUES (3, 'topsecret', 1, 77)",
            (
                ErrorKind::ForeignKey,
                "rooms",
                "fk_rooms_part_of",
                &["part_of"],
            ),
        ),
        (
            "DELETE FROM rooms WHERE id = 1",
            (ErrorKind::ForeignKey, "rooms", "fk_rooms_part_of", &[]),
        ),
        (
            "INSERT INTO rooms VALUES (3, 'topsecret', 0)",
            (ErrorKind::Check, "rooms", "ck_rooms_size", &[]),
        ),
        (
            "INSERT INTO rooms VALUES (3, 'topsecret', NULL)",
            (ErrorKind::NotNull, "rooms", "", &["size"]),
        ),
        (
            "INSERT INTO rooms VALUES (3, 'topsecret', 2, NULL, '[4,6)')",
            (ErrorKind::Exclusion, "rooms", "ex_rooms_used", &["used"]),
        ),
        // Under row-level security PostgreSQL keeps the columns to itself: the lookup knows them.
        (
            "INSERT INTO safes VALUES (2, 'topsecret')",
            (ErrorKind::Unique, "safes", "uq_safes_code", &["code"]),
        ),
    ];
    for (sql, (kind, table, constraint, columns)) in cases {
        let error = refused(&shop.db, &shop.a, sql).await;
        assert_eq!(error.kind(), kind, "{sql}");
        let violation = error.violation().expect(sql);
        let expected = (table, constraint, columns.to_vec());
        assert_eq!(place(violation), expected, "{sql}");
        assert!(!error.is_retryable());
    }
}

#[tokio::test]
async fn error_of_a_statement_loses_nothing_on_its_way_through_ours() {
    let shop = with_rooms().await;
    for (sql, hides) in [
        ("INSERT INTO rooms VALUES (3, 'topsecret', 9)", false),
        ("INSERT INTO safes VALUES (2, 'topsecret')", true),
    ] {
        let error = DbErr::from(refused(&shop.db, &shop.a, sql).await);
        let unique = error.sql_err();
        assert!(
            matches!(unique, Some(SqlErr::UniqueConstraintViolation(_))),
            "{sql}"
        );
        let DbErr::Exec(RuntimeErr::SqlxError(driver)) = error else {
            panic!("another variant: {error}");
        };
        let driver = driver.as_database_error().unwrap();
        let postgres = driver.downcast_ref::<sqlx::postgres::PgDatabaseError>();
        assert_eq!(postgres.detail().is_none(), hides, "{sql}");
    }
}

#[tokio::test]
async fn refusals_of_rights_are_told_apart() {
    let shop = with_rooms().await;
    let error = refused(
        &shop.db,
        &shop.a,
        "INSERT INTO safes VALUES (2, 'forbidden')",
    )
    .await;
    assert!(matches!(error, Error::RowSecurity { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::ForeignTenant);
    assert_eq!(place(error.violation().unwrap()).0, "safes");

    let error = refused(&shop.db, &shop.a, "TRUNCATE rooms").await;
    assert!(matches!(error, Error::Denied(_)), "{error:?}");

    let options = SessionOptions::read_only();
    let session = shop.db.begin_with(&shop.a, options).unwrap();
    let written = session.execute_unprepared("DELETE FROM rooms").await;
    let error = Error::from(written.unwrap_err());
    assert!(matches!(error, Error::ReadOnlyTransaction(_)), "{error:?}");
}

/// Locks one table, waits until the other unit has locked the other one, and asks for that.
async fn cross(
    shop: &Shop,
    barrier: &Barrier,
    first: &str,
    second: &str,
) -> std::result::Result<(), Error> {
    let update = |table| format!("UPDATE {table} SET updated_at = now()");
    shop.db
        .write(&shop.a, async |tx| {
            tx.execute_unprepared(&update(first)).await?;
            barrier.wait().await;
            tx.execute_unprepared(&update(second)).await?;
            Ok(())
        })
        .await
}

#[tokio::test]
async fn deadlock_ends_one_of_two_units_which_may_run_again() {
    let shop = Shop::open().await;
    let barrier = Barrier::new(2);
    let (one, other) = tokio::join!(
        cross(&shop, &barrier, "orders", "users"),
        cross(&shop, &barrier, "users", "orders"),
    );
    let error = match (one, other) {
        (Ok(()), Err(error)) | (Err(error), Ok(())) => error,
        both => panic!("one must succeed: {both:?}"),
    };
    assert!(matches!(error, Error::Deadlock(_)), "{error:?}");
    assert!(error.is_retryable());
    let alone = Barrier::new(1);
    cross(&shop, &alone, "orders", "users").await.unwrap();
}

#[tokio::test]
async fn serialization_failure_at_commit_is_no_unknown_outcome() {
    let shop = Shop::open().await;
    let open = || {
        let options = SessionOptions::isolation(IsolationLevel::Serializable);
        shop.db.begin_with(&shop.a, options).unwrap()
    };
    let (one, other) = (open(), open());
    for (session, read, write) in [(&one, "orders", "users"), (&other, "users", "orders")] {
        let sql = format!("DO $$ BEGIN PERFORM * FROM {read}; END $$");
        session.execute_unprepared(&sql).await.unwrap();
        let sql = format!("UPDATE {write} SET updated_at = now()");
        session.execute_unprepared(&sql).await.unwrap();
    }
    one.commit().await.unwrap();
    let error = other.commit().await.unwrap_err();
    assert!(matches!(error, Error::Serialization(_)), "{error:?}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn timeouts_are_told_apart() {
    let shop = Shop::open().await;
    let short = Duration::from_millis(500);
    let lock = HeldLock::take(&shop).await;
    let by_statement = config(&shop.name).statement_timeout(short);
    let db = Database::connect(by_statement).await.unwrap();
    let error = refused(&db, &shop.a, HeldLock::WAIT).await;
    assert!(matches!(error, Error::StatementTimeout(_)), "{error:?}");

    let by_lock = config(&shop.name).lock_timeout(short);
    let db = Database::connect(by_lock).await.unwrap();
    let error = refused(&db, &shop.a, HeldLock::WAIT).await;
    assert!(matches!(error, Error::LockTimeout(_)), "{error:?}");
    lock.release().await;

    let of_pool = config(&shop.name)
        .pool_size(1)
        .max_overflow(0)
        .pool_timeout(Duration::from_secs(2));
    let db = Database::connect(of_pool).await.unwrap();
    let holder = db.begin(&shop.a).unwrap();
    set_total(&holder, 1).await;
    let error = refused(&db, &shop.a, "SELECT 1").await;
    assert!(matches!(error, Error::PoolTimeout(_)), "{error:?}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn lost_connection_is_told_and_not_called_retryable() {
    let shop = Shop::open().await;
    let error = refused(
        &shop.db,
        &shop.a,
        "SELECT pg_terminate_backend(pg_backend_pid())",
    )
    .await;
    assert!(matches!(error, Error::ConnectionLost(_)), "{error:?}");
    assert!(!error.is_retryable());

    let idle = config(&shop.name)
        .idle_in_transaction_timeout(Duration::from_millis(500))
        .application_name("idle");
    let db = Database::connect(idle).await.unwrap();
    let session = db.begin(&shop.a).unwrap();
    order::Entity::find().all(&session).await.unwrap();
    let admin = shop.admin().await;
    let gone = "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity \
                WHERE application_name = 'idle' AND state = 'idle in transaction')";
    let gone = Statement::from_string(DbBackend::Postgres, gone);
    while admin.query_one_raw(gone.clone()).await.unwrap().is_none() {}
    let lost = order::Entity::find().all(&session).await;
    let lost = Error::from(lost.unwrap_err());
    assert_eq!(lost.kind(), ErrorKind::ConnectionLost, "{lost:?}");
}

#[tokio::test]
async fn sqlite_tells_the_same_kinds() {
    let db = in_memory().await.unwrap();
    let nobody = RequestContext::without_tenant();
    for sql in [
        "CREATE TABLE rooms (id integer PRIMARY KEY, name text NOT NULL, size int \
         CONSTRAINT ck_rooms_size CHECK (size > 0), part_of int REFERENCES rooms (id))",
        "CREATE UNIQUE INDEX uq_rooms_name ON rooms (name, size)",
        "CREATE UNIQUE INDEX uq_rooms_lower ON rooms (lower(name), part_of)",
        "INSERT INTO rooms VALUES (1, 'topsecret', 9, NULL), (2, 'topsecret', 8, 1)",
    ] {
        db.plain().execute_unprepared(sql).await.unwrap();
    }
    let cases: [(&str, Expected); 6] = [
        (
            "INSERT INTO rooms VALUES (3, 'topsecret', 9, NULL)",
            (ErrorKind::Unique, "rooms", "", &["name", "size"]),
        ),
        (
            "INSERT INTO rooms VALUES (3, 'TOPSECRET', 9, 1)",
            (ErrorKind::Unique, "", "uq_rooms_lower", &[]),
        ),
        (
            "INSERT INTO rooms VALUES (1, 'cellar', 9, NULL)",
            (ErrorKind::Unique, "rooms", "", &["id"]),
        ),
        (
            "INSERT INTO rooms VALUES (3, 'cellar', 0, NULL)",
            (ErrorKind::Check, "", "ck_rooms_size", &[]),
        ),
        (
            "INSERT INTO rooms VALUES (3, NULL, 9, NULL)",
            (ErrorKind::NotNull, "rooms", "", &["name"]),
        ),
        (
            "INSERT INTO rooms VALUES (3, 'cellar', 9, 77)",
            (ErrorKind::ForeignKey, "", "", &[]),
        ),
    ];
    for (sql, (kind, table, constraint, columns)) in cases {
        let error = refused(&db, &nobody, sql).await;
        assert_eq!(error.kind(), kind, "{sql}");
        let violation = error.violation().expect(sql);
        let expected = (table, constraint, columns.to_vec());
        assert_eq!(place(violation), expected, "{sql}");
    }
}

#[tokio::test]
async fn sqlite_that_another_writes_to_is_a_lock_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}?mode=rwc", folder.path().join("db").display());
    let open = || {
        let config = DatabaseConfig::new(&url).unwrap();
        Database::connect(config.lock_timeout(Duration::from_millis(100)))
    };
    let (one, other) = (open().await.unwrap(), open().await.unwrap());
    let nobody = RequestContext::without_tenant();
    let writer = one.begin(&nobody).unwrap();
    let table = "CREATE TABLE t (id integer)";
    writer.execute_unprepared(table).await.unwrap();
    let error = refused(&other, &nobody, table).await;
    assert!(matches!(error, Error::LockTimeout(_)), "{error:?}");
    writer.rollback().await.unwrap();
    let written = other.write(&nobody, async |tx| tx.execute_unprepared(table).await);
    written.await.unwrap();
}
