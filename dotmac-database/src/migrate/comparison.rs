//! Compares what entities want with what a database has.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sea_orm_migration::SchemaManager;

use super::catalog::{self, Entry};
use super::difference::{self, Difference, Object};
use super::installable::{Installable, Protection};
use super::scratch::{self, Wish};
use crate::error::{Error, Result};
use crate::ident::Include;
use crate::rls::{Roles, TableName};

/// Which entities are compared with the database, and what of it is looked at.
///
/// By default: all entities that are linked into the program and stand under
/// `#[dotmac_database::model]` or one of our derives, and everything of their tables.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    entities: Vec<String>,
    include: Include,
    roles: Option<Roles>,
}

impl Comparison {
    /// All entities of the program.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only this entity, and others that are named so: by its table (`orders`), or by the end of
    /// its path (`entity::order`) where several entities share a table.
    pub fn entity(mut self, name: impl Into<String>) -> Self {
        self.entities.push(name.into());
        self
    }

    /// Only what the filter includes.
    pub fn include(mut self, include: Include) -> Self {
        self.include = include;
        self
    }

    /// The roles for which policies are wanted; by default [`Roles::of_database`].
    pub fn roles(mut self, roles: Roles) -> Self {
        self.roles = Some(roles);
        self
    }
}

/// Tells how the database differs from what the entities want; nothing where it does not.
///
/// On PostgreSQL, all that [`install`](super::install) makes is compared: columns with type,
/// nullability and default, keys, indexes, foreign keys, checks, triggers, policies, the owner. For
/// this, the tables are made in a schema of their own, in a transaction that is rolled back: it takes
/// the right to create a schema in the database (the migrator does not have it), and a schema that an
/// entity names must belong to the connected role. Foreign keys to tables of entities that are not
/// registered block writes of these for a moment. An entity without tenant is compared as shared where
/// its table has policies. Rights of roles are not compared, nor
/// checks that only the database has (`create_check`).
///
/// On SQLite, the tables are made in memory; there are no policies.
///
/// # Errors
/// [`Error::UnknownEntity`] where a name fits none; [`Error::SharedTable`] where several entities
/// have the same table; [`Error::MissingRole`]; the database's.
pub async fn diff(comparison: &Comparison, manager: &SchemaManager<'_>) -> Result<Vec<Difference>> {
    let compared = compare(comparison, manager).await?;
    Ok(compared
        .into_iter()
        .flat_map(|table| table.differences)
        .collect())
}

/// An entity, and how its table differs from it.
pub struct Compared {
    pub backend: DbBackend,
    pub entity: &'static Installable,
    pub found: Vec<Entry>,
    pub differences: Vec<Difference>,
}

/// Compares entity by entity, those first that others refer to.
pub async fn compare(
    comparison: &Comparison,
    manager: &SchemaManager<'_>,
) -> Result<Vec<Compared>> {
    let db = manager.get_connection();
    let schema = current_schema(db).await?;
    let include = &comparison.include;
    let mut selected = select(&comparison.entities)?;
    selected.retain(|entity| {
        let table = entity.table();
        include.has_table(table.schema().unwrap_or(&schema), table.bare())
    });
    verify_distinct(&selected)?;
    let roles = match db.get_database_backend() {
        DbBackend::Postgres => Some(match &comparison.roles {
            Some(roles) => roles.clone(),
            None => Roles::of_database(db).await?,
        }),
        _ => None,
    };
    let mut wishes: Vec<Wish<'_>> = Vec::new();
    let mut present = Vec::new();
    for entity in with_targets(&selected) {
        let found = catalog::read(&entity.table(), db).await?;
        let protection = protection(entity, &found, roles.as_ref());
        wishes.push(Wish { entity, protection });
        present.push(found);
    }
    let protected = wishes
        .iter()
        .any(|wish| !matches!(wish.protection, Protection::Open));
    let needed = roles.as_ref().filter(|_| protected);
    if let Some(roles) = needed {
        roles.verify(db).await?;
    }
    let wanted = scratch::wanted(&wishes, needed, manager).await?;
    Ok(wishes
        .iter()
        .zip(wanted.into_iter().zip(present))
        .filter(|(wish, _)| {
            selected
                .iter()
                .any(|entity| entity.path() == wish.entity.path())
        })
        .map(|(wish, (wanted, found))| {
            let table = wish.entity.table();
            let looked_at = |entries: Vec<Entry>| -> Vec<Entry> {
                let schema = table.schema().unwrap_or(&schema);
                let has = |entry: &Entry| {
                    entry.object != Object::Index
                        || include.has_index(schema, table.bare(), &entry.name)
                };
                entries.into_iter().filter(has).collect()
            };
            let (wanted, found) = (looked_at(wanted), looked_at(found));
            Compared {
                backend: db.get_database_backend(),
                entity: wish.entity,
                differences: difference::between(table.bare(), &wanted, &found),
                found,
            }
        })
        .collect())
}

