//! Policies of one table.

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, Statement};

use super::role::Roles;
use super::table::{TableName, postgres_only};
use crate::context::TENANT_SETTING;
use crate::entity::{TenantAware, description, tenant_column};
use crate::error::{Error, Result};
use crate::ident::{literal, quote};

const POLICIES: [&str; 4] = [
    "dotmac_tenant",
    "dotmac_shared",
    "dotmac_migrator",
    "dotmac_system",
];

/// Protects the table of a tenant-aware entity: ENABLE and FORCE row-level security, the tenant's
/// policy for the application, policies for the migrator and the system role, DML for the
/// application and nothing else, and a default for the tenant column. Can be run again.
///
/// # Errors
/// [`Error::Unsupported`](crate::Error::Unsupported) on SQLite; the database's, for instance where
/// the roles do not exist.
pub async fn install<E, C>(db: &C, roles: &Roles) -> Result<()>
where
    E: TenantAware,
    C: ConnectionTrait,
{
    protect::<E, C>(db, roles).await
}

/// [`install`] for callers that know the entity's features only by its record; without a tenant's
/// column there is nothing to do.
pub async fn protect<E, C>(db: &C, roles: &Roles) -> Result<()>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    postgres_only(db, "row-level security")?;
    let Some(tenant) = description::<E>().and_then(|entity| entity.features.tenant) else {
        return Ok(());
    };
    let table = TableName::of::<E>().sql();
    let column = quote(tenant.tenant_id);
    let current = format!(
        "nullif(current_setting({}, true), '')::{}",
        literal(TENANT_SETTING),
        tenant.kind.sql_type(),
    );
    let application = quote(&roles.application);
    let mut sql = close(&table, roles);
    sql.push_str(&sequences(
        &table,
        "GRANT USAGE ON SEQUENCE %s TO",
        &application,
    ));
    sql.push_str(&format!(
        "CREATE POLICY dotmac_tenant ON {table} TO {application} \
           USING ({column} = (select {current})) WITH CHECK ({column} = (select {current}));\
         ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {current};\
         GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {application};"
    ));
    db.execute_unprepared(&sql).await?;
    Ok(())
}

/// Shares the table of an entity: every tenant reads it, none writes it. The migrator and the
/// system role do. Can be run again.
///
/// # Errors
/// [`Error::SharedTenantTable`] for a tenant-aware entity, and for a table that has the policy of one;
/// otherwise as [`install`].
pub async fn share<E, C>(db: &C, roles: &Roles) -> Result<()>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    postgres_only(db, "row-level security")?;
    let table = TableName::of::<E>();
    if description::<E>().is_some_and(|entity| entity.features.tenant.is_some()) {
        return Err(Error::SharedTenantTable {
            entity: table.bare().to_owned(),
        });
    }
    if is_tenants(db, &table).await? {
        return Err(Error::SharedTenantTable {
            entity: table.bare().to_owned(),
        });
    }
    let table = table.sql();
    let application = quote(&roles.application);
    let mut sql = close(&table, roles);
    sql.push_str(&format!(
        "CREATE POLICY dotmac_shared ON {table} FOR SELECT TO {application} USING (true);\
         GRANT SELECT ON {table} TO {application};"
    ));
    db.execute_unprepared(&sql).await?;
    Ok(())
}

/// Whether the table belongs to tenants as it stands, or by another entity: an entity that has lost
/// its `TenantAware` must not open it. [`remove`] takes the policy away.
async fn is_tenants<C: ConnectionTrait>(db: &C, table: &TableName) -> Result<bool> {
    if tenant_column(table.schema(), table.bare()).is_some() {
        return Ok(true);
    }
    let sql = format!(
        "SELECT 1 FROM pg_policy WHERE polname = 'dotmac_tenant' AND polrelid = to_regclass({})",
        literal(&table.sql()),
    );
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    Ok(db.query_one_raw(statement).await?.is_some())
}

/// Takes away what [`install`] or [`share`] made, and nothing else. The table is then open to its
/// owner only.
///
/// # Errors
/// As [`install`].
pub async fn remove<E, C>(db: &C, roles: &Roles) -> Result<()>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    postgres_only(db, "row-level security")?;
    let table = TableName::of::<E>().sql();
    let mut sql = drop_policies(&table);
    for role in [&roles.application, &roles.system] {
        sql.push_str(&sequences(
            &table,
            "REVOKE ALL ON SEQUENCE %s FROM",
            &quote(role),
        ));
    }
    sql.push_str(&format!(
        "REVOKE ALL ON {table} FROM {}, {};\
         ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY;",
        quote(&roles.application),
        quote(&roles.system),
    ));
    if let Some(tenant) = description::<E>().and_then(|entity| entity.features.tenant) {
        sql.push_str(&format!(
            "ALTER TABLE {table} ALTER COLUMN {} DROP DEFAULT;",
            quote(tenant.tenant_id),
        ));
    }
    db.execute_unprepared(&sql).await?;
    Ok(())
}

/// What every protected table has: FORCE, an owner without login, and the two policies that see all
/// rows, for logins of their own. The owner gets none: it would re-open its views and functions.
fn close(table: &str, roles: &Roles) -> String {
    let (migrator, system) = (quote(&roles.migrator), quote(&roles.system));
    format!(
        "ALTER TABLE {table} OWNER TO {owner};\
         ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;\
         {dropped}\
         CREATE POLICY dotmac_migrator ON {table} TO {migrator} USING (true) WITH CHECK (true);\
         CREATE POLICY dotmac_system ON {table} TO {system} USING (true) WITH CHECK (true);\
         REVOKE ALL ON {table} FROM PUBLIC, {application}, {system};\
         GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {system};",
        owner = quote(&roles.owner),
        application = quote(&roles.application),
        dropped = drop_policies(table),
    ) + &sequences(table, "GRANT USAGE ON SEQUENCE %s TO", &system)
}

/// Gives or takes the right to draw keys from the sequences of the table's serial columns.
fn sequences(table: &str, command: &str, role: &str) -> String {
    format!(
        "DO $dotmac$ DECLARE sequence regclass; BEGIN \
           FOR sequence IN SELECT d.objid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid \
             WHERE c.relkind = 'S' AND d.refclassid = 'pg_class'::regclass \
               AND d.refobjid = {}::regclass \
           LOOP EXECUTE format({}, sequence, {}); \
           END LOOP; END $dotmac$;",
        literal(table),
        literal(&format!("{command} %s")),
        literal(role),
    )
}

fn drop_policies(table: &str) -> String {
    POLICIES
        .map(|policy| format!("DROP POLICY IF EXISTS {policy} ON {table};"))
        .concat()
}
