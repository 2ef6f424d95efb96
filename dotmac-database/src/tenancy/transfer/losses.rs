//! What would be lost with a schema that a tenant leaves, because its new place does not have it.

use std::collections::HashMap;

use sea_orm::ConnectionTrait;

use super::contents::{Kind, Relation};
use super::hidden::refuse_hidden;
use super::place::RowPlace;
use super::presence::filled;
use crate::context::{SchemaName, TenantId};
use crate::error::{Result, TenancyError};
use crate::tenancy::clone::{Scene, read};

/// Refuses to drop a schema that holds rows, or numbers, which the new place of its tenant does not have: every
/// row of every table has to be in the table of the same name there, and a sequence that feeds no column has to
/// be as far there. Tables that are `ignored` are not looked at. Until the transaction `from` ends, nobody
/// writes to the others.
///
/// Stamps of entities (when and by whom a row was written) do not count.
///
/// # Errors
/// [`TenancyError::WouldBeLost`]; [`TenancyError::HiddenRows`]; the database's.
pub async fn refuse_losses<S: ConnectionTrait, T: ConnectionTrait>(
    tenant: &TenantId,
    schema: &SchemaName,
    ignored: &[String],
    from: &S,
    (place, to): (&RowPlace, &T),
) -> Result<()> {
    let here = Scene::set(from).await?;
    let there = Scene::set(to).await?;
    let relations = locked(schema, ignored, from).await?;
    refuse_hidden(relations.iter().filter_map(Relation::hidden))?;
    let partners = Relation::read_all(place, to).await?;
    let mut lost = Vec::new();
    for relation in with_content(&relations, from).await? {
        let partner = partners.iter().find(|it| it.name == relation.name);
        let is_lost = match relation.kind {
            Kind::Sequence => relation.is_beyond(partner),
            Kind::Table | Kind::Partitioned => is_lost(relation, from, partner, to).await?,
        };
        if is_lost {
            lost.push(relation.place.as_str());
        }
    }
    if !lost.is_empty() {
        return Err(TenancyError::WouldBeLost {
            tenant: tenant.to_string(),
            objects: lost.join(", "),
        }
        .into());
    }
    there.leave(to).await?;
    here.leave(from).await
}

/// The tables and sequences, with nobody left who writes to the tables.
async fn locked<C: ConnectionTrait>(
    schema: &SchemaName,
    ignored: &[String],
    from: &C,
) -> Result<Vec<Relation>> {
    let place = RowPlace::from(schema.clone());
    let is_asked = |it: &Relation| !it.is_part && !ignored.contains(&it.name);
    let relations = Relation::read_all(&place, from).await?;
    let tables = relations.iter().filter(|it| it.kind != Kind::Sequence);
    let tables: Vec<&str> = tables
        .filter(|it| is_asked(it))
        .map(|it| it.place.as_str())
        .collect();
    if !tables.is_empty() {
        let lock = format!(
            "LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE",
            tables.join(", ")
        );
        from.execute_unprepared(&lock).await?;
    }
    // What was read of columns and policies has to be true now.
    let mut relations = Relation::read_all(&place, from).await?;
    relations.retain(is_asked);
    Ok(relations)
}

/// The tables that have rows, and the sequences.
async fn with_content<'r, C: ConnectionTrait>(
    relations: &'r [Relation],
    from: &C,
) -> Result<Vec<&'r Relation>> {
    let is_sequence = |it: &&Relation| it.kind == Kind::Sequence;
    let (sequences, tables): (Vec<_>, Vec<_>) = relations.iter().partition(is_sequence);
    let asked = tables.iter().map(|it| (it.place.as_str(), it.rows()));
    let filled = filled(asked, from).await?;
    let tables = tables.into_iter().filter(|it| filled.contains(&it.place));
    Ok(tables.chain(sequences).collect())
}

/// Whether the table has a row that its partner does not have.
async fn is_lost<S: ConnectionTrait, T: ConnectionTrait>(
    table: &Relation,
    from: &S,
    partner: Option<&Relation>,
    to: &T,
) -> Result<bool> {
    let is_like = |it: &&Relation| it.kind != Kind::Sequence && it.columns == table.columns;
    let Some(partner) = partner.filter(is_like) else {
        return Ok(true);
    };
    let (here, there) = (tally(table, from).await?, tally(partner, to).await?);
    let is_missing = |(row, times)| there.get(row).is_none_or(|kept| kept < times);
    Ok(here.iter().any(is_missing))
}

/// How often the table has each row, by its checksum.
async fn tally<C: ConnectionTrait>(table: &Relation, db: &C) -> Result<HashMap<String, u64>> {
    let sql = format!(
        "SELECT hashtextextended(ROW({})::text, 0)::text AS checksum, count(*)::text AS times \
         FROM {} GROUP BY 1",
        table.texts(),
        table.rows(),
    );
    let rows = read(&sql, [], ["checksum", "times"], db).await?;
    let count = |times: Option<String>| times.and_then(|it| it.parse().ok()).unwrap_or_default();
    Ok(rows
        .into_iter()
        .map(|[checksum, times]| (checksum.unwrap_or_default(), count(times)))
        .collect())
}