// A table of no tenant may be shared or not: the entity does not say.
fn protection<'r>(
    entity: &Installable,
    found: &[Entry],
    roles: Option<&'r Roles>,
) -> Protection<'r> {
    let Some(roles) = roles else {
        return Protection::Open;
    };
    let has_policies = || found.iter().any(|entry| entry.object == Object::Policy);
    match entity.tenant() {
        Some(_) => Protection::Tenant(roles),
        None if has_policies() => Protection::Shared(roles),
        None => Protection::Open,
    }
}

fn select(names: &[String]) -> Result<Vec<&'static Installable>> {
    let all = Installable::all();
    if names.is_empty() {
        return Ok(all);
    }
    let mut selected: Vec<&Installable> = Vec::new();
    for name in names {
        let before = selected.len();
        let suffix = format!("::{}::Entity", name.trim_end_matches("::Entity"));
        let has_path = |entity: &Installable| format!("::{}", entity.path()).ends_with(&suffix);
        selected.extend(
            all.iter()
                .filter(|entity| entity.table().bare() == name || has_path(entity)),
        );
        if selected.len() == before {
            return Err(Error::UnknownEntity { name: name.clone() });
        }
    }
    selected.sort_by_key(|entity| entity.path());
    selected.dedup_by_key(|entity| entity.path());
    Ok(selected)
}

fn verify_distinct(entities: &[&'static Installable]) -> Result<()> {
    for (nth, entity) in entities.iter().enumerate() {
        let same = |other: &&&Installable| other.table() == entity.table();
        if let Some(other) = entities.iter().skip(nth + 1).find(same) {
            return Err(Error::SharedTable {
                table: entity.table().bare().to_owned(),
                entities: [entity.path(), other.path()],
            });
        }
    }
    Ok(())
}

/// The entities and all that they refer to, each after those that it refers to. In a circle of
/// references, one has to come first.
fn with_targets(selected: &[&'static Installable]) -> Vec<&'static Installable> {
    fn visit(
        entity: &'static Installable,
        known: &[&'static Installable],
        seen: &mut Vec<TableName>,
        sorted: &mut Vec<&'static Installable>,
    ) {
        if seen.contains(&entity.table()) {
            return;
        }
        seen.push(entity.table());
        for target in entity.targets() {
            let near = |other: &&&Installable| common_start(entity.path(), other.path());
            let has_table = |other: &&&'static Installable| other.table() == target;
            if let Some(target) = known.iter().filter(has_table).max_by_key(near) {
                visit(target, known, seen, sorted);
            }
        }
        sorted.push(entity);
    }
    // Of several entities on one table, the selected one; else the nearest.
    let is_selected = |table: TableName| selected.iter().any(|entity| entity.table() == table);
    let mut known = Installable::all();
    known.retain(|entity| !is_selected(entity.table()));
    known.extend(selected);
    let (mut seen, mut sorted) = (Vec::new(), Vec::new());
    for entity in selected {
        visit(entity, &known, &mut seen, &mut sorted);
    }
    sorted
}

/// How many characters two paths have in common at their start.
fn common_start(one: &str, other: &str) -> usize {
    let pairs = one.chars().zip(other.chars());
    pairs.take_while(|(one, other)| one == other).count()
}

async fn current_schema<C: ConnectionTrait>(db: &C) -> Result<String> {
    let backend = db.get_database_backend();
    if backend != DbBackend::Postgres {
        return Ok("main".to_owned());
    }
    let sql = "SELECT current_schema()::text AS name";
    let row = db
        .query_one_raw(Statement::from_string(backend, sql))
        .await?;
    let name: Option<String> = row.map(|row| row.try_get("", "name")).transpose()?;
    Ok(name.unwrap_or_default())
}
