//! What a database has of a table, as its catalog tells it.
//!
//! Each fact is one property of one object, in the database's own words, so that two tables made by
//! the same statements read the same.

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};

use super::difference::Object;
use crate::error::Result;
use crate::ident::literal;
use crate::rls::TableName;

/// A table, column, index or other object, with its properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub object: Object,
    pub name: String,
    pub properties: Vec<Property>,
}

/// A property of an object, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    pub name: String,
    pub value: String,
}

impl Entry {
    /// The value of a property.
    pub fn value(&self, property: &str) -> Option<&str> {
        let found = self.properties.iter().find(|p| p.name == property);
        found.map(|property| property.value.as_str())
    }
}

/// The objects of a table that the search path finds, the table first, columns in their order;
/// nothing where there is no such table.
pub async fn read<C: ConnectionTrait>(table: &TableName, db: &C) -> Result<Vec<Entry>> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => POSTGRES.replace("{table}", &literal(&table.sql())),
        _ => SQLITE.replace("{table}", &literal(table.bare())),
    };
    let rows = db
        .query_all_raw(Statement::from_string(backend, sql))
        .await?;
    let mut entries: Vec<Entry> = Vec::new();
    for row in rows {
        let (object, name, property) = fact(&row)?;
        let Some(object) = Object::named(&object) else {
            continue;
        };
        match entries.last_mut() {
            Some(entry) if entry.object == object && entry.name == name => {
                entry.properties.push(property);
            }
            _ => entries.push(Entry {
                object,
                name,
                properties: vec![property],
            }),
        }
    }
    Ok(entries)
}

fn fact(row: &QueryResult) -> Result<(String, String, Property)> {
    let property = Property {
        name: row.try_get("", "property")?,
        value: row.try_get("", "value")?,
    };
    Ok((
        row.try_get("", "object")?,
        row.try_get("", "name")?,
        property,
    ))
}

// The owner matters where policies bind it only by FORCE. `pg_get_indexdef` names the schema before
// USING; a trigger is its events and its function's text.
const POSTGRES: &str = r#"
WITH t AS (SELECT * FROM pg_class WHERE oid = to_regclass({table}))
SELECT object, name, property, coalesce(value, '') AS value FROM (
  SELECT 1 AS kind, 0 AS place, 'table' AS object, t.relname::text AS name, v.* FROM t, LATERAL (VALUES
    (1, 'row-level security', CASE WHEN relrowsecurity AND relforcerowsecurity THEN 'forced'
      WHEN relrowsecurity THEN 'enabled' ELSE 'off' END),
    (2, 'owner', CASE WHEN relrowsecurity THEN pg_get_userbyid(relowner)::text ELSE 'any' END)
  ) v (nth, property, value)
UNION ALL
  SELECT 2, a.attnum, 'column', a.attname::text, v.* FROM t
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum, LATERAL (VALUES
    (1, 'type', format_type(a.atttypid, a.atttypmod) || coalesce(
      (SELECT ' (' || string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder) || ')'
        FROM pg_enum e WHERE e.enumtypid = a.atttypid), '')),
    (2, 'nullable', CASE WHEN a.attnotnull THEN 'no' ELSE 'yes' END),
    (3, 'default', CASE WHEN a.attgenerated <> '' THEN 'generated ' WHEN a.attidentity <> ''
      THEN 'identity' ELSE '' END || coalesce(pg_get_expr(d.adbin, d.adrelid),
      CASE WHEN a.attidentity = '' THEN 'none' ELSE '' END))
  ) v (nth, property, value)
UNION ALL
  SELECT 3, 0, CASE WHEN i.indisprimary THEN 'primary key' ELSE 'index' END,
    CASE WHEN i.indisprimary THEN t.relname ELSE c.relname END::text, 1, 'definition',
    CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END ||
    substring(pg_get_indexdef(c.oid) FROM position(' USING ' IN pg_get_indexdef(c.oid)) + 7) ||
    CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END
  FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid
