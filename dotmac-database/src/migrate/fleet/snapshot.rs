//! What there is to migrate: all tenants, and the version of the template, in one query.

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::context::SchemaName;
use crate::error::Result;
use crate::ident::literal;
use crate::tenancy::{COLUMNS, Directory, SchemaVersion, TenantRecord};

/// The template has no row in the directory: its version is the comment of its schema.
const COMMENT: &str = "dotmac schema version: ";

/// The fleet at one moment.
pub struct Snapshot {
    /// The tenants with migrations of their own, which are made, served or suspended.
    pub tenants: Vec<TenantRecord>,
    /// The version of the template.
    pub template: Option<SchemaVersion>,
}

impl Snapshot {
    pub async fn take<C: ConnectionTrait>(
        directory: &Directory,
        template: Option<&SchemaName>,
        db: &C,
    ) -> Result<Self> {
        let comment = match template {
            Some(schema) => format!(
                "obj_description(to_regnamespace({})::oid, 'pg_namespace')",
                literal(&schema.sql())
            ),
            None => "NULL".to_owned(),
        };
        // One row at least, for the template.
        let sql = format!(
            "SELECT {comment}::text AS template, {COLUMNS} FROM (SELECT) one LEFT JOIN {} \
             ON placement <> 'rows' AND state IN ('creating', 'active', 'suspended') \
             ORDER BY tenant_id",
            directory.table()
        );
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let mut snapshot = Snapshot {
            tenants: Vec::new(),
            template: None,
        };
        for row in db.query_all_raw(statement).await? {
            let comment: Option<String> = row.try_get("", "template")?;
            snapshot.template = comment
                .as_deref()
                .and_then(|comment| comment.strip_prefix(COMMENT))
                .map(str::parse)
                .transpose()?;
            if row.try_get::<Option<String>>("", "tenant_id")?.is_some() {
                snapshot.tenants.push(TenantRecord::read(&row)?);
            }
        }
        Ok(snapshot)
    }
}

/// Notes the version of the template.
pub async fn note_template<C: ConnectionTrait>(
    schema: &SchemaName,
    version: &SchemaVersion,
    db: &C,
) -> Result<()> {
    let comment = literal(&format!("{COMMENT}{version}"));
    let sql = format!("COMMENT ON SCHEMA {} IS {comment}", schema.sql());
    db.execute_unprepared(&sql).await?;
    Ok(())
}

/// Takes the template's version off a copy: that of a tenant is in the directory.
pub async fn forget_version<C: ConnectionTrait>(schema: &SchemaName, db: &C) -> Result<()> {
    let sql = format!("COMMENT ON SCHEMA {} IS NULL", schema.sql());
    db.execute_unprepared(&sql).await?;
    Ok(())
}
