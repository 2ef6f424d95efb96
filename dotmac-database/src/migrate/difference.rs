//! How a table differs from what its entity wants, in types that print well.

use std::fmt;

use super::catalog::{Entry, Property};

/// One way in which a database differs from an entity.
///
/// Prints as a line: ``orders: column `note` is missing (type text, nullable yes, default none)``.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The table.
    pub table: String,
    /// What kind of object differs.
    pub object: Object,
    /// The object's name.
    pub name: String,
    /// How it differs.
    pub change: Change,
}

/// What a table is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Object {
    /// The table itself, and whether row-level security is on.
    Table,
    /// A column.
    Column,
    /// The primary key.
    PrimaryKey,
    /// An index or a unique constraint.
    Index,
    /// A foreign key.
    ForeignKey,
    /// A check constraint.
    Check,
    /// A trigger.
    Trigger,
    /// A policy.
    Policy,
}

/// How the database differs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The entity wants it, the database does not have it.
    Missing {
        /// Its properties, such as `("type", "text")`.
        wanted: Vec<(String, String)>,
    },
    /// The database has it, the entity knows nothing of it.
    Extra,
    /// Both have it, and a property differs.
    Differs {
        /// The property: `type`, `nullable`, `default`, `definition` …
        property: String,
        /// What the entity wants.
        wanted: String,
        /// What the database has.
        found: String,
    },
}

impl Object {
    const NAMES: [(Object, &'static str); 8] = [
        (Object::Table, "table"),
        (Object::Column, "column"),
        (Object::PrimaryKey, "primary key"),
        (Object::Index, "index"),
        (Object::ForeignKey, "foreign key"),
        (Object::Check, "check"),
        (Object::Trigger, "trigger"),
        (Object::Policy, "policy"),
    ];

    /// The object that a query calls so.
    pub(super) fn named(name: &str) -> Option<Self> {
        let found = Self::NAMES.into_iter().find(|(_, known)| *known == name);
        found.map(|(object, _)| object)
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::NAMES.into_iter().find(|(object, _)| object == self);
        f.write_str(found.map_or("object", |(_, name)| name))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { table, object, .. } = self;
        match object {
            Object::Table | Object::PrimaryKey => write!(f, "{table}: {object}")?,
            _ => write!(f, "{table}: {object} `{}`", self.name)?,
        }
        match &self.change {
            Change::Missing { wanted } if *object == Object::Column => {
                let properties: Vec<String> = wanted
                    .iter()
                    .map(|(name, value)| format!("{name} {}", short(value)))
                    .collect();
                write!(f, " is missing ({})", properties.join(", "))
            }
            Change::Missing { .. } => f.write_str(" is missing"),
            Change::Extra => f.write_str(" is in the database only"),
            Change::Differs {
                property,
                wanted,
                found,
            } => {
                let (wanted, found) = (short(wanted), short(found));
                write!(f, ": {property} is {found}, the entity wants {wanted}")
            }
        }
    }
}

/// A function's text is not for one line.
fn short(text: &str) -> String {
    const CHARACTERS: usize = 120;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= CHARACTERS {
        return line;
    }
    line.chars().take(CHARACTERS).chain(['…']).collect()
}

/// What has to change in `found` to make it `wanted`.
pub fn between(table: &str, wanted: &[Entry], found: &[Entry]) -> Vec<Difference> {
    let difference = |entry: &Entry, change| Difference {
        table: table.to_owned(),
        object: entry.object,
        name: entry.name.clone(),
        change,
    };
    let same = |a: &Entry, b: &Entry| a.object == b.object && a.name == b.name;
    if found.is_empty() {
        // The table brings the rest.
        let table = wanted.first();
        return table
            .map(|table| vec![difference(table, missing(table))])
            .unwrap_or_default();
    }
    let mut differences = Vec::new();
    for entry in wanted {
        match found.iter().find(|other| same(entry, other)) {
            None => differences.push(difference(entry, missing(entry))),
            Some(other) => differences.extend(
                entry
                    .properties
                    .iter()
                    .filter_map(|property| differing(property, other))
                    .map(|change| difference(entry, change)),
            ),
        }
    }
    // An entity cannot tell of checks that migrations made by hand.
    let extra = found
        .iter()
        .filter(|entry| entry.object != Object::Check)
        .filter(|entry| !wanted.iter().any(|other| same(entry, other)));
    differences.extend(extra.map(|entry| difference(entry, Change::Extra)));
    differences
}

fn missing(entry: &Entry) -> Change {
    let pair = |property: &Property| (property.name.clone(), property.value.clone());
    Change::Missing {
        wanted: entry.properties.iter().map(pair).collect(),
    }
}

fn differing(wanted: &Property, found: &Entry) -> Option<Change> {
    let value = found.value(&wanted.name).unwrap_or_default();
    (value != wanted.value).then(|| Change::Differs {
        property: wanted.name.clone(),
        wanted: wanted.value.clone(),
        found: value.to_owned(),
    })
}
