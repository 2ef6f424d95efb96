//! In what two schemas differ, as the catalog tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sea_orm::{ConnectionTrait, TransactionSession, TransactionTrait};

use super::catalog::{parameter, postgres_only, read};
use super::rights;
use super::scene::{Scene, look_into};
use crate::context::SchemaName;
use crate::error::{Result, TenancyError};

const DESCRIPTION: &str = include_str!("sql/description.sql");

/// One way in which a schema differs from another one.
///
/// Prints as a line: `index idx_orders_number is missing`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaDifference {
    /// The object, with its kind: `column orders.number`.
    pub object: String,
    /// How it differs.
    pub change: SchemaChange,
}

/// How an object of one schema differs from that of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaChange {
    /// Only the first schema has it.
    Missing,
    /// Only the second schema has it.
    Extra,
    /// Both have it, and a property is not the same.
    Differs {
        /// The property: `type`, `default`, `definition`, `rights` …
        property: String,
        /// In the first schema; nothing where it has none.
        wanted: Option<String>,
        /// In the second schema.
        found: Option<String>,
    },
}

impl fmt::Display for SchemaDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SchemaDifference { object, change } = self;
        match change {
            SchemaChange::Differs { .. } => write!(f, "{object}: {change}"),
            _ => write!(f, "{object} {change}"),
        }
    }
}

impl fmt::Display for SchemaChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SchemaChange::Missing => f.write_str("is missing"),
            SchemaChange::Extra => f.write_str("is in the second schema only"),
            SchemaChange::Differs {
                property,
                wanted,
                found,
            } => {
                let [wanted, found] = [wanted, found].map(|it| line(it.as_deref()));
                write!(f, "{property} is {found}, not {wanted}")
            }
        }
    }
}

/// A function's text is not for one line.
fn line(text: Option<&str>) -> String {
    const CHARACTERS: usize = 120;
    let words: Vec<&str> = text.unwrap_or("none").split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// Tells how the second schema differs from the first; nothing where it is an exact copy.
///
/// All that [`clone_schema`](super::clone_schema) copies is compared, in PostgreSQL's own words: tables,
/// columns, constraints, indexes, triggers, policies, views, functions, types, sequences, their owners,
/// rights and comments. Of what it refuses, the names are compared. Rows and the values of sequences are
/// not. Names of foreign keys that PostgreSQL makes itself for partitions are not either.
///
/// Functions of the schemas can stand in for PostgreSQL's own while it looks: both must belong to roles
/// that are trusted with the connection's rights.
///
/// # Errors
/// [`TenancyError::UnknownSchema`]; [`Error::Unsupported`](crate::Error::Unsupported) on SQLite; the
/// database's.
pub async fn compare_schemas<C>(
    first: &SchemaName,
    second: &SchemaName,
    db: &C,
) -> Result<Vec<SchemaDifference>>
where
    C: ConnectionTrait + TransactionTrait,
{
    postgres_only(db)?;
    let tx = db.begin().await?;
    let scene = Scene::set(&tx).await?;
    let differences = differences(first, second, &tx).await?;
    scene.leave(&tx).await?;
    tx.commit().await?;
    Ok(differences)
}

/// [`compare_schemas`] in a transaction that is set for it.
pub async fn differences<C: ConnectionTrait>(
    first: &SchemaName,
    second: &SchemaName,
    tx: &C,
) -> Result<Vec<SchemaDifference>> {
    let wanted = describe(first, tx).await?;
    let found = describe(second, tx).await?;
    Ok(between(&wanted, &found))
}

/// The objects, each with its properties.
type Description = BTreeMap<String, BTreeMap<String, String>>;

async fn describe<C: ConnectionTrait>(schema: &SchemaName, tx: &C) -> Result<Description> {
    look_into(schema, tx).await?;
    let columns = ["object", "property", "value"];
    let mut description = Description::new();
    for [object, property, value] in read(DESCRIPTION, [parameter(schema)], columns, tx).await? {
        let [object, property, value] = [object, property, value].map(Option::unwrap_or_default);
        let properties = description.entry(object).or_default();
        // Objects that are not copied have no property but their names.
        let values = properties.entry(property).or_default();
        values.push_str(&value);
        values.push('\n');
    }
    if description.is_empty() {
        return Err(TenancyError::UnknownSchema {
            schema: schema.to_string(),
        }
        .into());
    }
    for right in rights::held(schema, tx).await? {
        let properties = description.entry(format!("rights on {}", right.object));
        let column = right.column.map(|it| format!(" ({it})"));
        let right_of = format!(
            "{} of {}",
            right.privilege + &column.unwrap_or_default(),
            right.grantee,
        );
        let how = match right.grantable {
            true => "given with grant option",
            false => "given",
        };
        properties.or_default().insert(right_of, how.to_owned());
    }
    Ok(description)
}

fn between(wanted: &Description, found: &Description) -> Vec<SchemaDifference> {
    let difference = |object: &String, change| SchemaDifference {
        object: object.clone(),
        change,
    };
    let mut differences = Vec::new();
    for (object, properties) in wanted {
        let Some(others) = found.get(object) else {
            differences.push(difference(object, SchemaChange::Missing));
            continue;
        };
        let names = properties.keys().chain(others.keys());
        let names: BTreeSet<&String> = names.collect();
        for property in names {
            let [wanted, found] = [properties, others].map(|it| it.get(property));
            if wanted != found {
                let text = |it: Option<&String>| it.map(|it| it.trim_end().to_owned());
                let change = SchemaChange::Differs {
                    property: property.clone(),
                    wanted: text(wanted),
                    found: text(found),
                };
                differences.push(difference(object, change));
            }
        }
    }
    let extra = found.keys().filter(|object| !wanted.contains_key(*object));
    differences.extend(extra.map(|object| difference(object, SchemaChange::Extra)));
    differences
}
