//! The table of the cache's outbox.

use sea_orm::ConnectionTrait;
use sea_orm_migration::SchemaManager;

use crate::cache::Outbox;
use crate::context::TENANT_SETTING;
use crate::error::Result;
use crate::ident::{literal, quote};
use crate::rls::{Roles, postgres_only};

/// Creates the table in which
/// [`CacheClient::follow_with_outbox`](crate::cache::CacheClient::follow_with_outbox) keeps invalidations
/// until they are done: `dotmac_cache_outbox`, in the schema `public`.
///
/// The application and the system role may write into it in any session, and read and remove what is in it
/// in sessions without a tenant only, so that no tenant learns of another's rows.
///
/// # Errors
/// [`Error::Unsupported`](crate::Error::Unsupported) on SQLite; the database's, for instance where the
/// [`Roles`] do not exist.
pub async fn install_outbox(manager: &SchemaManager<'_>) -> Result<()> {
    let db = manager.get_connection();
    postgres_only(db, "an outbox")?;
    let roles = Roles::of_database(db).await?;
    db.execute_unprepared(&sql(&roles)).await?;
    Ok(())
}

/// Takes away what [`install_outbox`] made.
///
/// # Errors
/// As [`install_outbox`].
pub async fn remove_outbox(manager: &SchemaManager<'_>) -> Result<()> {
    let db = manager.get_connection();
    postgres_only(db, "an outbox")?;
    let sql = format!("DROP TABLE IF EXISTS {}", Outbox::table());
    db.execute_unprepared(&sql).await?;
    Ok(())
}

fn sql(roles: &Roles) -> String {
    let table = Outbox::table();
    let policies = ["dotmac_insert", "dotmac_select", "dotmac_delete"];
    let dropped = policies.map(|policy| format!("DROP POLICY IF EXISTS {policy} ON {table};"));
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (\
           id uuid PRIMARY KEY,\
           invalidation text NOT NULL,\
           created_at timestamptz NOT NULL DEFAULT clock_timestamp());\
         ALTER TABLE {table} OWNER TO {owner};\
         ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;\
         {dropped}\
         CREATE POLICY dotmac_insert ON {table} FOR INSERT TO {roles} WITH CHECK (true);\
         CREATE POLICY dotmac_select ON {table} FOR SELECT TO {roles} USING {no_tenant};\
         CREATE POLICY dotmac_delete ON {table} FOR DELETE TO {roles} USING {no_tenant};\
         REVOKE ALL ON {table} FROM PUBLIC, {roles};\
         GRANT SELECT, INSERT, DELETE ON {table} TO {roles};",
        owner = quote(&roles.owner),
        dropped = dropped.concat(),
        roles = format!("{}, {}", quote(&roles.application), quote(&roles.system)),
        no_tenant = format!(
            "((select nullif(current_setting({}, true), '')) IS NULL)",
            literal(TENANT_SETTING)
        ),
    )
}
