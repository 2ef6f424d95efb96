//! What a unit of work has changed of tables whose rows are cached.

use std::collections::{BTreeMap, BTreeSet};

use crate::entity::cached::{CachedTable, Changed, RowKey};

/// A table of which more rows were changed counts as changed in all.
const MAX_ROWS: usize = 64;

/// The changes, for each table once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes(BTreeMap<&'static str, (&'static CachedTable, Rows)>);

/// Rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// Those with these keys.
    Some(BTreeSet<RowKey>),
    /// Any.
    All,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn add(&mut self, changed: Changed) {
        let rows = match changed.row {
            Some(row) => Rows::Some(BTreeSet::from([row])),
            None => Rows::All,
        };
        self.add_rows(changed.table, rows);
    }

    /// Adds those of a level inside.
    pub fn absorb(&mut self, changes: Changes) {
        for (table, rows) in changes.0.into_values() {
            self.add_rows(table, rows);
        }
    }

    fn add_rows(&mut self, table: &'static CachedTable, rows: Rows) {
        let nothing = || (table, Rows::Some(BTreeSet::new()));
        let (_, known) = self.0.entry(table.name).or_insert_with(nothing);
        let all = match (&mut *known, rows) {
            (Rows::Some(known), Rows::Some(rows)) => {
                known.extend(rows);
                known.len() > MAX_ROWS
            }
            (Rows::All, _) | (_, Rows::All) => true,
        };
        if all {
            *known = Rows::All;
        }
    }
}

#[cfg(feature = "cache")]
impl Changes {
    pub fn touch(&self, table: &CachedTable) -> bool {
        self.0.contains_key(table.name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static CachedTable, &Rows)> {
        self.0.values().map(|(table, rows)| (*table, rows))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use sea_orm::Value;

    use super::*;
    use crate::entity::cached::KeyKind;

    static TABLES: LazyLock<Vec<CachedTable>> =
        LazyLock::new(|| vec![CachedTable::named("orders"), CachedTable::named("users")]);

    fn row(table: usize, id: Option<i64>) -> Changed {
        let key = |id| RowKey::of(std::iter::once(KeyKind::Integer), &[Value::from(id)]);
        Changed {
            table: TABLES.get(table).expect("a table"),
            row: id.and_then(key),
        }
    }

    fn rows(changes: &Changes, name: &str) -> Option<usize> {
        changes.0.get(name).and_then(|(_, rows)| match rows {
            Rows::Some(rows) => Some(rows.len()),
            Rows::All => None,
        })
    }

    #[test]
    fn changes_of_a_table_are_one_however_often_it_is_changed() {
        let mut changes = Changes::default();
        for id in [1, 2, 1] {
            changes.add(row(0, Some(id)));
        }
        let mut inside = Changes::default();
        inside.add(row(0, Some(3)));
        inside.add(row(1, None));
        changes.absorb(inside);
        assert_eq!(rows(&changes, "orders"), Some(3));
        assert_eq!(rows(&changes, "users"), None);
        changes.add(row(1, Some(1)));
        assert_eq!(rows(&changes, "users"), None, "what is not known stays so");
    }

    #[test]
    fn many_rows_are_the_whole_table() {
        let mut changes = Changes::default();
        for id in (0..).take(MAX_ROWS) {
            changes.add(row(0, Some(id)));
        }
        assert_eq!(rows(&changes, "orders"), Some(MAX_ROWS));
        changes.add(row(0, Some(-1)));
        assert_eq!(rows(&changes, "orders"), None);
    }
}
