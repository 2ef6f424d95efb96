//! The start check looks into the schemas of all tenants.

use dotmac_database::prelude::*;
use dotmac_database::{SearchPath, Tenancy};

use super::kit::{by_admin, estate, schema, with_path};
use crate::support::{Shop, config, kind};

async fn connects(shop: &Shop, path: SearchPath) -> Result<(), Error> {
    let db = Database::connect(config(&shop.name).schemas(path)).await?;
    db.close().await;
    Ok(())
}

#[tokio::test]
async fn i41_unprotected_table_in_any_tenants_schema_is_refused_by_its_name() {
    let shop = estate(1).await;
    connects(&shop, SearchPath::tenant()).await.unwrap();
    by_admin(
        &shop,
        "ALTER TABLE tenant_beta.orders DISABLE ROW LEVEL SECURITY",
    )
    .await;
    let refused = connects(&shop, SearchPath::tenant()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unprotected);
    assert!(
        refused.to_string().contains("tenant_beta.orders"),
        "{refused}"
    );
    // Where tenants share tables, nobody is led there.
    Database::connect(config(&shop.name)).await.unwrap();
    assert_eq!(kind(shop.db.check().await), ErrorKind::Unprotected);
    let rows = shop.db.with_tenancy(Tenancy::Rows).unwrap();
    rows.check().await.unwrap();
}

#[tokio::test]
async fn i42_policy_that_asks_for_no_tenant_is_refused_in_any_tenants_schema() {
    let shop = estate(1).await;
    let wide = "CREATE POLICY wide ON tenant_acme.users USING (true)";
    by_admin(&shop, wide).await;
    let refused = connects(&shop, SearchPath::tenant()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::BypassesRls);
    assert!(
        refused.to_string().contains("tenant_acme.users"),
        "{refused}"
    );
}

#[tokio::test]
async fn i41_shared_schemas_are_looked_at_where_the_path_has_them() {
    let shop = estate(1).await;
    let sql = "CREATE SCHEMA archive; GRANT USAGE ON SCHEMA archive TO shop_app; \
               CREATE TABLE archive.orders (id int); \
               ALTER TABLE public.users DISABLE ROW LEVEL SECURITY";
    by_admin(&shop, sql).await;
    connects(&shop, SearchPath::tenant()).await.unwrap();
    for (path, table) in [
        (
            SearchPath::tenant().and(schema("archive")),
            "archive.orders",
        ),
        (SearchPath::tenant().and_public(), "users"),
    ] {
        let refused = connects(&shop, path.clone()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unprotected);
        assert!(refused.to_string().contains(table), "{refused}");
        let handle = with_path(&shop, path).check().await;
        assert_eq!(kind(handle), ErrorKind::Unprotected);
    }
}
