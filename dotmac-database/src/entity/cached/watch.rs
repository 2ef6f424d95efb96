//! Finds the cached tables that a statement may change.
//!
//! It errs on one side: a table that is named in what is no plain query counts as changed, and so does one
//! whose rows the foreign keys of that table may take along. It cannot see into functions, triggers, views
//! or SQL that the database puts together.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use sea_orm::sea_query::{ForeignKeyAction, TableRef};
use sea_orm::{EntityName, EntityTrait, Iterable, RelationTrait, Value};

use super::key::RowKey;
use super::statement::{has_word, row_of};
use super::table::{CachedTable, cached_tables};
use crate::entity::descriptions;

/// Rows that a statement may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Their table.
    pub table: &'static CachedTable,
    /// Which it is, where it can only be one.
    pub row: Option<RowKey>,
}

/// A foreign key by which changes of one table reach another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cascade {
    /// The table that the key refers to.
    pub from: String,
    /// The table that has the key.
    pub to: &'static str,
    /// A row there follows when the one here is removed.
    pub on_delete: bool,
    /// A row there follows when the key of the one here is changed.
    pub on_update: bool,
}

/// A table by whose name statements are looked through.
struct Watched {
    own: Vec<&'static CachedTable>,
    by_delete: Vec<&'static CachedTable>,
    by_update: Vec<&'static CachedTable>,
}

struct Watch {
    names: AhoCorasick,
    tables: Vec<Watched>,
}

/// What a statement does, as far as cascades go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Insert,
    Update,
    Other,
}

/// What `sql` may change of cached tables.
pub fn changed(sql: &str, values: Option<&[Value]>) -> Vec<Changed> {
    let Some(watch) = &*WATCH else {
        return Vec::new();
    };
    if only_reads(sql) {
        return Vec::new();
    }
    let mut changes: Vec<Changed> = Vec::new();
    let mut add = |change: Changed| match changes.iter_mut().find(|it| it.table == change.table) {
        Some(known) if known.row != change.row => known.row = None,
        Some(_) => {}
        None => changes.push(change),
    };
    let verb = Verb::of(sql);
    for watched in watch.named_in(sql) {
        for table in &watched.own {
            let row = row_of(table, sql, values);
            add(Changed { table, row });
        }
        let by_delete = (verb == Verb::Other).then_some(&watched.by_delete);
        let by_update = (verb != Verb::Insert).then_some(&watched.by_update);
        for table in [by_delete, by_update].into_iter().flatten().flatten() {
            add(Changed { table, row: None });
        }
    }
    changes
}

/// The foreign keys of `E` that follow what they refer to.
pub fn cascades<E: EntityTrait>() -> Vec<Cascade> {
    let follows = |action: &Option<ForeignKeyAction>| {
        matches!(
            action,
            Some(
                ForeignKeyAction::Cascade
                    | ForeignKeyAction::SetNull
                    | ForeignKeyAction::SetDefault
            )
        )
    };
    E::Relation::iter()
        .map(|relation| relation.def())
        .filter(|relation| !relation.is_owner)
        .filter_map(|relation| {
            let TableRef::Table(from, _) = &relation.to_tbl else {
                return None;
            };
            Some(Cascade {
                from: from.1.to_string(),
                to: EntityName::table_name(&E::default()),
                on_delete: follows(&relation.on_delete),
                on_update: follows(&relation.on_update),
            })
        })
        .filter(|cascade| cascade.on_delete || cascade.on_update)
        .collect()
}

static WATCH: LazyLock<Option<Watch>> = LazyLock::new(|| {
    let cascades: Vec<Cascade> = descriptions()
        .flat_map(|entity| (entity.cascades)())
        .collect();
    Watch::of(cached_tables(), &cascades)
});

impl Watch {
    fn of(cached: &'static [CachedTable], cascades: &[Cascade]) -> Option<Self> {
        if cached.is_empty() {
            return None;
        }
        let names: BTreeSet<&str> = cached
            .iter()
            .map(|table| table.table)
            .chain(cascades.iter().map(|cascade| cascade.from.as_str()))
            .collect();
        let tables = names.iter().map(|name| {
            let among = |reached: BTreeSet<&str>| {
                let reached = |table: &&CachedTable| reached.contains(table.table);
                cached.iter().filter(reached).collect()
            };
            Watched {
                own: among(BTreeSet::from([*name])),
                by_delete: among(reach(name, cascades, |it| it.on_delete)),
                by_update: among(reach(name, cascades, |it| it.on_update)),
            }
        });
        let tables = tables.collect();
        let names = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            // As it stands between quotes.
            .build(names.iter().map(|name| name.replace('"', "\"\"")))
            .ok()?;
        Some(Watch { names, tables })
    }

    fn named_in(&self, sql: &str) -> impl Iterator<Item = &Watched> {
        let is_part =
            |byte: Option<&u8>| byte.is_some_and(|it| it.is_ascii_alphanumeric() || *it == b'_');
        let bytes = sql.as_bytes();
        let mut seen = BTreeSet::new();
        self.names
            .find_overlapping_iter(sql)
            .filter(move |found| {
                let before = found.start().checked_sub(1).and_then(|at| bytes.get(at));
                !is_part(before) && !is_part(bytes.get(found.end()))
            })
            .filter(move |found| seen.insert(found.pattern().as_usize()))
            .filter_map(|found| self.tables.get(found.pattern().as_usize()))
    }
}

