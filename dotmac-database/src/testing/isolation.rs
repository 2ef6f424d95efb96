//! Assertions about isolation, for a program's own tests.

use std::fmt::Debug;
use std::panic::Location;

use sea_orm::sea_query::{Expr, LockType, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityName, EntityTrait, Iterable,
    ModelTrait, PrimaryKeyToColumn, QueryFilter, Value,
};

use crate::context::RequestContext;
use crate::entity::TenantAware;
use crate::error::{Error, ErrorKind};
use crate::session::{Database, Session};

/// A tenant that a test acts as.
///
/// # Examples
/// ```no_run
/// # mod order {
/// #     use dotmac_database::prelude::*;
/// #     #[dotmac_database::model]
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
/// #     #[sea_orm(table_name = "orders")]
/// #     pub struct Model { pub number: String }
/// # }
/// use dotmac_database::prelude::*;
/// use dotmac_database::testing::{acting_as, assert_refused};
///
/// # async fn test(db: Database) -> Result<(), Error> {
/// let (acme, beta) = (acting_as(&db, "acme"), acting_as(&db, "beta"));
/// let new = order::ActiveModel { number: Set("A-1".into()), ..Default::default() };
/// let order = acme.write(async |tx| new.insert(tx).await).await?;
/// beta.assert_invisible(&order).await;
///
/// let mut stolen = order.into_active_model();
/// stolen.tenant_id = Set("beta".into());
/// assert_refused(acme.write(async |tx| stolen.update(tx).await).await);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ActingTenant {
    db: Database,
    context: RequestContext,
}

/// Acts as a tenant, as a request of it would.
///
/// # Panics
/// For what is not a tenant's id.
#[track_caller]
#[expect(clippy::panic, reason = "a test that is wrong fails")]
pub fn acting_as(db: &Database, tenant: &str) -> ActingTenant {
    match RequestContext::tenant(tenant) {
        Ok(context) => ActingTenant {
            db: db.clone(),
            context,
        },
        Err(error) => panic!("cannot act as {tenant:?}: {error}"),
    }
}

impl ActingTenant {
    /// The context that its sessions carry.
    pub fn context(&self) -> &RequestContext {
        &self.context
    }

    /// [`Database::write`] as this tenant.
    ///
    /// # Errors
    /// Those of [`Database::write`].
    pub async fn write<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E> {
        self.db.write(&self.context, work).await
    }

    /// [`Database::read`] as this tenant.
    ///
    /// # Errors
    /// Those of [`Database::read`].
    pub async fn read<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(&Session) -> Result<T, E>,
    ) -> Result<T, E> {
        self.db.read(&self.context, work).await
    }

    /// Asserts that this tenant cannot find, count, lock, update or remove `row`, through SeaORM and by
    /// statements without any scope. What it tries is rolled back.
    ///
    /// # Panics
    /// Where the row is reached; where it belongs to this tenant, or its own tenant does not see it, so
    /// that the assertion would prove nothing; on SQLite, which has no row-level security.
    #[track_caller]
    pub fn assert_invisible<M>(&self, row: &M) -> impl Future<Output = ()>
    where
        M: ModelTrait + Sync,
        M::Entity: TenantAware,
    {
        let at = Location::caller();
        async move {
            if let Err(reached) = self.fail_to_reach(row).await {
                #[expect(clippy::panic, reason = "this is what an assertion does")]
                {
                    panic!("{reached}, asserted at {at}");
                }
            }
        }
    }

    async fn fail_to_reach<M>(&self, row: &M) -> Result<(), String>
    where
        M: ModelTrait,
        M::Entity: TenantAware,
    {
        let table = M::Entity::default().table_name().to_owned();
        let me = self.context.tenant_id().map_or("", |id| id.as_str());
        let owner = owner(row);
        if owner == me {
            return Err(format!("the row of `{table}` belongs to `{me}` itself"));
        }
        let error =
            |error: Error| format!("the row of `{table}` could not be looked for: {error:?}");
        let owner = RequestContext::tenant(&owner).map_err(error)?;
        let seen = self.db.read(&owner, async |tx| select(row, tx).await);
        if !seen.await.map_err(error)? {
            return Err(format!(
                "the row of `{table}` is not there for its own tenant either"
            ));
        }
        let session = self.db.begin(&self.context).map_err(error)?;
        for (what, reached) in [
            ("found", find(row, &session).await),
            ("selected", select(row, &session).await),
            ("locked", lock(row, &session).await),
            ("updated", update(row, &session).await),
            ("removed", remove(row, &session).await),
        ] {
            match reached {
                Ok(false) => {}
                Ok(true) => return Err(format!("tenant `{me}` {what} a foreign row of `{table}`")),
                Err(error) => {
                    return Err(format!(
                        "tenant `{me}` met an error where a foreign row of `{table}` should not \
                         have been {what}: {error:?}"
                    ));
                }
            }
        }
        session.rollback().await.map_err(error)
    }
}

