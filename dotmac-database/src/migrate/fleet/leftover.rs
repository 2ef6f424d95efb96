//! `Leftover`: where a tenant has rows that it is not served from, while it moves between databases.
//!
//! Two databases have no transaction in common. So before rows are copied, and in the transaction in which the
//! tenant's place is switched, it is noted what has to be removed, for whoever goes on after an interruption.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::context::{SchemaName, TenantId};
use crate::error::Result;
use crate::ident::{literal, quote};
use crate::rls::Roles;
use crate::tenancy::{Checksums, Directory, Placement};

/// Rows that are to be removed.
#[derive(Debug, Clone)]
pub struct Leftover {
    pub placement: Placement,
    pub schema: Option<SchemaName>,
    /// What they were when they were copied; none for a copy that was never used.
    pub copied: Option<Checksums>,
}

const TABLE: &str = "dotmac_moves";

/// The statements that make the table; the migrator's only.
pub fn create_moves(directory: &Directory, roles: &Roles) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {table} (\
           tenant_id varchar(255) COLLATE \"C\" PRIMARY KEY,\
           placement text NOT NULL,\
           schema_name text,\
           copied text,\
           begun_at timestamptz NOT NULL DEFAULT now());\
         ALTER TABLE {table} OWNER TO {owner};\
         ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;\
         DROP POLICY IF EXISTS dotmac_migrator ON {table};\
         CREATE POLICY dotmac_migrator ON {table} TO {migrator} USING (true) WITH CHECK (true);\
         REVOKE ALL ON {table} FROM PUBLIC, {application}, {system};",
        table = directory.sibling(TABLE),
        owner = quote(&roles.owner),
        migrator = quote(&roles.migrator),
        application = quote(&roles.application),
        system = quote(&roles.system),
    )
}

/// The statement that takes the table away.
pub fn drop_moves(directory: &Directory) -> String {
    format!("DROP TABLE IF EXISTS {};", directory.sibling(TABLE))
}

impl Leftover {
    /// Makes the table where an older version of this library has made the directory.
    pub async fn prepare<C: ConnectionTrait>(directory: &Directory, db: &C) -> Result<()> {
        if !has_table(directory, db).await? {
            let roles = Roles::of_database(db).await?;
            db.execute_unprepared(&create_moves(directory, &roles))
                .await?;
        }
        Ok(())
    }

    /// What is noted of a tenant, once no switch is under way: that of a process that is gone may still be
    /// committed.
    pub async fn find<C: ConnectionTrait>(
        directory: &Directory,
        tenant: &TenantId,
        db: &C,
    ) -> Result<Option<Self>> {
        if !has_table(directory, db).await? {
            return Ok(None);
        }
        let sql = format!(
            "SELECT placement, schema_name, copied FROM {} WHERE tenant_id = {} FOR UPDATE",
            directory.sibling(TABLE),
            literal(tenant.as_str()),
        );
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let Some(row) = db.query_one_raw(statement).await? else {
            return Ok(None);
        };
        let text = |column| row.try_get::<Option<String>>("", column);
        let copied = text("copied")?.map(|json| {
            serde_json::from_str(&json).map_err(|error| DbErr::Json(error.to_string()))
        });
        Ok(Some(Leftover {
            placement: row.try_get::<String>("", "placement")?.parse()?,
            schema: text("schema_name")?.map(|it| it.parse()).transpose()?,
            copied: copied.transpose()?,
        }))
    }

    /// Notes it, in the place of what was noted before.
    pub async fn note<C: ConnectionTrait>(
        &self,
        directory: &Directory,
        tenant: &TenantId,
        db: &C,
    ) -> Result<()> {
        let copied = self.copied.as_ref().map(serde_json::to_string).transpose();
        let copied = copied.map_err(|error| DbErr::Json(error.to_string()))?;
        let sql = format!(
            "INSERT INTO {} (tenant_id, placement, schema_name, copied) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant_id) DO UPDATE SET placement = excluded.placement, \
             schema_name = excluded.schema_name, copied = excluded.copied",
            directory.sibling(TABLE)
        );
        let schema = self
            .schema
            .as_ref()
            .map(|schema| schema.as_str().to_owned());
        let values = [
            tenant.as_str().into(),
            self.placement.to_string().into(),
            schema.into(),
            copied.into(),
        ];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        db.execute_raw(statement).await?;
        Ok(())
    }

    /// Forgets what is noted of a tenant.
    pub async fn forget<C: ConnectionTrait>(
        directory: &Directory,
        tenant: &TenantId,
        db: &C,
    ) -> Result<()> {
        let sql = format!(
            "DELETE FROM {} WHERE tenant_id = {}",
            directory.sibling(TABLE),
            literal(tenant.as_str()),
        );
        db.execute_unprepared(&sql).await?;
        Ok(())
    }
}

async fn has_table<C: ConnectionTrait>(directory: &Directory, db: &C) -> Result<bool> {
    let name = literal(&directory.sibling(TABLE));
    let sql = format!("SELECT to_regclass({name}) IS NOT NULL AS there");
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = db.query_one_raw(statement).await?;
    Ok(row.map(|row| row.try_get("", "there")).transpose()? == Some(true))
}
