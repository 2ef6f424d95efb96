//! `Directory`: which tenants there are, in a table of the shared schema.

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement, Value};

use super::record::COLUMNS;
use super::{Placement, SchemaVersion, TenantRecord, TenantState, Transition};
use crate::context::{RequestContext, SchemaName, TenantId};
use crate::error::{Error, Result, TenancyError};
use crate::ident::{literal, quote};
use crate::session::{Database, SessionOptions};

/// The table `dotmac_tenants` of a PostgreSQL database, made by
/// [`install_directory`](crate::migrate::install_directory).
///
/// The application reads the row of its current tenant and no other, also by raw SQL. So all but
/// [`find`](Self::find) take a connection that may see them all: the migrator's, or a session of
/// [`Database::system`].
///
/// # Guarantees
/// Each function is one statement. Each change is told to [`events`](Self::events) once it is committed,
/// whoever makes it, by raw SQL too.
///
/// # Cancel safety
/// Where a future is dropped, its change is made or not made.
#[derive(Debug, Clone)]
pub struct Directory {
    schema: String,
}

/// Which tenants [`Directory::list`] tells.
#[derive(Debug, Clone)]
pub struct Listing {
    state: Option<TenantState>,
    after: Option<TenantId>,
    limit: u32,
}

impl Default for Listing {
    fn default() -> Self {
        Listing {
            state: None,
            after: None,
            limit: Self::LIMIT,
        }
    }
}

impl Listing {
    /// How many are told at a time by default.
    pub const LIMIT: u32 = 1_000;

    /// Only those in this state.
    pub fn state(self, state: TenantState) -> Self {
        Listing {
            state: Some(state),
            ..self
        }
    }

    /// Only those whose id comes after this one: the next page, after the last tenant of the one before.
    pub fn after(self, tenant: TenantId) -> Self {
        Listing {
            after: Some(tenant),
            ..self
        }
    }

    /// So many at most.
    pub fn limit(self, limit: u32) -> Self {
        Listing { limit, ..self }
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self::new()
    }
}

impl Directory {
    /// The name of its table, and the channel of its notifications.
    pub const TABLE: &str = "dotmac_tenants";

    /// The directory in `public`.
    pub fn new() -> Self {
        Directory {
            schema: "public".to_owned(),
        }
    }

    /// The directory in another shared schema.
    pub fn in_schema(schema: &SchemaName) -> Self {
        Directory {
            schema: schema.as_str().to_owned(),
        }
    }

    /// The table, with its schema, quoted for SQL.
    pub fn table(&self) -> String {
        self.sibling(Self::TABLE)
    }

    /// Another object of its schema, quoted for SQL.
    pub(crate) fn sibling(&self, name: &str) -> String {
        format!("{}.{}", quote(&self.schema), quote(name))
    }

    /// What is known of a tenant, asked in a read session of its own, on the primary.
    ///
    /// # Errors
    /// [`Error::InvalidTenant`] for an id that does not fit the entities of the program; the database's.
    pub async fn find(&self, tenant: &TenantId, db: &Database) -> Result<Option<TenantRecord>> {
        let context = RequestContext::of(tenant.clone());
        let options = SessionOptions::read_only().on_primary();
        let session = db.begin_with(&context, options)?;
        let found = self.find_on(tenant, &session).await?;
        session.commit().await?;
        Ok(found)
    }

    /// What is known of a tenant, on a connection that may see it.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_on<C>(&self, tenant: &TenantId, db: &C) -> Result<Option<TenantRecord>>
    where
        C: ConnectionTrait,
    {
        let sql = format!(
            "SELECT {COLUMNS} FROM {} WHERE tenant_id = $1",
            self.table()
        );
        let row = one(&sql, [tenant.as_str().into()], db).await?;
        row.as_ref().map(TenantRecord::read).transpose()
    }

