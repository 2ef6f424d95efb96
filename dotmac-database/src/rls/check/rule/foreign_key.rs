//! Foreign keys between tenants' tables that do not include the tenant.

use super::list::Rule;
use crate::rls::check::Severity::Danger;

pub const RULES: [Rule; 1] = [Rule::new(
    "foreign-key-single",
    Danger,
    "SELECT format('%I on %s', k.conname, child.name) AS object,
        format('a row may refer to another tenant''s row of %s, and a cascade crosses', parent.name)
          AS why,
        format('ALTER TABLE %1$s DROP CONSTRAINT %2$I;' || chr(10) ||
            'ALTER TABLE %1$s ADD CONSTRAINT %2$I FOREIGN KEY (%3$s) REFERENCES %4$s (%5$s);',
            child.name, k.conname,
            concat_ws(', ', quote_ident(child.tenant), (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY n)
               FROM unnest(k.conkey) WITH ORDINALITY AS u (num, n)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num)),
            parent.name,
            concat_ws(', ', quote_ident(parent.tenant), (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY n)
               FROM unnest(k.confkey) WITH ORDINALITY AS u (num, n)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num))) AS remedy
     FROM pg_constraint k
     JOIN (SELECT oid, name, tenant FROM tables
        UNION ALL SELECT oid, name, tenant FROM others WHERE tenant IS NOT NULL) AS child
       ON child.oid = k.conrelid
     JOIN tables parent ON parent.oid = k.confrelid
     WHERE k.contype = 'f'
       AND NOT EXISTS (
         SELECT FROM unnest(k.conkey, k.confkey) AS pair (own, theirs)
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = pair.own
         JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = pair.theirs
         WHERE a.attname = child.tenant AND b.attname = parent.tenant)",
)];
