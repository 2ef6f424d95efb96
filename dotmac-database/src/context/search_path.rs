//! `SearchPath`: where a session of a tenant with a schema looks for tables.

use super::{SchemaName, TenantId};
use crate::error::{Error, Result, TenancyError};
use crate::ident::{literal, quote};

/// Where sessions look for tables that name no schema: in the tenant's schema first, then in those that
/// are added, in their order.
///
/// Every schema of the path must exist, and the role must have USAGE on it. PostgreSQL's own
/// `pg_catalog` comes first, and temporary tables come last, so that they hide nothing. `public` is no
/// part of it unless [`and_public`](Self::and_public) says so.
///
/// ```
/// use dotmac_database::{SchemaName, SearchPath};
///
/// # fn main() -> dotmac_database::Result<()> {
/// let path = SearchPath::tenant().and(SchemaName::parse("shared")?);
/// # let _ = path; Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPath {
    additional: Vec<SchemaName>,
    public: bool,
}

const PUBLIC: &str = "public";

impl SearchPath {
    /// The tenant's schema, and no other.
    pub fn tenant() -> Self {
        SearchPath {
            additional: Vec::new(),
            public: false,
        }
    }

    /// A schema that all tenants share, such as one of extensions or of reference data.
    ///
    /// A table that a tenant's schema lacks is looked for there, for reads and for writes.
    pub fn and(mut self, schema: SchemaName) -> Self {
        self.additional.push(schema);
        self
    }

    /// `public` as the last one. A table that a tenant's schema lacks is looked for there, for reads and
    /// for writes.
    pub fn and_public(self) -> Self {
        SearchPath {
            public: true,
            ..self
        }
    }

    /// Refuses a schema for all that belongs to one tenant.
    pub(crate) fn check(&self) -> Result<()> {
        let is_tenants = |schema: &&SchemaName| schema.tenant().is_some();
        match self.additional.iter().find(is_tenants) {
            Some(schema) => Err(Error::Config {
                variable: "schemas",
                reason: format!(
                    "names \"{schema}\" for all tenants, which is the schema of one: rename it"
                ),
            }),
            None => Ok(()),
        }
    }

    /// The schemas that sessions of all tenants see, unquoted.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &str> {
        let public = self.public.then_some(PUBLIC);
        self.additional.iter().map(SchemaName::as_str).chain(public)
    }

    /// The path of a session; without a tenant it has the shared schemas only.
    pub(crate) fn of(&self, tenant: Option<&TenantId>) -> Result<SessionPath> {
        let own = tenant.map(SchemaName::of).transpose()?;
        let own = own.as_ref().map(SchemaName::as_str);
        let schemas = own.into_iter().chain(self.shared());
        Ok(SessionPath(schemas.map(str::to_owned).collect()))
    }

    /// The path of work in a schema of any name.
    pub(crate) fn within(&self, schema: &SchemaName) -> Result<SessionPath> {
        self.check()?;
        let schemas = std::iter::once(schema.as_str()).chain(self.shared());
        Ok(SessionPath(schemas.map(str::to_owned).collect()))
    }
}

/// The schemas of one session's path, unquoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPath(Vec<String>);

impl SessionPath {
    /// The statement that gives the running transaction this path.
    pub fn set_local(&self) -> String {
        let mut sql = "SET LOCAL search_path=".to_owned();
        for schema in &self.0 {
            sql.push_str(&quote(schema));
            sql.push(',');
        }
        // Left out, it would come first.
        sql.push_str("pg_temp;");
        sql
    }

    /// The statement that fails where a schema of the path does not exist (3F000), or may not be used
    /// (42501): PostgreSQL skips both in silence.
    pub fn check(&self) -> String {
        let mut sql = String::new();
        for schema in &self.0 {
            let schema = quote(schema);
            sql.push_str(if sql.is_empty() { "SELECT " } else { "," });
            sql.push_str(&literal(&schema));
            // Looking for any table in it asks for the right to use it.
            sql.push_str("::regnamespace,to_regclass(");
            sql.push_str(&literal(&format!("{schema}.any")));
            sql.push(')');
        }
        if !sql.is_empty() {
            sql.push(';');
        }
        sql
    }

    /// The schema that [`check`](Self::check) failed on, by what the server said of it.
    pub fn unknown(&self, message: &str) -> Option<TenancyError> {
        let named = self.0.iter().filter(|schema| message.contains(*schema));
        // A name may be part of another; the server says one.
        let schema = named.max_by_key(|schema| schema.len()).or(self.0.first())?;
        Some(TenancyError::UnknownSchema {
            schema: schema.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(name: &str) -> SchemaName {
        SchemaName::parse(name).expect("valid")
    }

    #[test]
    fn path_is_quoted_and_ends_with_temporary_tables() {
        let acme = TenantId::parse("acme-1").expect("valid");
        let path = SearchPath::tenant().and(schema("shared")).and_public();
        let own = path.of(Some(&acme)).expect("a schema");
        assert_eq!(
            own.set_local(),
            "SET LOCAL search_path=\"tenant_acme-1\",\"shared\",\"public\",pg_temp;"
        );
        let none = path.of(None).expect("a path");
        assert_eq!(
            none.set_local(),
            "SET LOCAL search_path=\"shared\",\"public\",pg_temp;"
        );
        let nothing = SearchPath::tenant().of(None).expect("a path");
        assert_eq!(nothing.set_local(), "SET LOCAL search_path=pg_temp;");
        assert_eq!(nothing.check(), "");
    }

    #[test]
    fn every_schema_is_asked_for() {
        let path = SearchPath::tenant().and(schema("shared")).of(None);
        assert_eq!(
            path.expect("a path").check(),
            "SELECT '\"shared\"'::regnamespace,to_regclass('\"shared\".any');"
        );
    }

    #[test]
    fn unknown_schema_is_the_one_that_the_server_names() {
        let acme = TenantId::parse("a").expect("valid");
        let path = SearchPath::tenant().and(schema("tenant")).of(Some(&acme));
        let path = path.expect("a schema");
        let unknown = |message: &str| path.unknown(message).map(|it| it.to_string());
        let named = |schema: &str| {
            let schema = schema.to_owned();
            Some(TenancyError::UnknownSchema { schema }.to_string())
        };
        assert_eq!(
            unknown("Schema »tenant_a« existiert nicht"),
            named("tenant_a")
        );
        assert_eq!(unknown("schema \"tenant\" does not exist"), named("tenant"));
    }

    #[test]
    fn schema_of_one_tenant_is_not_for_all() {
        let path = SearchPath::tenant().and(schema("tenant_acme"));
        assert!(path.check().is_err());
    }
}
