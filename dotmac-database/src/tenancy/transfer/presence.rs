//! Whether a tenant has rows already, at a place that it is to have.

use std::collections::BTreeSet;

use sea_orm::ConnectionTrait;

use super::hidden::refuse_hidden;
use super::place::RowPlace;
use super::side::Side;
use crate::context::TenantId;
use crate::entity::descriptions;
use crate::error::{Result, TenancyError};
use crate::ident::literal;
use crate::tenancy::clone::read;

/// Refuses a tenant that has rows in tables of the program's tenant-aware entities: in those of the place, where
/// one is given, and in those of the schemas that entities name.
///
/// # Errors
/// [`TenancyError::HasRows`]; [`TenancyError::HiddenRows`]; the database's.
pub async fn refuse_rows<C: ConnectionTrait>(
    tenant: &TenantId,
    place: Option<&RowPlace>,
    db: &C,
) -> Result<()> {
    let sides = sides(tenant, place, db).await?;
    let hidden = sides.iter().filter(|side| side.is_hidden);
    refuse_hidden(hidden.map(|side| (side.place.as_str(), side.role.as_str())))?;
    let rows = sides.iter().map(|side| {
        let rows = format!("{} WHERE {}", side.place, side.condition());
        (side.place.as_str(), rows)
    });
    let filled = filled(rows, db).await?;
    if filled.is_empty() {
        return Ok(());
    }
    Err(TenancyError::HasRows {
        tenant: tenant.to_string(),
        tables: filled.join(", "),
    }
    .into())
}

async fn sides<C: ConnectionTrait>(
    tenant: &TenantId,
    place: Option<&RowPlace>,
    db: &C,
) -> Result<Vec<Side>> {
    // An entity that names its schema is there, wherever the tenant's other rows are.
    let schemas: BTreeSet<Option<&str>> = descriptions()
        .map(|entity| entity.schema.as_deref())
        .collect();
    let mut sides = Vec::new();
    for named in schemas {
        let Some(schema) = named.or(place.map(RowPlace::name)) else {
            continue;
        };
        let entities = descriptions().filter(|entity| entity.schema.as_deref() == named);
        sides.extend(Side::read_fitting(tenant, schema, entities, db).await?);
    }
    Ok(sides)
}

/// The names of those that have a row; each comes with what to select from.
pub async fn filled<'n, C: ConnectionTrait>(
    tables: impl Iterator<Item = (&'n str, String)>,
    db: &C,
) -> Result<Vec<String>> {
    let asked: Vec<String> = tables
        .map(|(name, rows)| {
            let name = literal(name);
            format!("SELECT {name}::text AS name, EXISTS (SELECT FROM {rows}) AS is_filled")
        })
        .collect();
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let asked = asked.join(" UNION ALL ");
    let sql = format!("SELECT name FROM ({asked}) asked WHERE is_filled ORDER BY name");
    let rows = read(&sql, [], ["name"], db).await?;
    Ok(rows.into_iter().filter_map(|[name]| name).collect())
}
