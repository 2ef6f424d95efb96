//! The tenant as a condition of a statement's own, beside the policy.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DeleteMany, EntityName, QueryFilter, Select, UpdateMany,
};

use crate::context::{TenantKey, context_of};
use crate::entity::TenantAware;
use crate::error::{Error, Result};

/// Says the session's tenant in the statement.
///
/// On PostgreSQL no row more or less is met: the policy sees to it already. But the policy hides its
/// value from the planner, which then takes every tenant for one of average size. A statement that says
/// the value itself is planned for the tenant as it is, which matters where one has most of the rows. On
/// SQLite, which has no policies, the condition is what holds tenants apart.
///
/// `delete_many` of a soft-deletable entity says it by itself. A tenant that is not the session's is [`TenantAware::find_in`]'s.
///
/// ```
/// # use dotmac_database::prelude::*;
/// # mod order {
/// #     use dotmac_database::prelude::*;
/// #     #[dotmac_database::model]
/// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
/// #     pub struct Model {
/// #         pub total_cents: i64,
/// #     }
/// # }
/// # async fn example(tx: &Session) -> Result<(), Error> {
/// let large = order::Entity::find()
///     .filter(order::Column::TotalCents.gt(100_000))
///     .in_tenant(tx)?
///     .all(tx)
///     .await?;
/// # Ok(()) }
/// ```
pub trait InTenant: Sized {
    /// The same statement, about rows of the session's tenant only.
    ///
    /// # Errors
    /// [`Error::OutsideSession`] where `db` is no session, [`Error::MissingTenant`] where the session has
    /// no tenant, [`Error::InvalidTenant`] where its id does not fit the column.
    fn in_tenant<C: ConnectionTrait>(self, db: &C) -> Result<Self>;
}

impl<E: TenantAware> InTenant for Select<E> {
    fn in_tenant<C: ConnectionTrait>(self, db: &C) -> Result<Self> {
        Ok(self.filter(is_own::<E, C>(db)?))
    }
}

impl<E: TenantAware> InTenant for UpdateMany<E> {
    fn in_tenant<C: ConnectionTrait>(self, db: &C) -> Result<Self> {
        Ok(self.filter(is_own::<E, C>(db)?))
    }
}

impl<E: TenantAware> InTenant for DeleteMany<E> {
    fn in_tenant<C: ConnectionTrait>(self, db: &C) -> Result<Self> {
        Ok(self.filter(is_own::<E, C>(db)?))
    }
}

fn is_own<E: TenantAware, C: ConnectionTrait>(db: &C) -> Result<Expr> {
    let entity = || EntityName::table_name(&E::default()).to_owned();
    let context = context_of(db).ok_or_else(|| Error::OutsideSession { entity: entity() })?;
    let tenant = context
        .tenant_id()
        .ok_or_else(|| Error::MissingTenant { entity: entity() })?;
    Ok(E::TENANT_ID.into_expr().eq(E::Key::KIND.value(tenant)?))
}
