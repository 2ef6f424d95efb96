//! What would lead a session out of its schema, or hide its tables.

use dotmac_database::prelude::*;
use dotmac_database::{SearchPath, Tenancy};
use migration::entity::order;
use sea_orm::{ConnectionTrait, Statement};

use super::kit::{OWN, PUBLIC, by_admin, estate, insert_order, numbers, schema, text, with_path};
use crate::support::{Shop, kind};

/// A function that leads whoever calls it to the schema of beta, locally or for the connection.
async fn switch(shop: &Shop) {
    let sql = "CREATE FUNCTION public.switch(is_local boolean) RETURNS text LANGUAGE plpgsql AS $$ \
               BEGIN RETURN set_config('search_path', 'tenant_beta', is_local); END $$";
    by_admin(shop, sql).await;
}

#[tokio::test]
async fn temporary_table_hides_none_of_the_tenants() {
    let shop = estate(1).await;
    let grant = format!("GRANT TEMPORARY ON DATABASE {} TO shop_app", shop.name);
    by_admin(&shop, &grant).await;
    let work = shop.db.write(&shop.a, async |tx| {
        tx.execute_unprepared("CREATE TEMPORARY TABLE orders (id uuid)")
            .await?;
        insert_order(tx, "new").await?;
        assert_eq!(numbers(tx).await?.len(), 2);
        text(tx, "SELECT count(*)::text FROM orders").await
    });
    assert_eq!(work.await.unwrap(), "2");
}

#[tokio::test]
async fn i05_raw_sql_that_would_change_the_path_is_refused() {
    let shop = estate(1).await;
    for sql in [
        "SET LOCAL search_path = tenant_beta",
        "SET search_path TO tenant_beta",
        "SET \"search_path\" = tenant_beta",
        "SET SESSION search_path = tenant_beta",
        "SET SCHEMA 'tenant_beta'",
        "RESET search_path",
        "SELECT set_config('search_path', 'tenant_beta', true)",
        "SELECT pg_catalog.set_config('search_path', 'tenant_beta', true)",
        "UPDATE pg_settings SET setting = 'tenant_beta' WHERE name = 'search_path'",
        "SELECT 1; SET LOCAL search_path = tenant_beta",
    ] {
        let raw = shop.db.write(&shop.a, async |tx| {
            let refused = tx.execute_unprepared(sql).await.map(drop);
            assert_eq!(numbers(tx).await?, [OWN]);
            refused
        });
        assert_eq!(kind(raw.await), ErrorKind::ContextChange, "{sql}");
    }
}

#[tokio::test]
async fn nested_session_and_savepoint_keep_the_path() {
    let shop = estate(1).await;
    let work = shop.db.write(&shop.a, async |tx| {
        let nested = tx.nested()?;
        insert_order(&nested, "nested").await?;
        nested.commit().await?;
        tx.savepoint("here")?;
        insert_order(tx, "undone").await?;
        assert!(tx.execute_unprepared("SELECT 1/0").await.is_err());
        tx.roll_back_to("here")?;
        insert_order(tx, "kept").await?;
        let undone = tx.nested()?;
        insert_order(&undone, "undone").await?;
        undone.rollback().await?;
        tx.release("here")?;
        Ok::<_, Error>(numbers(tx).await?)
    });
    assert_eq!(work.await.unwrap(), ["kept", "nested", OWN]);
    let other = shop.db.read(&shop.b, async |tx| numbers(tx).await);
    assert_eq!(other.await.unwrap(), [OWN]);
}

// What raw SQL hides in a function is seen by nobody; the end of the nested session sets it right.
#[tokio::test]
async fn path_is_asserted_again_after_a_nested_session() {
    let shop = estate(1).await;
    switch(&shop).await;
    let work = shop.db.write(&shop.a, async |tx| {
        let nested = tx.nested()?;
        text(&nested, "SELECT public.switch(true)").await?;
        assert_eq!(
            text(&nested, "SELECT current_schema()::text").await?,
            "tenant_beta"
        );
        nested.commit().await?;
        let after_commit = text(tx, "SELECT current_schema()::text").await?;
        let nested = tx.nested()?;
        text(&nested, "SELECT public.switch(true)").await?;
        nested.rollback().await?;
        let after_rollback = text(tx, "SELECT current_schema()::text").await?;
        tx.savepoint("here")?;
        text(tx, "SELECT public.switch(true)").await?;
        tx.release("here")?;
        let after_release = text(tx, "SELECT current_schema()::text").await?;
        Ok::<_, Error>([after_commit, after_rollback, after_release])
    });
    assert_eq!(work.await.unwrap(), ["tenant_acme"; 3]);
}

#[tokio::test]
async fn function_that_changes_the_path_shows_no_rows_of_another_tenant_and_leaves_none_behind() {
    let shop = estate(1).await;
    switch(&shop).await;
    let led_astray = shop.db.write(&shop.a, async |tx| {
        text(tx, "SELECT public.switch(true)").await?;
        // The table is beta's, and policies hold for acme.
        numbers(tx).await
    });
    assert_eq!(led_astray.await.unwrap(), [""; 0]);
    let for_the_connection = shop.db.write(&shop.a, async |tx| {
        text(tx, "SELECT public.switch(false)").await
    });
    for_the_connection.await.unwrap();
    let next = shop.db.read(&shop.a, async |tx| {
        assert_eq!(numbers(tx).await?, [OWN]);
        text(tx, "SELECT current_schema()::text").await
    });
    assert_eq!(next.await.unwrap(), "tenant_acme");
}

