//! The isolation kit: its assertions hold where tenants are apart, and fail where they are not.

use std::panic::AssertUnwindSafe;

use dotmac_database::prelude::*;
use dotmac_database::testing::{
    acting_as, assert_every_tenant_table_is_protected, assert_refused, in_memory,
};
use futures_util::FutureExt;
use migration::entity::{order, order_line, tenant, user};
use sea_orm::{ConnectionTrait, ModelTrait};

use crate::support::{A, B, Shop};

/// What an assertion says when it fails.
pub async fn complaint(assertion: impl Future<Output = ()>) -> Option<String> {
    let panic = AssertUnwindSafe(assertion).catch_unwind().await.err()?;
    Some(*panic.downcast::<String>().expect("a message"))
}

async fn first<E: EntityTrait>(shop: &Shop, tenant: &str) -> E::Model {
    let acting = acting_as(&shop.db, tenant);
    let found = acting.read(async |tx| E::find().one(tx).await);
    found.await.unwrap().unwrap()
}

#[tokio::test]
async fn rows_of_every_table_are_invisible_to_the_other_tenant() {
    let shop = Shop::open().await;
    let beta = acting_as(&shop.db, B);
    beta.assert_invisible(&first::<order::Entity>(&shop, A).await)
        .await;
    beta.assert_invisible(&first::<order_line::Entity>(&shop, A).await)
        .await;
    beta.assert_invisible(&first::<user::Entity>(&shop, A).await)
        .await;
    beta.assert_invisible(&first::<tenant::Entity>(&shop, A).await)
        .await;
    assert_every_tenant_table_is_protected(&shop.db).await;
}

#[tokio::test]
async fn row_that_is_reached_fails_the_assertion() {
    let shop = Shop::open().await;
    let order = first::<order::Entity>(&shop, A).await;
    let beta = acting_as(&shop.db, B);
    for (policy, reached) in [
        ("FOR SELECT USING (true)", "found"),
        ("FOR ALL USING (true) WITH CHECK (true)", "found"),
    ] {
        let sql = format!("CREATE POLICY wide ON orders {policy}");
        let admin = shop.admin().await;
        admin.execute_unprepared(&sql).await.unwrap();
        let said = complaint(beta.assert_invisible(&order)).await.unwrap();
        let expected = format!("tenant `beta` {reached} a foreign row of `orders`, asserted at ");
        assert!(said.starts_with(&expected), "{said}");
        assert!(said.contains("kit.rs"), "{said}");
        let said = complaint(assert_every_tenant_table_is_protected(&shop.db)).await;
        assert!(said.unwrap().contains("DROP POLICY \"wide\""), "{policy}");
        admin
            .execute_unprepared("DROP POLICY wide ON orders")
            .await
            .unwrap();
    }
    beta.assert_invisible(&order).await;
}

// What a deleted row hides from `find`, other statements must not reach either.
#[tokio::test]
async fn deleted_row_that_is_reached_fails_the_assertion() {
    let shop = Shop::open().await;
    let order = first::<order::Entity>(&shop, A).await;
    let acme = acting_as(&shop.db, A);
    acme.write(async |tx| order.clone().delete(tx).await)
        .await
        .unwrap();
    let beta = acting_as(&shop.db, B);
    beta.assert_invisible(&order).await;
    let wide = "CREATE POLICY wide ON orders USING (true)";
    shop.admin().await.execute_unprepared(wide).await.unwrap();
    let said = complaint(beta.assert_invisible(&order)).await.unwrap();
    assert!(said.contains("tenant `beta` selected"), "{said}");
}

#[tokio::test]
async fn assertion_that_would_prove_nothing_fails() {
    let shop = Shop::open().await;
    let order = first::<order::Entity>(&shop, A).await;
    let acme = acting_as(&shop.db, A);
    let said = complaint(acme.assert_invisible(&order)).await.unwrap();
    assert!(said.contains("belongs to `acme` itself"), "{said}");
    let line = first::<order_line::Entity>(&shop, A).await;
    let gone = order_line::Model {
        id: Uuid::now_v7(),
        ..line
    };
    let beta = acting_as(&shop.db, B);
    let said = complaint(beta.assert_invisible(&gone)).await.unwrap();
    assert!(said.contains("not there for its own tenant"), "{said}");
}

#[tokio::test]
async fn refusals_of_isolation_are_told_from_others() {
    let shop = Shop::open().await;
    let order = first::<order::Entity>(&shop, A).await;
    let acme = acting_as(&shop.db, A);
    let mut moved = order.clone().into_active_model();
    moved.tenant_id = Set(B.into());
    assert_refused(acme.write(async |tx| moved.update(tx).await).await);
    let truncated = acme.write(async |tx| tx.execute_unprepared("TRUNCATE orders").await);
    assert_refused(truncated.await.map(|done| done.rows_affected()));
    let done = complaint(async { assert_refused(Ok::<_, Error>(1)) }).await;
    assert_eq!(done.unwrap(), "not refused: 1");
    let broken = acme.write(async |tx| tx.execute_unprepared("SELECT 1/0").await);
    let broken = broken.await.map(|done| done.rows_affected());
    let said = complaint(async { assert_refused(broken) }).await.unwrap();
    assert!(said.starts_with("refused for another reason"), "{said}");
    assert_eq!(order.get(order::Column::TenantId), A.into());
}

#[tokio::test]
async fn sqlite_is_not_taken_for_protected() {
    let db = in_memory().await.unwrap();
    let said = complaint(assert_every_tenant_table_is_protected(&db)).await;
    assert!(said.unwrap().contains("no row-level security"));
}
