//! The gate for raw SQL, on the server: what it refuses would have worked.

use dotmac_database::prelude::*;
use dotmac_database::testing::assert_refused;
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::Shop;

// Each reads beta's rows as acme, in one statement as an injection into a SELECT would.
#[tokio::test]
async fn i15_function_that_runs_a_text_as_sql_is_refused() {
    let shop = Shop::open().await;
    let sql = "SELECT count(*) FROM orders o, (SELECT query_to_xml(\
               'SELECT set_config(''app.current_tenant_id'', ''beta'', true)', true, true, '')) x \
               WHERE o.tenant_id = 'beta'";
    let statement = || Statement::from_string(DbBackend::Postgres, sql);
    let refused = shop
        .db
        .write(&shop.a, async |tx| tx.query_one_raw(statement()).await);
    assert_refused(refused.await.map(drop));
    // Where the gate does not stand, the function changes the setting.
    let mut options = sea_orm::ConnectOptions::new(crate::support::url(&shop.name));
    options.max_connections(1);
    let raw = sea_orm::Database::connect(options).await.unwrap();
    let changed = "SELECT query_to_xml('SELECT set_config(''app.current_tenant_id'', ''beta'', \
                   false)', true, true, '')";
    raw.execute_unprepared(changed).await.unwrap();
    let tenant = "SELECT current_setting('app.current_tenant_id')";
    let tenant = Statement::from_string(DbBackend::Postgres, tenant);
    let row = raw.query_one_raw(tenant).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "beta");
}

// With the setting off, a backslash would hide the end of a string from the gate.
#[tokio::test]
async fn strings_are_read_by_the_server_as_the_gate_reads_them() {
    let shop = Shop::open().await;
    let off = format!(
        "ALTER DATABASE {} SET standard_conforming_strings = off",
        shop.name
    );
    shop.admin().await.execute_unprepared(&off).await.unwrap();
    let db = Database::connect(crate::support::config(&shop.name))
        .await
        .unwrap();
    let work = async |tx: &Session| {
        // One string for the standard; without it, a string, a COMMIT and a comment.
        tx.execute_unprepared(r"SELECT '\'' ; COMMIT; --'").await?;
        // The transaction and its tenant are still there.
        assert_eq!(order::Entity::find().all(tx).await?.len(), 1);
        let refused = tx
            .execute_unprepared("SET standard_conforming_strings = off")
            .await;
        assert_refused(refused.map(drop));
        tx.execute_unprepared("UPDATE orders SET total_cents = 77")
            .await
    };
    let session = db.begin(&shop.a).unwrap();
    work(&session).await.unwrap();
    drop(session);
    assert_eq!(shop.order(&shop.a).await.total_cents, 10);
}