// The pool is one, where some tenants have rows and others schemas.
#[tokio::test]
async fn session_over_rows_is_not_led_into_a_schema_by_what_was_left_on_its_connection() {
    let shop = estate(1).await;
    switch(&shop).await;
    let rows = shop.db.with_tenancy(Tenancy::Rows).unwrap();
    let for_the_connection = shop.db.write(&shop.b, async |tx| {
        text(tx, "SELECT public.switch(false)").await
    });
    for_the_connection.await.unwrap();
    let work = rows.write(&shop.a, async |tx| {
        insert_order(tx, "new").await?;
        let nested = tx.nested()?;
        text(&nested, "SELECT public.switch(true)").await?;
        nested.commit().await?;
        numbers(tx).await
    });
    assert_eq!(work.await.unwrap(), ["new", PUBLIC]);
    let astray = "SELECT count(*)::text FROM tenant_beta.orders WHERE number = 'new'";
    assert_eq!(text(&shop.admin().await, astray).await.unwrap(), "0");
}

#[tokio::test]
async fn function_with_a_path_of_its_own_gives_it_back() {
    let shop = estate(1).await;
    let sql = "CREATE FUNCTION public.count_all() RETURNS text LANGUAGE sql SET search_path = public \
               AS $$ SELECT count(*)::text FROM orders $$";
    by_admin(&shop, sql).await;
    let work = shop.db.read(&shop.a, async |tx| {
        // It reads `public`, where policies hold.
        assert_eq!(text(tx, "SELECT public.count_all()").await?, "1");
        numbers(tx).await
    });
    assert_eq!(work.await.unwrap(), [OWN]);
}

#[tokio::test]
async fn i51_schema_dropped_while_a_session_runs_is_an_error_and_never_public() {
    let shop = estate(2).await;
    let db = with_path(&shop, SearchPath::tenant());
    let session = db.begin(&shop.a).unwrap();
    session.execute_unprepared("SELECT 1").await.unwrap();
    by_admin(&shop, "DROP SCHEMA tenant_acme CASCADE").await;
    let error = numbers(&session).await.unwrap_err().to_string();
    assert!(error.contains("\"orders\" does not exist"), "{error}");
    drop(session);
    let next = db.read(&shop.a, async |tx| numbers(tx).await).await;
    assert_eq!(kind(next), ErrorKind::Tenancy);
}

#[tokio::test]
async fn schema_is_not_dropped_while_a_session_has_read_from_it() {
    let shop = estate(2).await;
    let session = shop.db.begin(&shop.a).unwrap();
    assert_eq!(numbers(&session).await.unwrap(), [OWN]);
    let drop = "SET lock_timeout = '50ms'; DROP SCHEMA tenant_acme CASCADE";
    let refused = shop.admin().await.execute_unprepared(drop).await;
    assert_eq!(kind(refused), ErrorKind::LockTimeout);
    insert_order(&session, "new").await.unwrap();
    session.commit().await.unwrap();
}

/// A table that all tenants share, in a schema that it names.
mod country {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(schema_name = "reference", table_name = "countries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub code: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[tokio::test]
async fn entity_that_names_a_schema_stays_where_it_is() {
    let shop = estate(1).await;
    let sql = "CREATE SCHEMA reference; CREATE TABLE reference.countries (code text PRIMARY KEY); \
               INSERT INTO reference.countries VALUES ('NG'); \
               GRANT USAGE ON SCHEMA reference TO shop_app; \
               GRANT SELECT ON reference.countries TO shop_app; \
               CREATE TABLE tenant_acme.countries (code text); \
               GRANT SELECT ON tenant_acme.countries TO shop_app";
    by_admin(&shop, sql).await;
    for context in [&shop.a, &shop.b, &RequestContext::without_tenant()] {
        let work = shop
            .db
            .read(context, async |tx| country::Entity::find().all(tx).await);
        assert_eq!(work.await.unwrap().len(), 1);
    }
    // In the path, it is found without being named.
    let db = with_path(&shop, SearchPath::tenant().and(schema("reference")));
    let found = db.read(&shop.b, async |tx| {
        text(tx, "SELECT code FROM countries").await
    });
    assert_eq!(found.await.unwrap(), "NG");
}

#[tokio::test]
async fn table_of_another_schema_that_raw_sql_names_shows_no_rows() {
    let shop = estate(1).await;
    let foreign = shop.db.write(&shop.a, async |tx| {
        let sql = "SELECT id FROM tenant_beta.orders";
        let statement = Statement::from_string(tx.backend(), sql);
        let rows = tx.query_all_raw(statement).await?;
        let changed = tx
            .execute_unprepared("UPDATE tenant_beta.orders SET total_cents = 0")
            .await?;
        Ok::<_, DbErr>((rows.len() as u64, changed.rows_affected()))
    });
    assert_eq!(foreign.await.unwrap(), (0, 0));
    let own = shop
        .db
        .read(&shop.b, async |tx| order::Entity::find().one(tx).await);
    assert_eq!(own.await.unwrap().unwrap().total_cents, 10);
}