/// The tables to which a change of this one gets, by one foreign key or several.
fn reach<'c>(
    table: &str,
    cascades: &'c [Cascade],
    follows: impl Fn(&Cascade) -> bool,
) -> BTreeSet<&'c str> {
    let mut reached = BTreeSet::new();
    let mut next = vec![table];
    while let Some(table) = next.pop() {
        for cascade in cascades.iter().filter(|it| it.from == table && follows(it)) {
            if reached.insert(cascade.to) {
                next.push(cascade.to);
            }
        }
    }
    reached
}

impl Verb {
    fn of(sql: &str) -> Self {
        let is_one = !sql.contains(';');
        match sql {
            sql if is_one && sql.starts_with("INSERT INTO ") && !sql.contains(" CONFLICT ") => {
                Verb::Insert
            }
            sql if is_one && sql.starts_with("UPDATE ") => Verb::Update,
            _ => Verb::Other,
        }
    }
}

/// Whether it is one query that changes no rows, as far as its text goes.
fn only_reads(sql: &str) -> bool {
    let sql = sql.trim_start();
    let begins = |word: &str| {
        sql.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
            && sql
                .as_bytes()
                .get(word.len())
                .is_none_or(u8::is_ascii_whitespace)
    };
    if sql.contains(';') {
        return false;
    }
    // Only WITH can have a change of rows inside of a query.
    let writes = || has_word(sql, &["INSERT", "UPDATE", "DELETE", "MERGE"]);
    begins("SELECT") || (begins("WITH") && !writes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cascade(from: &str, to: &'static str, on_delete: bool, on_update: bool) -> Cascade {
        Cascade {
            from: from.to_owned(),
            to,
            on_delete,
            on_update,
        }
    }

    fn table(name: &'static str) -> CachedTable {
        CachedTable {
            name,
            table: name,
            sql: format!("\"{name}\""),
            key: Vec::new(),
            is_tenant_aware: true,
        }
    }

    /// The tables, of `orders`, `lines` (removed with their order) and `notes` (removed with their line).
    fn changes(sql: &str) -> Vec<&'static str> {
        static CACHED: LazyLock<Vec<CachedTable>> =
            LazyLock::new(|| ["orders", "lines", "notes"].map(table).into());
        let cascades = [
            cascade("users", "orders", false, true),
            cascade("orders", "lines", true, false),
            cascade("lines", "notes", true, false),
        ];
        let watch = Watch::of(&CACHED, &cascades).expect("tables");
        if only_reads(sql) {
            return Vec::new();
        }
        let verb = Verb::of(sql);
        let mut names = BTreeSet::new();
        for watched in watch.named_in(sql) {
            names.extend(watched.own.iter().map(|it| it.name));
            if verb == Verb::Other {
                names.extend(watched.by_delete.iter().map(|it| it.name));
            }
            if verb != Verb::Insert {
                names.extend(watched.by_update.iter().map(|it| it.name));
            }
        }
        names.into_iter().collect()
    }

    #[test]
    fn a_change_is_found_wherever_its_table_is_named() {
        for sql in [
            "INSERT INTO \"orders\" (\"id\") VALUES ($1)",
            "UPDATE \"orders\" SET \"total\" = 1",
            "update public.Orders set total = 1",
            "/* x */ UPDATE orders SET total = 1",
            "WITH late AS (UPDATE orders SET total = 1 RETURNING id) SELECT * FROM late",
            "SELECT 1 FROM orders; SELECT 2",
            "INSERT INTO \"orders\" (\"id\") VALUES ($1) ON CONFLICT (\"id\") DO NOTHING",
        ] {
            assert!(changes(sql).contains(&"orders"), "{sql}");
        }
        for sql in [
            "DO $$ BEGIN UPDATE orders SET total = 1; END $$",
            "MERGE INTO orders USING drafts ON false WHEN NOT MATCHED THEN DO NOTHING",
            "TRUNCATE drafts, orders",
            "COPY orders FROM STDIN",
            "CALL close(orders)",
        ] {
            assert_eq!(changes(sql), ["lines", "notes", "orders"], "{sql}");
        }
    }

    #[test]
    fn queries_and_other_tables_change_nothing() {
        for sql in [
            "SELECT * FROM \"orders\" FOR UPDATE",
            "select * from orders",
            "WITH x AS (SELECT updated_at FROM orders) SELECT * FROM x",
            "UPDATE \"orders_old\" SET \"total\" = 1",
            "DELETE FROM my_orders",
        ] {
            assert!(changes(sql).is_empty(), "{sql}");
        }
    }

    #[test]
    fn rows_that_foreign_keys_take_along_are_changed_too() {
        assert_eq!(changes("DELETE FROM orders"), ["lines", "notes", "orders"]);
        assert_eq!(changes("DELETE FROM lines"), ["lines", "notes"]);
        assert_eq!(changes("UPDATE users SET id = 2"), ["orders"]);
        assert_eq!(changes("UPDATE orders SET total = 2"), ["orders"]);
        assert!(changes("INSERT INTO users (id) VALUES (1)").is_empty());
    }
}
