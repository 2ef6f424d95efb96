//! Which objects of a database are looked at.

use wildmatch::WildMatch;

use super::literal;

/// A choice among the schemas, tables, views and indexes of a database, by name.
///
/// A name is a pattern: `*` stands for any text, `?` for one character. What no pattern was given
/// for is included; what `except_…` names never is. The system's schemas and the table of the
/// migrations (`seaql_migrations`) are always left out.
///
/// ```
/// use dotmac_database::migrate::Include;
///
/// let shop = Include::all().tables(["order*", "users"]).except_indexes(["tmp_*"]);
/// assert!(shop.has_table("public", "order_lines"));
/// assert!(!shop.has_table("public", "invoices"));
/// assert!(!shop.has_index("public", "orders", "tmp_orders_note"));
/// assert!(!Include::all().has_table("public", "seaql_migrations"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Include {
    schemas: Names,
    tables: Names,
    views: Names,
    indexes: Names,
}

impl Include {
    /// Everything but the system's schemas and the table of the migrations.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only these schemas.
    pub fn schemas<P: AsRef<str>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.schemas.included.extend(patterns(names));
        self
    }

    /// Not these schemas.
    pub fn except_schemas<P: AsRef<str>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.schemas.excluded.extend(patterns(names));
        self
    }

    /// Only these tables.
    pub fn tables<P: AsRef<str>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.tables.included.extend(patterns(names));
        self
    }

    /// Not these tables.
    pub fn except_tables<P: AsRef<str>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.tables.excluded.extend(patterns(names));
        self
    }

    /// Only these views.
    pub fn views<P: AsRef<str>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.views.included.extend(patterns(names));
        self
    }

    /// Not these views.
    pub fn except_views<P: AsRef<str>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.views.excluded.extend(patterns(names));
        self
    }

    /// Only these indexes.
    pub fn indexes<P: AsRef<str>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.indexes.included.extend(patterns(names));
        self
    }

    /// Not these indexes.
    pub fn except_indexes<P: AsRef<str>>(mut self, names: impl IntoIterator<Item = P>) -> Self {
        self.indexes.excluded.extend(patterns(names));
        self
    }

    /// Whether anything of the schema is looked at. SQLite has one schema, `main`.
    pub fn has_schema(&self, schema: &str) -> bool {
        !schema.starts_with("pg_") && schema != "information_schema" && self.schemas.has(schema)
    }

    /// Whether the table is looked at.
    pub fn has_table(&self, schema: &str, table: &str) -> bool {
        !MIGRATIONS.contains(&table) && self.has_schema(schema) && self.tables.has(table)
    }

    /// Whether the view is looked at.
    pub fn has_view(&self, schema: &str, view: &str) -> bool {
        self.has_schema(schema) && self.views.has(view)
    }

    /// Whether the index of a table is looked at.
    pub fn has_index(&self, schema: &str, table: &str, index: &str) -> bool {
        self.has_table(schema, table) && self.indexes.has(index)
    }

    /// What [`has_table`](Self::has_table) asks, as SQL of expressions that name a schema and a table.
    pub(crate) fn table_condition(&self, schema: &str, table: &str) -> String {
        let migrations = MIGRATIONS.map(literal).join(", ");
        format!(
            "{} AND {} AND {table} NOT IN ({migrations})",
            self.schema_condition(schema),
            self.tables.condition(table),
        )
    }

    /// What [`has_schema`](Self::has_schema) asks, as SQL of an expression that names a schema.
    fn schema_condition(&self, schema: &str) -> String {
        format!(
            "NOT starts_with({schema}, 'pg_') AND {schema} <> 'information_schema' AND {}",
            self.schemas.condition(schema),
        )
    }
}

/// The tables in which sea-orm-migration remembers what it has applied, the second one for tenants of a database
/// that has both.
const MIGRATIONS: [&str; 2] = ["seaql_migrations", "seaql_migrations_tenant"];

#[derive(Debug, Clone, Default)]
struct Names {
    included: Vec<WildMatch>,
    excluded: Vec<WildMatch>,
}

impl Names {
    fn has(&self, name: &str) -> bool {
        let any = |patterns: &[WildMatch]| patterns.iter().any(|pattern| pattern.matches(name));
        (self.included.is_empty() || any(&self.included)) && !any(&self.excluded)
    }

    fn condition(&self, name: &str) -> String {
        let any = |patterns: &[WildMatch]| {
            let matches = |it| format!("{name} LIKE {} ESCAPE '!'", literal(&like(it)));
            Vec::from_iter(patterns.iter().map(matches)).join(" OR ")
        };
        let included = match self.included.is_empty() {
            true => "true".to_owned(),
            false => any(&self.included),
        };
        match self.excluded.is_empty() {
            true => format!("({included})"),
            false => format!("({included}) AND NOT ({})", any(&self.excluded)),
        }
    }
}

/// The pattern as LIKE has it, with `!` before what is meant as it stands.
fn like(pattern: &WildMatch) -> String {
    let mut like = String::new();
    for character in pattern.to_string().chars() {
        match character {
            '*' => like.push('%'),
            '?' => like.push('_'),
            '%' | '_' | '!' => like.extend(['!', character]),
            other => like.push(other),
        }
    }
    like
}

fn patterns<P: AsRef<str>>(names: impl IntoIterator<Item = P>) -> impl Iterator<Item = WildMatch> {
    names.into_iter().map(|name| WildMatch::new(name.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::Include;

    #[test]
    fn exclusion_wins_over_inclusion() {
        let include = Include::all().tables(["order*"]).except_tables(["orders"]);
        assert!(include.has_table("public", "order_lines"));
        assert!(!include.has_table("public", "orders"));
    }

    #[test]
    fn excluded_schema_hides_all_in_it() {
        let include = Include::all().schemas(["tenant_?"]);
        assert!(include.has_view("tenant_a", "totals"));
        assert!(!include.has_view("tenant_ab", "totals"));
        assert!(!include.has_index("public", "orders", "idx_orders_user_id"));
    }

    #[test]
    fn names_without_pattern_are_exact() {
        let include = Include::all().views(["totals"]);
        assert!(include.has_view("public", "totals"));
        assert!(!include.has_view("public", "totals_old"));
    }

    #[test]
    fn condition_asks_for_the_same_names() {
        let include = Include::all()
            .tables(["order*", "a_b?"])
            .except_tables(["50%'!"]);
        assert_eq!(
            include.tables.condition("t"),
            "(t LIKE 'order%' ESCAPE '!' OR t LIKE 'a!_b_' ESCAPE '!') \
             AND NOT (t LIKE '50!%''!!' ESCAPE '!')",
        );
        assert_eq!(Include::all().tables.condition("t"), "(true)");
    }

    #[test]
    fn system_schemas_and_migrations_cannot_be_included() {
        let include = Include::all()
            .schemas(["*"])
            .tables(["*", "seaql_migrations"]);
        assert!(!include.has_table("pg_catalog", "pg_class"));
        assert!(!include.has_table("information_schema", "tables"));
        assert!(!include.has_table("public", "seaql_migrations"));
    }
}
