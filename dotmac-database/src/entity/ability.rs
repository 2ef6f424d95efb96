//! The traits behind the derives, for callers and for bounds.

use async_trait::async_trait;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, Select,
};

use super::feature::{AuditColumns, SoftDeleteColumns, TimestampColumns};
use super::scope;
use crate::context::{TenantId, TenantKey};
use crate::error::Result;

/// An entity with `id`, `created_at` and `updated_at`.
pub trait BaseModel: Timestamps {}

/// An entity that knows when its rows were written.
pub trait Timestamps: EntityTrait {
    /// Its columns.
    const TIMESTAMPS: TimestampColumns<Self::Column>;
}

/// An entity that knows who wrote its rows, and in which request.
pub trait Audited: EntityTrait {
    /// Its columns.
    const AUDIT: AuditColumns<Self::Column>;
}

/// An entity whose rows are deleted by a mark.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` are not soft-deleted",
    note = "add `SoftDelete` to the derive list of its `Model`"
)]
pub trait SoftDelete: EntityTrait {
    /// Its columns.
    const MARKS: SoftDeleteColumns<Self::Column>;

    /// All rows, the deleted ones too.
    fn find_with_deleted() -> Select<Self> {
        scope::bare::<Self>()
    }

    /// The deleted rows only.
    fn only_deleted() -> Select<Self> {
        scope::bare::<Self>().filter(Self::MARKS.deleted_at.is_not_null())
    }
}

/// An entity whose rows belong to one tenant each.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` do not belong to tenants",
    note = "add `TenantAware` to the derive list of its `Model`"
)]
pub trait TenantAware: EntityTrait {
    /// The type of its tenant column.
    type Key: TenantKey;
    /// Its tenant column.
    const TENANT_ID: Self::Column;

    /// The rows of a tenant who is named, whoever the session's is.
    ///
    /// On PostgreSQL the policy still shows no rows but the session's, to all but the migrator and the
    /// system role; on SQLite this condition is all there is. For the session's own tenant:
    /// `find().in_tenant(tx)`.
    ///
    /// # Errors
    /// [`Error::InvalidTenant`](crate::Error::InvalidTenant) where the id does not fit the column.
    fn find_in(tenant: &TenantId) -> Result<Select<Self>> {
        let value = Self::Key::KIND.value(tenant)?;
        Ok(Self::find().filter(Self::TENANT_ID.into_expr().eq(value)))
    }
}

/// An entity whose rows count how often they were written, so that nobody overwrites what he has not
/// seen.
#[diagnostic::on_unimplemented(
    message = "rows of `{Self}` have no version",
    note = "add `Versioned` to the derive list of its `Model`"
)]
pub trait Versioned: EntityTrait {
    /// Its version column.
    const VERSION: Self::Column;
}

/// An `ActiveModel` whose own hooks are composed with the stamps.
#[diagnostic::on_unimplemented(
    message = "`#[dotmac(hooks)]` announces hooks that are not composed with the stamps",
    note = "write `#[dotmac_database::hooks]` above `impl ActiveModelBehavior for ActiveModel`"
)]
#[async_trait]
pub trait ComposedHooks: ActiveModelTrait {
    /// The user's own hook, between the stamps.
    async fn before_save<C>(self, _db: &C, _insert: bool) -> Result<Self, DbErr>
    where
        C: ConnectionTrait,
    {
        Ok(self)
    }

    /// The user's own hook, before a row is marked or removed.
    async fn before_delete<C>(self, _db: &C) -> Result<Self, DbErr>
    where
        C: ConnectionTrait,
    {
        Ok(self)
    }
}

/// Gives every entity `SOFT_DELETE`; a soft-deletable one hides it behind an inherent `true`.
pub trait NotSoftDelete: EntityTrait {
    /// Whether rows are deleted by a mark.
    const SOFT_DELETE: bool = false;
}

impl<E: EntityTrait> NotSoftDelete for E {}
