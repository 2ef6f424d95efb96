//! I33: what a session leaves on its connection never meets the next user, and a session that leaves
//! nothing pays nothing for that.

use dotmac_database::prelude::*;
use dotmac_database::testing::ThrowawayPostgres;
use migration::Migrator;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{A, B, Shop, context};

/// How to leave something, and what then shows it: a query that is true on a clean connection.
const LEFTOVERS: [(&str, &str, &str); 14] = [
    (
        "a cursor",
        "DECLARE c CURSOR WITH HOLD FOR SELECT tenant_id FROM orders",
        "SELECT count(*) = 0 FROM pg_cursors WHERE is_holdable",
    ),
    (
        "a temporary table",
        "CREATE TEMPORARY TABLE orders AS SELECT * FROM orders",
        "SELECT count(*) = 0 FROM pg_class WHERE relpersistence = 't'",
    ),
    (
        "a temporary table of a single query",
        "SELECT * INTO TEMP mine FROM orders",
        "SELECT count(*) = 0 FROM pg_class WHERE relpersistence = 't'",
    ),
    (
        "a channel",
        "LISTEN secrets",
        "SELECT count(*) = 0 FROM pg_listening_channels()",
    ),
    (
        "a lock",
        "SELECT pg_advisory_lock(1)",
        "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    ),
    (
        "a shared lock",
        "SELECT pg_try_advisory_lock_shared(1, 2)",
        "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    ),
    (
        "a setting",
        "SET work_mem = '77kB'",
        "SELECT current_setting('work_mem') <> '77kB'",
    ),
    (
        "a setting made in a block",
        "DO $$ BEGIN PERFORM set_config('work_mem', '77kB', false); END $$",
        "SELECT current_setting('work_mem') <> '77kB'",
    ),
    (
        "another tenant",
        "DO $$ BEGIN PERFORM set_config('app.current_tenant_id', 'beta', false); END $$",
        "SELECT current_setting('app.current_tenant_id') = 'acme'",
    ),
    (
        "a search path",
        "DO $$ BEGIN PERFORM set_config('search_path', 'nowhere', false); END $$",
        "SELECT current_setting('search_path') <> 'nowhere'",
    ),
    (
        "a role",
        "DO $$ BEGIN EXECUTE 'SET ROLE guest'; END $$",
        "SELECT current_user = 'shop_app'",
    ),
    (
        "transactions that only read",
        "DO $$ BEGIN PERFORM set_config('default_transaction_read_only', 'on', false); END $$",
        "SELECT current_setting('default_transaction_read_only') = 'off'",
    ),
    (
        "the last value of a sequence",
        "DO $$ BEGIN PERFORM nextval('counter'); END $$",
        "SELECT is_forgotten()",
    ),
    (
        "row security that is off",
        "DO $$ BEGIN PERFORM set_config('row_security', 'off', false); END $$",
        "SELECT current_setting('row_security') = 'on'",
    ),
];

/// Lets the application do more than it may, so that there is more to leave.
const SET_UP: &str = "
    CREATE SEQUENCE counter;
    GRANT USAGE ON SEQUENCE counter TO shop_app;
    CREATE FUNCTION is_forgotten() RETURNS boolean LANGUAGE plpgsql AS $$
        BEGIN PERFORM lastval(); RETURN false;
        EXCEPTION WHEN object_not_in_prerequisite_state THEN RETURN true; END $$;
    DO $$ BEGIN CREATE ROLE guest; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
";

async fn holds(db: &impl ConnectionTrait, sql: &str) -> bool {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = db.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn i33_next_user_of_a_connection_meets_nothing_of_the_last() {
    let shop = Shop::with_pool(1).await;
    let admin = shop.admin().await;
    admin.execute_unprepared(SET_UP).await.unwrap();
    let rights = format!("GRANT TEMPORARY ON DATABASE {} TO shop_app", shop.name);
    admin.execute_unprepared(&rights).await.unwrap();
    // A membership is the server's, and other tests judge it: it lasts for this one statement.
    for (what, leave, is_clean) in LEFTOVERS {
        let guest = what == "a role";
        if guest {
            let sql = "GRANT guest TO shop_app";
            admin.execute_unprepared(sql).await.unwrap();
        }
        // Beyond the transaction where it is committed, and where not, as far as it lasts.
        for commit in [true, false] {
            let session = shop.db.begin(&shop.b).unwrap();
            session.execute_unprepared(leave).await.expect(what);
            match commit {
                true => session.commit().await.unwrap(),
                false => drop(session),
            }
            let work = async |tx: &Session| Ok::<_, Error>(holds(tx, is_clean).await);
            assert!(shop.db.read(&shop.a, work).await.unwrap(), "{what} is left");
        }
        if guest {
            let sql = "REVOKE guest FROM shop_app";
            admin.execute_unprepared(sql).await.unwrap();
        }
    }
}

// The same queries see what is left, where nobody takes it away.
#[tokio::test]
async fn leftovers_are_seen_on_a_connection_that_nobody_tidies() {
    let shop = Shop::with_pool(1).await;
    let admin = shop.admin().await;
    admin.execute_unprepared(SET_UP).await.unwrap();
    let mut options = sea_orm::ConnectOptions::new(crate::support::url(&shop.name));
    options.max_connections(1);
    let rights = format!("GRANT TEMPORARY ON DATABASE {} TO shop_app", shop.name);
    admin.execute_unprepared(&rights).await.unwrap();
    for (what, leave, is_clean) in LEFTOVERS {
        // A session sets the tenant itself, and the role needs a membership.
        if ["another tenant", "a role"].contains(&what) {
            continue;
        }
        let plain = sea_orm::Database::connect(options.clone()).await.unwrap();
        assert!(holds(&plain, is_clean).await, "{what} is there already");
        plain.execute_unprepared(leave).await.unwrap();
        assert!(!holds(&plain, is_clean).await, "{what} is not seen");
        plain.close().await.unwrap();
    }
}

#[tokio::test]
async fn session_without_raw_sql_sends_nothing_to_tidy_up() {
    let settings = [
        ("log_statement", "all"),
        ("log_min_duration_statement", "-1"),
    ];
    let server = ThrowawayPostgres::start_with(&settings).unwrap();
    let shop = server.migrated::<Migrator>("shop").await.unwrap();
    let config = shop.config().unwrap().pool_size(1).max_overflow(0);
    let db = Database::connect(config).await.unwrap();
    let log = || {
        let home = server.data_dir().parent().unwrap();
        let log = std::fs::read_to_string(home.join("server.log")).unwrap();
        log.lines()
            .filter(|line| line.contains("LOG:  statement:") || line.contains("LOG:  execute"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    // The start check's transaction ends in the background.
    db.ping().await.unwrap();
    let before = log().len();
    for tenant in [A, B] {
        db.write(&context(tenant), async |tx| {
            migration::entity::user::Entity::find().all(tx).await
        })
        .await
        .unwrap();
    }
    // The third session waits for the pool's one connection: whatever follows the second is there.
    db.write(&context(A), async |tx| {
        tx.execute_unprepared("select 1").await
    })
    .await
    .unwrap();
    db.ping().await.unwrap();
    let lines = log().split_off(before);
    let tidied = |lines: &[String]| lines.iter().filter(|it| it.contains("CLOSE ALL")).count();
    // BEGIN with the context, the query, COMMIT: three round trips for each, and one more for raw SQL.
    assert_eq!(lines.len(), 10, "{lines:#?}");
    assert_eq!(tidied(&lines), 1, "{lines:#?}");
    assert_eq!(tidied(&lines[..9]), 0, "{lines:#?}");
}
