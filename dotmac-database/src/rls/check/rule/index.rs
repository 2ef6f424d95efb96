//! Unique values and exclusions that cross tenants, and indexes that policies keep from being used.

use super::list::Rule;
use crate::rls::check::Severity::{Advice, Warning};

// Columns that an index only includes make nothing unique.
pub const RULES: [Rule; 4] = [
    Rule::new(
        "unique-global",
        Warning,
        "SELECT format('%s on %s', i.indexrelid::regclass, t.name) AS object,
            CASE WHEN i.indisexclusion
                THEN 'the constraint excludes rows of all tenants: an insert tells that another has one'
                ELSE 'the values are unique for all tenants: an insert tells that another has one' END AS why,
            format('-- Decide: make it with %I as the first column instead.' || chr(10) || '%s',
                t.tenant, CASE WHEN k.oid IS NULL THEN format('DROP INDEX %s;', i.indexrelid::regclass)
                ELSE format('ALTER TABLE %s DROP CONSTRAINT %I;', t.name, k.conname) END) AS remedy
         FROM pg_index i JOIN tables t ON t.oid = i.indrelid
         LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = t.oid
            AND k.contype IN ('u', 'x')
         WHERE (i.indisunique OR i.indisexclusion) AND NOT i.indisprimary
           AND NOT EXISTS (SELECT FROM pg_attribute a
             CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS u (num, n)
             WHERE a.attrelid = t.oid AND a.attname = t.tenant AND a.attnum = u.num
               AND n <= i.indnkeyatts
               -- Rows that differ in it must not exclude each other.
               AND (k.conexclop IS NULL
                 OR (SELECT oprname FROM pg_operator o WHERE o.oid = k.conexclop[n]) = '='))",
    ),
    Rule::new(
        "key-natural",
        Advice,
        "SELECT format('%s on %s', i.indexrelid::regclass, t.name) AS object,
            'the primary key has neither the tenant nor a UUID: a value that one tenant has is taken \
             for all, and can be guessed' AS why,
            format('-- Decide: lead the key by %I, or take a UUID.', t.tenant) AS remedy
         FROM pg_index i JOIN tables t ON t.oid = i.indrelid
         WHERE i.indisprimary
           AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid
             AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
             AND (a.attname = t.tenant OR a.atttypid = 'uuid'::regtype))",
    ),
    Rule::new(
        "index-not-led",
        Advice,
        "SELECT format('%s on %s', i.indexrelid::regclass, t.name) AS object,
            'the index does not begin with the tenant: a tenant''s query reads entries of others'
              AS why,
            format('-- Decide: make it with %I as the first column instead.' || chr(10) ||
                'DROP INDEX %s;', t.tenant, i.indexrelid::regclass) AS remedy
         FROM pg_index i JOIN tables t ON t.oid = i.indrelid
         JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
         WHERE NOT i.indisunique AND NOT i.indisexclusion AND m.amname IN ('btree', 'hash')
           AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid
             AND a.attname = t.tenant AND a.attnum = i.indkey[0])",
    ),
    // An operator whose function may tell of its arguments runs after the policy, on all its rows.
    Rule::new(
        "index-not-leakproof",
        Advice,
        "SELECT DISTINCT format('%s on %s', i.indexrelid::regclass, t.name) AS object,
            format('policies keep queries from the index: %s is not leakproof', o.oid::regoperator)
              AS why,
            '-- Decide: compare by a generated column, a range or an integer instead; see the guide \
             on fast queries.' AS remedy
         FROM pg_index i JOIN tables t ON t.oid = i.indrelid
         CROSS JOIN LATERAL unnest(i.indclass) AS class (oid)
         JOIN pg_opclass c ON c.oid = class.oid
         JOIN pg_am m ON m.oid = c.opcmethod
         JOIN LATERAL (
            SELECT op.oid FROM pg_amop a JOIN pg_operator op ON op.oid = a.amopopr
            JOIN pg_proc f ON f.oid = op.oprcode
            WHERE a.amopfamily = c.opcfamily AND a.amoplefttype = c.opcintype AND NOT f.proleakproof
              AND (m.amname <> 'btree' OR a.amopstrategy = 3)
            ORDER BY a.amopstrategy LIMIT 1) AS o ON true",
    ),
];
