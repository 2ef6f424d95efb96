//! The migrations of tenants find what is in the schemas that all share.

use dotmac_database::migrate::Fleet;
use dotmac_database::prelude::*;
use dotmac_database::tenancy::Placement;
use dotmac_database::{SchemaName, SearchPath, TenancyError};

use super::fleet_bed::{Bed, Shared, Tooled, id};
use super::site::{run, schema};
use crate::support::kind;

fn fleet(path: SearchPath) -> Fleet<Shared, Tooled> {
    Fleet::new().search_path(path)
}

#[tokio::test]
async fn migrations_of_a_tenant_find_shared_schemas_and_make_nothing_there() {
    let bed = Bed::with(&["old"]).await;
    let db = &bed.migrator;
    let tools = SearchPath::tenant().and(schema("tools"));
    let create = async |tenant, path| {
        let fleet = fleet(path);
        fleet.create(&id(tenant), &Placement::Schema, db).await
    };
    // A schema that is not there is told, not skipped.
    match create("a", tools.clone()).await.unwrap_err() {
        Error::Tenancy(TenancyError::UnknownSchema { schema }) => assert_eq!(schema, "tools"),
        error => panic!("{error:?}"),
    }
    assert_eq!(bed.record("a").await, None);
    let make = format!(
        "CREATE SCHEMA tools; GRANT USAGE ON SCHEMA tools TO {}; \
         CREATE FUNCTION tools.tool() RETURNS text LANGUAGE sql AS $$ SELECT 'made' $$; \
         CREATE TABLE tools.notes (id integer)",
        bed.database.roles().migrator,
    );
    run(&make, &bed.admin).await;
    create("a", tools.clone()).await.unwrap();
    assert_eq!(bed.shape("tenant_a").await, "id,body");
    assert_eq!(bed.shape("tools").await, "id");
    assert!(create("b", SearchPath::tenant()).await.is_err());
    // Those that are there are planned and migrated alike.
    let fleet = fleet(tools);
    let plan = fleet.plan(db).await.unwrap();
    assert_eq!(plan.tenants[0].pending, ["m2_tools"]);
    assert_eq!(fleet.run(db).await.unwrap().done, [id("old")]);
    assert_eq!(bed.shape("tenant_old").await, "id,body");
}

#[tokio::test]
async fn schema_of_one_tenant_is_no_part_of_the_path_of_all() {
    let bed = Bed::with(&["a"]).await;
    let path = SearchPath::tenant().and(SchemaName::of(&id("a")).unwrap());
    let created = fleet(path)
        .create(&id("b"), &Placement::Schema, &bed.migrator)
        .await;
    assert_eq!(kind(created), ErrorKind::Config);
    assert_eq!(bed.record("b").await, None);
}