    /// The tenants in the order of their ids, as bytes.
    ///
    /// # Errors
    /// The database's.
    pub async fn list<C: ConnectionTrait>(
        &self,
        listing: &Listing,
        db: &C,
    ) -> Result<Vec<TenantRecord>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM {} WHERE ($1 IS NULL OR state = $1) \
             AND ($2 IS NULL OR tenant_id > $2) ORDER BY tenant_id LIMIT $3",
            self.table()
        );
        let state = listing.state.map(|state| state.as_str().to_owned());
        let after = listing.after.as_ref().map(|id| id.as_str().to_owned());
        let values = [state.into(), after.into(), i64::from(listing.limit).into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let rows = db.query_all_raw(statement).await?;
        rows.iter().map(TenantRecord::read).collect()
    }

    /// Adds a tenant: active where its rows are with those of others, else as one that is being made.
    ///
    /// A tenant with a schema of its own gets [`SchemaName::of`] it, where sessions look for it; one in
    /// another database has a schema there only where that is told. Nobody looks for rows: this is how a
    /// tenant is listed that has some already. [`Fleet::create`](crate::migrate::Fleet::create) makes one that
    /// has none.
    ///
    /// # Errors
    /// [`TenancyError::TenantExists`]; [`TenancyError::SchemaExists`] where another tenant has the
    /// schema; [`TenancyError::SchemaOfOther`] for a name that is another tenant's, and
    /// [`TenancyError::SchemaOutOfSight`] for one that sessions do not look for; [`Error::InvalidSchema`]
    /// for an id that cannot be part of a schema's name; the database's.
    pub async fn register<C: ConnectionTrait>(
        &self,
        tenant: &TenantId,
        placement: &Placement,
        schema: Option<&SchemaName>,
        db: &C,
    ) -> Result<TenantRecord> {
        let schema = match (schema, placement) {
            (Some(schema), _) => Some(schema.clone()),
            (None, Placement::Schema) => Some(SchemaName::of(tenant)?),
            (None, _) => None,
        };
        if let Some(schema) = &schema {
            schema.refuse_for_other_than(tenant)?;
            if *placement == Placement::Schema {
                schema.refuse_out_of_sight(tenant)?;
            }
        }
        let state = match placement {
            Placement::Rows => TenantState::Active,
            _ => TenantState::Creating,
        };
        let sql = format!(
            "INSERT INTO {} (tenant_id, state, placement, schema_name) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING RETURNING {COLUMNS}",
            self.table()
        );
        let schema_name = schema.as_ref().map(|schema| schema.as_str().to_owned());
        let values = [
            tenant.as_str().into(),
            state.as_str().into(),
            placement.to_string().into(),
            schema_name.into(),
        ];
        if let Some(row) = one(&sql, values, db).await? {
            return TenantRecord::read(&row);
        }
        Err(match (self.find_on(tenant, db).await?, schema) {
            (None, Some(schema)) => TenancyError::SchemaExists {
                schema: schema.to_string(),
            },
            _ => TenancyError::TenantExists {
                tenant: tenant.to_string(),
            },
        }
        .into())
    }

    /// Leads a tenant to another state, or leaves it where it is there already. Leaving a failure
    /// behind forgets its error.
    ///
    /// # Errors
    /// [`TenancyError::UnknownTenant`]; [`TenancyError::State`] where the tenant is in a state that this
    /// does not lead from, also because somebody else changed it meanwhile;
    /// [`TenancyError::SchemaOutOfSight`] where it would be served, and its schema was given another name; the
    /// database's.
    pub async fn apply<C: ConnectionTrait>(
        &self,
        transition: Transition,
        tenant: &TenantId,
        db: &C,
    ) -> Result<TenantRecord> {
        let from: Vec<String> = transition
            .from()
            .iter()
            .map(|state| format!("'{state}'"))
            .collect();
        let sql = format!(
            "UPDATE {} SET state = $2, error = CASE WHEN state = 'failed' THEN NULL ELSE error END \
             WHERE tenant_id = $1 AND state IN ({}) AND ($2 <> 'active' OR placement <> 'schema' \
             OR schema_name IS NULL OR schema_name = $3) RETURNING {COLUMNS}",
            self.table(),
            from.join(", "),
        );
        let own = SchemaName::of(tenant).ok();
        let own = own.map(|schema| schema.as_str().to_owned());
        let to = transition.to().as_str();
        let values = [tenant.as_str().into(), to.into(), own.into()];
        if let Some(row) = one(&sql, values, db).await? {
            return TenantRecord::read(&row);
        }
        let found = self.known(tenant, db).await?;
        if found.state == transition.to() {
            return Ok(found);
        }
        if transition.from().contains(&found.state) && transition.to() == TenantState::Active {
            found.refuse_out_of_sight()?;
        }
        let from: Vec<&str> = transition
            .from()
            .iter()
            .map(|state| state.as_str())
            .collect();
        Err(TenancyError::State {
            tenant: tenant.to_string(),
            state: found.state.to_string(),
            remedy: format!("it would have to be {}", from.join(" or ")),
        }
        .into())
    }

    /// Notes the version of a tenant's schema, and that nothing is wrong with it.
    ///
    /// # Errors
    /// [`TenancyError::UnknownTenant`]; the database's.
    pub async fn set_version<C: ConnectionTrait>(
        &self,
        tenant: &TenantId,
        version: &SchemaVersion,
        db: &C,
    ) -> Result<()> {
        let assignments = "schema_version = $2, error = NULL";
        self.set(tenant, assignments, version.to_string(), db).await
    }

    /// Notes what went wrong with a tenant's schema.
    ///
    /// # Errors
    /// [`TenancyError::UnknownTenant`]; the database's.
    pub async fn set_error<C: ConnectionTrait>(
        &self,
        tenant: &TenantId,
        error: &str,
        db: &C,
    ) -> Result<()> {
        // PostgreSQL stores no NUL.
        let error = error.replace('\0', "");
        self.set(tenant, "error = $2", error, db).await
    }

    /// Notes that a tenant's schema has another name.
    pub(crate) async fn set_schema<C: ConnectionTrait>(
        &self,
        tenant: &TenantId,
        schema: &SchemaName,
        db: &C,
    ) -> Result<()> {
        self.set(tenant, "schema_name = $2", schema.to_string(), db)
            .await
    }

    /// Notes that a tenant's rows are elsewhere.
    pub(crate) async fn set_place<C: ConnectionTrait>(
        &self,
        tenant: &TenantId,
        placement: &Placement,
        schema: Option<&SchemaName>,
        db: &C,
    ) -> Result<()> {
        let schema = schema.map_or_else(|| "NULL".to_owned(), |schema| literal(schema.as_str()));
        let assignments = format!("placement = $2, schema_version = NULL, schema_name = {schema}");
        self.set(tenant, &assignments, placement.to_string(), db)
            .await
    }

    /// Forgets a tenant; nothing where it is unknown, or in another state than this one.
    pub(crate) async fn forget<C: ConnectionTrait>(
        &self,
        tenant: &TenantId,
        state: TenantState,
        db: &C,
    ) -> Result<()> {
        let sql = format!(
            "DELETE FROM {} WHERE tenant_id = $1 AND state = $2",
            self.table()
        );
        let values = [tenant.as_str().into(), state.as_str().into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        db.execute_raw(statement).await?;
        Ok(())
    }

    /// What is known of a tenant that has to be there.
    pub(crate) async fn known<C>(&self, tenant: &TenantId, db: &C) -> Result<TenantRecord>
    where
        C: ConnectionTrait,
    {
        let found = self.find_on(tenant, db).await?;
        found.ok_or_else(|| unknown(tenant))
    }

    async fn set<C: ConnectionTrait>(
        &self,
        tenant: &TenantId,
        assignments: &str,
        value: String,
        db: &C,
    ) -> Result<()> {
        let sql = format!(
            "UPDATE {} SET {assignments} WHERE tenant_id = $1",
            self.table()
        );
        let values = [tenant.as_str().into(), value.into()];
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        match db.execute_raw(statement).await?.rows_affected() {
            0 => Err(unknown(tenant)),
            _ => Ok(()),
        }
    }
}

fn unknown(tenant: &TenantId) -> Error {
    let tenant = tenant.to_string();
    TenancyError::UnknownTenant { tenant }.into()
}

async fn one<C: ConnectionTrait>(
    sql: &str,
    values: impl IntoIterator<Item = Value>,
    db: &C,
) -> Result<Option<QueryResult>> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    Ok(db.query_one_raw(statement).await?)
}