/// Asserts that isolation, and nothing else, refused something: a foreign or missing tenant, a row that
/// is not there for this tenant, a lacking privilege, SQL that would change the context.
///
/// # Panics
/// Where it was not refused, or for another reason.
#[track_caller]
#[expect(clippy::panic, reason = "this is what an assertion does")]
pub fn assert_refused<T: Debug, E: Into<Error>>(result: Result<T, E>) {
    match result.map_err(Into::into) {
        Ok(value) => panic!("not refused: {value:?}"),
        Err(error) => match error.kind() {
            ErrorKind::ForeignTenant
            | ErrorKind::MissingTenant
            | ErrorKind::OutsideSession
            | ErrorKind::NotFound
            | ErrorKind::Denied
            | ErrorKind::ContextChange => {}
            _ => panic!("refused for another reason than isolation: {error:?}"),
        },
    }
}

/// Asserts that the login of `db` is bound by row-level security on the table of every tenant-aware
/// entity that is linked into the program.
///
/// # Panics
/// Where [`Database::check`] finds something, with the remedy; on SQLite, which protects nothing.
#[track_caller]
pub fn assert_every_tenant_table_is_protected(db: &Database) -> impl Future<Output = ()> {
    let at = Location::caller();
    async move {
        let unprotected = match db.backend() {
            DbBackend::Postgres => db.check().await.err().map(|error| error.to_string()),
            _ => Some("the database has no row-level security".to_owned()),
        };
        if let Some(unprotected) = unprotected {
            #[expect(clippy::panic, reason = "this is what an assertion does")]
            {
                panic!("{unprotected}, asserted at {at}");
            }
        }
    }
}

async fn find<M>(row: &M, db: &Session) -> Result<bool, Error>
where
    M: ModelTrait,
    M::Entity: TenantAware,
{
    let found = M::Entity::find().filter(key(row)).one(db).await?;
    Ok(found.is_some())
}

async fn select<M: ModelTrait>(row: &M, db: &Session) -> Result<bool, Error> {
    let mut query = Query::select();
    let query = query
        .expr(Expr::val(1))
        .from(table::<M>())
        .cond_where(key(row));
    Ok(db.query_one(query).await?.is_some())
}

async fn lock<M: ModelTrait>(row: &M, db: &Session) -> Result<bool, Error> {
    let mut query = Query::select();
    let query = query
        .expr(Expr::val(1))
        .from(table::<M>())
        .cond_where(key(row));
    Ok(db.query_one(query.lock(LockType::Update)).await?.is_some())
}

async fn update<M>(row: &M, db: &Session) -> Result<bool, Error>
where
    M: ModelTrait,
    M::Entity: TenantAware,
{
    let tenant = M::Entity::TENANT_ID;
    let mut query = Query::update();
    let query = query.table(table::<M>()).value(tenant, Expr::col(tenant));
    Ok(db
        .execute(query.cond_where(key(row)))
        .await?
        .rows_affected()
        > 0)
}

async fn remove<M: ModelTrait>(row: &M, db: &Session) -> Result<bool, Error> {
    let mut query = Query::delete();
    let query = query.from_table(table::<M>()).cond_where(key(row));
    Ok(db.execute(query).await?.rows_affected() > 0)
}

fn table<M: ModelTrait>() -> sea_orm::sea_query::TableRef {
    M::Entity::default().table_ref()
}

fn key<M: ModelTrait>(row: &M) -> Condition {
    <M::Entity as EntityTrait>::PrimaryKey::iter().fold(Condition::all(), |all, key| {
        let column = key.into_column();
        all.add(column.eq(row.get(column)))
    })
}

/// The tenant's id, as a context spells it.
fn owner<M>(row: &M) -> String
where
    M: ModelTrait,
    M::Entity: TenantAware,
{
    match row.get(<M::Entity as TenantAware>::TENANT_ID) {
        Value::String(Some(id)) => id,
        Value::Uuid(Some(id)) => id.to_string(),
        Value::BigInt(Some(id)) => id.to_string(),
        _ => String::new(),
    }
}