UNION ALL
  SELECT 4, 0, CASE c.contype WHEN 'f' THEN 'foreign key' ELSE 'check' END, c.conname::text, 1,
    'definition', pg_get_constraintdef(c.oid)
  FROM t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype IN ('f', 'c')
UNION ALL
  SELECT 5, 0, 'trigger', g.tgname::text, v.*
  FROM t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
  JOIN pg_proc p ON p.oid = g.tgfoid, LATERAL (VALUES
    (1, 'state', CASE g.tgenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' ELSE 'replica' END),
    (2, 'events', g.tgtype::text),
    (3, 'function', p.prosrc || coalesce(' ' || p.proconfig::text, ''))
  ) v (nth, property, value)
UNION ALL
  SELECT 6, 0, 'policy', p.polname::text, v.* FROM t JOIN pg_policy p ON p.polrelid = t.oid,
  LATERAL (VALUES
    (1, 'command', CASE p.polpermissive WHEN true THEN '' ELSE 'restrictive ' END || p.polcmd::text),
    (2, 'roles', (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r)::text END,
      ', ' ORDER BY r) FROM unnest(p.polroles) r)),
    (3, 'using', pg_get_expr(p.polqual, p.polrelid)),
    (4, 'with check', pg_get_expr(p.polwithcheck, p.polrelid))
  ) v (nth, property, value)
) facts (kind, place, object, name, nth, property, value) ORDER BY kind, place, name, nth"#;

// SQLite keeps neither the names of foreign keys nor those of UNIQUE constraints.
const SQLITE: &str = r#"
SELECT object, name, property, value FROM (
  SELECT 1 AS kind, 0 AS place, 'table' AS object, name, 1 AS nth, 'kind' AS property, 'table' AS value
  FROM sqlite_master WHERE type = 'table' AND name = {table}
UNION ALL
  SELECT 2, cid, 'column', name, 1, 'type', lower(type) FROM pragma_table_xinfo({table})
UNION ALL
  SELECT 2, cid, 'column', name, 2, 'nullable', CASE "notnull" WHEN 0 THEN 'yes' ELSE 'no' END
  FROM pragma_table_xinfo({table})
UNION ALL
  SELECT 2, cid, 'column', name, 3, 'default',
    coalesce(dflt_value, CASE WHEN hidden > 1 THEN 'generated' ELSE 'none' END)
  FROM pragma_table_xinfo({table})
UNION ALL
  SELECT 3, 0, 'primary key', {table}, 1, 'definition', group_concat(name, ', ')
  FROM (SELECT name FROM pragma_table_xinfo({table}) WHERE pk > 0 ORDER BY pk) HAVING count(*) > 0
UNION ALL
  SELECT 3, 0, 'index', CASE il.origin WHEN 'u' THEN 'unique (' || columns.list || ')' ELSE il.name END,
    1, 'definition', CASE il."unique" WHEN 1 THEN 'UNIQUE ' ELSE '' END || '(' || columns.list || ')' ||
    CASE il.partial WHEN 1 THEN substr(m.sql, instr(upper(m.sql), ' WHERE ')) ELSE '' END
  FROM pragma_index_list({table}) il LEFT JOIN sqlite_master m ON m.type = 'index' AND m.name = il.name
  JOIN (SELECT l.name AS "index", (SELECT group_concat(coalesce(i.name, '(expression)'), ', ')
    FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno) i) AS list
    FROM pragma_index_list({table}) l) columns ON columns."index" = il.name
  WHERE il.origin <> 'pk'
UNION ALL
  SELECT 4, 0, 'foreign key', group_concat("from", ', ') || ' -> ' || "table", 1, 'definition',
    coalesce(group_concat("to", ', '), '') || ' ON UPDATE ' || on_update || ' ON DELETE ' || on_delete
  FROM (SELECT * FROM pragma_foreign_key_list({table}) ORDER BY id, seq) GROUP BY id
UNION ALL
  SELECT 5, 0, 'trigger', name, 1, 'definition', sql
  FROM sqlite_master WHERE type = 'trigger' AND tbl_name = {table}
) ORDER BY kind, place, name, nth"#;
