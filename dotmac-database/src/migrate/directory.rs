//! The table of tenants: its columns, policies, grants, and the trigger that tells of changes.

use sea_orm::ConnectionTrait;
use sea_orm_migration::SchemaManager;

use super::fleet::{create_moves, drop_moves};
use crate::context::TENANT_SETTING;
use crate::error::Result;
use crate::ident::{literal, quote};
use crate::rls::{Roles, postgres_only};
use crate::tenancy::{Directory, TenantState};

const TRIGGER: &str = "dotmac_tenants_notify";

/// Creates the table of a [`Directory`] with its policies, the trigger that tells
/// [`events`](Directory::events) of each change, and `dotmac_moves`, in which the migrator notes what a move
/// of a tenant has left elsewhere.
///
/// The application may read the row of its current tenant; the migrator and the system role all, and
/// change them. Where the table exists, it stays, and the rest is made anew.
///
/// # Errors
/// [`Error::Unsupported`](crate::Error::Unsupported) on SQLite; the database's, for instance where the
/// [`Roles`] do not exist.
pub async fn install_directory(directory: &Directory, manager: &SchemaManager<'_>) -> Result<()> {
    let db = manager.get_connection();
    postgres_only(db, "a directory of tenants")?;
    let roles = Roles::of_database(db).await?;
    let sql = create(directory)
        + &notify(directory)
        + &protect(directory, &roles)
        + &create_moves(directory, &roles);
    db.execute_unprepared(&sql).await?;
    Ok(())
}

/// Takes away what [`install_directory`] made. The schemas of the tenants stay.
///
/// # Errors
/// As [`install_directory`].
pub async fn remove_directory(directory: &Directory, manager: &SchemaManager<'_>) -> Result<()> {
    let db = manager.get_connection();
    postgres_only(db, "a directory of tenants")?;
    let sql = format!(
        "{}DROP TABLE IF EXISTS {};DROP FUNCTION IF EXISTS {}();",
        drop_moves(directory),
        directory.table(),
        directory.sibling(TRIGGER),
    );
    db.execute_unprepared(&sql).await?;
    Ok(())
}

// The order of the bytes is the one in which `Directory::list` goes on.
fn create(directory: &Directory) -> String {
    let states = TenantState::ALL.map(|state| literal(state.as_str()));
    format!(
        "CREATE TABLE IF NOT EXISTS {} (\
           tenant_id varchar(255) COLLATE \"C\" PRIMARY KEY,\
           state text NOT NULL CONSTRAINT ck_dotmac_tenants_state CHECK (state IN ({})),\
           placement text NOT NULL,\
           schema_name text CONSTRAINT uq_dotmac_tenants_schema_name UNIQUE,\
           schema_version text,\
           error text,\
           created_at timestamptz NOT NULL DEFAULT now(),\
           updated_at timestamptz NOT NULL DEFAULT now());",
        directory.table(),
        states.join(", "),
    )
}

// PostgreSQL delivers a notification after COMMIT, and drops it with a rollback.
fn notify(directory: &Directory) -> String {
    let (table, function) = (directory.table(), directory.sibling(TRIGGER));
    let channel = literal(Directory::TABLE);
    format!(
        "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql \
         SET search_path = pg_catalog, pg_temp AS $dotmac$ BEGIN \
           IF TG_OP <> 'INSERT' AND (TG_OP = 'DELETE' OR OLD.tenant_id <> NEW.tenant_id) THEN \
             PERFORM pg_notify({channel}, 'removed ' || OLD.tenant_id); END IF; \
           IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; \
           IF TG_OP = 'UPDATE' THEN NEW.updated_at := statement_timestamp(); END IF; \
           PERFORM pg_notify({channel}, NEW.state || ' ' || NEW.tenant_id); \
           RETURN NEW; END $dotmac$;\
         DROP TRIGGER IF EXISTS {trigger} ON {table};\
         CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW \
         EXECUTE FUNCTION {function}();",
        trigger = quote(TRIGGER),
    )
}

fn protect(directory: &Directory, roles: &Roles) -> String {
    let dropped = ["dotmac_tenant", "dotmac_migrator", "dotmac_system"]
        .map(|policy| format!("DROP POLICY IF EXISTS {policy} ON {};", directory.table()))
        .concat();
    format!(
        "ALTER TABLE {table} OWNER TO {owner};\
         ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;\
         {dropped}\
         CREATE POLICY dotmac_tenant ON {table} FOR SELECT TO {application} \
           USING (tenant_id = (select nullif(current_setting({setting}, true), '')::varchar));\
         CREATE POLICY dotmac_migrator ON {table} TO {migrator} USING (true) WITH CHECK (true);\
         CREATE POLICY dotmac_system ON {table} TO {system} USING (true) WITH CHECK (true);\
         REVOKE ALL ON {table} FROM PUBLIC, {application}, {system};\
         GRANT SELECT ON {table} TO {application};\
         GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {system};",
        table = directory.table(),
        owner = quote(&roles.owner),
        application = quote(&roles.application),
        migrator = quote(&roles.migrator),
        system = quote(&roles.system),
        setting = literal(TENANT_SETTING),
    )
}
