//! Which row a statement changes, where its text says that it can be one only.
//!
//! Statements on one row have one shape in SeaORM, and this knows that shape to the letter. Anything else
//! is about rows that nobody knows, which is the safe answer.

use sea_orm::Value;

use super::key::RowKey;
use super::table::CachedTable;

/// The key of the one row that the statement changes; `None` where it may be another, or several.
pub fn row_of(table: &CachedTable, sql: &str, values: Option<&[Value]>) -> Option<RowKey> {
    let values = values?;
    // A second statement, a sub-query, a choice, a comment: more than this knows.
    let knows = !sql.contains([';', '\''])
        && !sql.contains("--")
        && !sql.contains("/*")
        && !has_word(sql, &["SELECT", "OR", "CASE", "BETWEEN", "CONFLICT"]);
    if !knows {
        return None;
    }
    let holders = inserted(table, sql).or_else(|| filtered(table, sql))?;
    let values = holders
        .iter()
        .map(|holder| value_of(holder, sql, values).cloned())
        .collect::<Option<Vec<Value>>>()?;
    table.row(&values)
}

/// A placeholder of the statement, and where it stands.
struct Holder<'s> {
    text: &'s str,
    at: usize,
}

/// `INSERT INTO "orders" ("id", "number") VALUES ($1, $2) …`
fn inserted<'s>(table: &CachedTable, sql: &'s str) -> Option<Vec<Holder<'s>>> {
    let rest = sql.strip_prefix("INSERT INTO ")?.strip_prefix(&table.sql)?;
    let (columns, rest) = rest.strip_prefix(" (")?.split_once(") VALUES (")?;
    let (row, rest) = closed(rest)?;
    if !rest.is_empty() && !rest.starts_with(" RETURNING ") {
        return None;
    }
    let columns: Vec<&str> = columns.split(", ").collect();
    let row = parts(row, ", ");
    if columns.len() != row.len() {
        return None;
    }
    let holder = |name: &String| {
        let mut columns = columns.iter().zip(&row);
        let (_, text) = columns.find(|(column, _)| **column == name.as_str())?;
        Some(Holder::of(text, sql))
    };
    let keys = table.key.iter().map(|key| holder(&key.name));
    keys.collect()
}

/// `UPDATE "orders" SET … WHERE … AND "orders"."id" = $3 AND … RETURNING …`, and DELETE.
fn filtered<'s>(table: &CachedTable, sql: &'s str) -> Option<Vec<Holder<'s>>> {
    let filter = match sql.strip_prefix("UPDATE ") {
        Some(update) => {
            let set = update.strip_prefix(&table.sql)?.strip_prefix(" SET ")?;
            let (set, filter) = set.split_once(" WHERE ")?;
            let moves = |name: &String| {
                set.starts_with(&format!("{name} = ")) || set.contains(&format!(", {name} = "))
            };
            if table.key.iter().any(|key| moves(&key.name)) {
                return None;
            }
            filter
        }
        None => sql
            .strip_prefix("DELETE FROM ")?
            .strip_prefix(&table.sql)?
            .strip_prefix(" WHERE ")?,
    };
    let filter = filter.split(" RETURNING ").next()?;
    // One chain of conditions that all hold: none of them can widen what another says.
    if filter.contains('(') {
        return None;
    }
    let holder = |name: &String| {
        let equal = format!("{}.{name} = ", table.sql);
        let mut terms = filter.split(" AND ");
        terms.find_map(|term| Some(Holder::of(term.strip_prefix(&equal)?, sql)))
    };
    let keys = table.key.iter().map(|key| holder(&key.name));
    keys.collect()
}

impl<'s> Holder<'s> {
    fn of(text: &'s str, sql: &str) -> Self {
        // Both are parts of one text.
        let at = text.as_ptr().addr() - sql.as_ptr().addr();
        Holder { text, at }
    }
}

/// The value of a placeholder: `$3`, or on SQLite `?`, which are counted.
fn value_of<'v>(holder: &Holder<'_>, sql: &str, values: &'v [Value]) -> Option<&'v Value> {
    let number = match holder.text.strip_prefix('$') {
        Some(number) => number.parse::<usize>().ok()?,
        None if holder.text == "?" && sql.matches('?').count() == values.len() => {
            sql.get(..holder.at)?.matches('?').count() + 1
        }
        None => return None,
    };
    values.get(number.checked_sub(1)?)
}

/// The text up to the parenthesis that closes it, and what comes after.
fn closed(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 0 => return Some((text.get(..at)?, text.get(at + 1..)?)),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The text between separators that are in no parentheses.
fn parts<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let mut parts: Vec<&str> = Vec::new();
    let (mut depth, mut from) = (0_usize, 0_usize);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && at >= from && text.get(at..).is_some_and(|it| it.starts_with(separator)) {
            parts.extend(text.get(from..at));
            from = at + separator.len();
        }
    }
    parts.extend(text.get(from..));
    parts
}

/// Whether the text holds one of the words, in letters of any case.
pub fn has_word(text: &str, words: &[&str]) -> bool {
    let mut found = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    found.any(|found| words.iter().any(|word| word.eq_ignore_ascii_case(found)))
}

#[cfg(test)]
mod tests {
    use super::super::key::KeyKind;
    use super::super::table::KeyColumn;
    use super::*;

    fn table(columns: &[&str]) -> CachedTable {
        let column = |name: &&str| KeyColumn {
            name: format!("\"{name}\""),
            kind: KeyKind::Integer,
        };
        CachedTable {
            name: "orders",
            table: "orders",
            sql: "\"orders\"".to_owned(),
            key: columns.iter().map(column).collect(),
            is_tenant_aware: true,
        }
    }

    fn row(columns: &[&str], sql: &str, values: &[i64]) -> Option<RowKey> {
        let values: Vec<Value> = values.iter().copied().map(Value::from).collect();
        row_of(&table(columns), sql, Some(&values))
    }

    #[track_caller]
    fn is(sql: &str, values: &[i64], id: Option<i64>) {
        let kinds = std::iter::once(KeyKind::Integer);
        let expected = id.and_then(|id| RowKey::of(kinds, &[Value::from(id)]));
        assert_eq!(row(&["id"], sql, values), expected, "{sql}");
    }

    #[test]
    fn one_row_is_known_by_its_key() {
        for sql in [
            r#"INSERT INTO "orders" ("number", "id") VALUES ($1, $2) RETURNING "id", "number""#,
            r#"INSERT INTO "orders" ("state", "id") VALUES (CAST($1 AS "a"), $2)"#,
            r#"UPDATE "orders" SET "number" = $1 WHERE "orders"."id" = $2 RETURNING "id""#,
            r#"UPDATE "orders" SET "number" = $1, "valid" = TRUE WHERE "orders"."deleted_at" IS NULL AND "orders"."id" = $2 AND "orders"."tenant_id" = $1"#,
            r#"DELETE FROM "orders" WHERE "orders"."number" = $1 AND "orders"."id" = $2"#,
            r#"UPDATE "orders" SET "number" = ? WHERE "orders"."id" = ?"#,
            r#"INSERT INTO "orders" ("number", "id") VALUES (?, ?)"#,
        ] {
            is(sql, &[5, 7], Some(7));
        }
    }

    #[test]
    fn what_may_be_another_row_is_not_known() {
        for sql in [
            r#"UPDATE "orders" SET "number" = $1"#,
            r#"UPDATE "orders" SET "number" = $1 WHERE "orders"."id" > $2"#,
            r#"UPDATE "orders" SET "number" = $1 WHERE "orders"."id" = $2 OR TRUE"#,
            r#"UPDATE "orders" SET "number" = $1 WHERE "orders"."id" = $2 or true"#,
            r#"UPDATE "orders" SET "number" = $1 WHERE NOT ("orders"."id" = $2)"#,
            r#"UPDATE "orders" SET "number" = $1 WHERE NOT (TRUE AND "orders"."id" = $2 AND TRUE)"#,
            r#"UPDATE "orders" SET "number" = $1 WHERE TRUE BETWEEN FALSE AND "orders"."id" = $2"#,
            r#"UPDATE "orders" SET "id" = $1 WHERE "orders"."id" = $2"#,
            r#"UPDATE "orders" SET "number" = $1, "id" = 3 WHERE "orders"."id" = $2"#,
            r#"UPDATE "orders" SET "number" = (SELECT 1 WHERE "orders"."id" = $2) WHERE TRUE"#,
            r#"UPDATE "orders" SET "number" = $1 WHERE "orders"."id" = $2 + 1"#,
            r#"UPDATE "orders" SET "number" = $1 WHERE "orders"."id" = $3"#,
            r#"UPDATE "other" SET "number" = $1 WHERE "orders"."id" = $2"#,
            r#"DELETE FROM "orders" WHERE "orders"."id" IN ($1, $2)"#,
            r#"DELETE FROM "orders" WHERE "orders"."id" = $2; DELETE FROM "orders""#,
            r#"DELETE FROM "orders" -- WHERE "orders"."id" = $2"#,
            r#"INSERT INTO "orders" ("number") VALUES ($1)"#,
            r#"INSERT INTO "orders" ("number", "id") VALUES ($1, $2), ($2, $1)"#,
            r#"INSERT INTO "orders" ("number", "id") VALUES ($1, $2) ON CONFLICT ("number") DO UPDATE SET "number" = $1"#,
            r#"INSERT INTO "orders" ("number", "id") SELECT $1, $2"#,
            r#"UPDATE "orders" SET "number" = '?' WHERE "orders"."id" = ?"#,
        ] {
            is(sql, &[5, 7], None);
        }
        let sql = r#"UPDATE "orders" SET "number" = $1 WHERE "orders"."id" = $2"#;
        assert_eq!(row_of(&table(&["id"]), sql, None), None);
        let text = [Value::from(5), Value::from("7")];
        assert_eq!(
            row_of(&table(&["id"]), sql, Some(&text)),
            None,
            "of another kind"
        );
    }

    #[test]
    fn composite_key_is_known_when_it_is_whole() {
        let key = |sql| row(&["a", "b"], sql, &[5, 7]);
        let whole = r#"DELETE FROM "orders" WHERE "orders"."b" = $2 AND "orders"."a" = $1"#;
        let kinds = [KeyKind::Integer, KeyKind::Integer].into_iter();
        let expected = RowKey::of(kinds, &[Value::from(5), Value::from(7)]);
        assert_eq!(key(whole), expected);
        assert_eq!(key(r#"DELETE FROM "orders" WHERE "orders"."a" = $1"#), None);
    }
}
