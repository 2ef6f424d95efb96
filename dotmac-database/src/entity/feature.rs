//! The columns that the derives gave an entity, by role.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, IdenStatic};

use super::cached::CachedTable;
use crate::context::TenantKind;

/// The columns of an entity that have a role; `C` is its `Column`, or the name in the database.
#[derive(Debug, Clone, Copy)]
pub struct Features<C> {
    /// The UUID key that is made at insert.
    pub client_key: Option<C>,
    /// `Timestamps` and `BaseModel`.
    pub timestamps: Option<TimestampColumns<C>>,
    /// `SoftDelete`.
    pub soft_delete: Option<SoftDeleteColumns<C>>,
    /// `Audited`.
    pub audit: Option<AuditColumns<C>>,
    /// `TenantAware`.
    pub tenant: Option<TenantColumn<C>>,
    /// `Versioned`.
    pub version: Option<C>,
}

/// The columns of `Timestamps`.
#[derive(Debug, Clone, Copy)]
pub struct TimestampColumns<C> {
    /// When the row was inserted.
    pub created_at: C,
    /// When the row was last written.
    pub updated_at: C,
}

/// The columns of `SoftDelete`.
#[derive(Debug, Clone, Copy)]
pub struct SoftDeleteColumns<C> {
    /// When the row was deleted.
    pub deleted_at: C,
    /// Who deleted it.
    pub deleted_by: C,
    /// The deletion that took it.
    pub deletion_id: C,
    /// Generated: whether it lives.
    pub is_active: C,
}

/// The columns of `Audited`.
#[derive(Debug, Clone, Copy)]
pub struct AuditColumns<C> {
    /// Who inserted the row.
    pub created_by: C,
    /// Who last wrote it.
    pub updated_by: C,
    /// The request that last wrote it.
    pub request_id: C,
}

/// The column of `TenantAware`.
#[derive(Debug, Clone, Copy)]
pub struct TenantColumn<C> {
    /// The tenant the row belongs to.
    pub tenant_id: C,
    /// The column's type.
    pub kind: TenantKind,
}

impl<C> Features<C> {
    /// An entity without any of our derives.
    pub const NONE: Self = Features {
        client_key: None,
        timestamps: None,
        soft_delete: None,
        audit: None,
        tenant: None,
        version: None,
    };
}

impl<C: IdenStatic> Features<C> {
    /// The same, with the names that the columns have in the database.
    pub fn names(&self) -> Features<&'static str> {
        Features {
            client_key: self.client_key.map(|key| key.as_str()),
            timestamps: self.timestamps.map(|columns| TimestampColumns {
                created_at: columns.created_at.as_str(),
                updated_at: columns.updated_at.as_str(),
            }),
            soft_delete: self.soft_delete.map(|columns| SoftDeleteColumns {
                deleted_at: columns.deleted_at.as_str(),
                deleted_by: columns.deleted_by.as_str(),
                deletion_id: columns.deletion_id.as_str(),
                is_active: columns.is_active.as_str(),
            }),
            audit: self.audit.map(|columns| AuditColumns {
                created_by: columns.created_by.as_str(),
                updated_by: columns.updated_by.as_str(),
                request_id: columns.request_id.as_str(),
            }),
            tenant: self.tenant.map(|tenant| TenantColumn {
                tenant_id: tenant.tenant_id.as_str(),
                kind: tenant.kind,
            }),
            version: self.version.map(|version| version.as_str()),
        }
    }
}

impl Features<&'static str> {
    /// What every update writes: who did so, in which request, and when.
    pub fn stamped_on_update(&self) -> [Option<&'static str>; 3] {
        [
            self.timestamps.map(|columns| columns.updated_at),
            self.audit.map(|columns| columns.updated_by),
            self.audit.map(|columns| columns.request_id),
        ]
    }

    /// What either of two derives of one entity brought.
    pub fn or(self, other: Self) -> Self {
        Features {
            client_key: self.client_key.or(other.client_key),
            timestamps: self.timestamps.or(other.timestamps),
            soft_delete: self.soft_delete.or(other.soft_delete),
            audit: self.audit.or(other.audit),
            tenant: self.tenant.or(other.tenant),
            version: self.version.or(other.version),
        }
    }
}

/// An entity under `#[dotmac_database::model]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no features of dotmac-database",
    note = "put `#[dotmac_database::model]` above the `#[derive(…)]` of its `Model`"
)]
pub trait Featured: EntityTrait {
    /// The columns with a role.
    const FEATURES: Features<Self::Column>;

    /// The columns of each `#[dotmac(unique)]`, without the tenant's.
    const UNIQUE_KEYS: &'static [&'static [Self::Column]] = &[];

    /// The columns of `#[dotmac(prefix_search)]`.
    const PREFIX_SEARCH: &'static [Self::Column] = &[];

    /// The columns of `#[dotmac(case_insensitive)]`.
    const CASE_INSENSITIVE: &'static [Self::Column] = &[];

    /// The record of `#[dotmac(cached)]`.
    #[doc(hidden)]
    const CACHED: Option<fn() -> CachedTable> = None;

    /// Runs the hooks of its mixins on a row that is about to be written.
    ///
    /// # Errors
    /// Those of the hooks.
    fn mix<C>(
        row: Self::ActiveModel,
        _db: &C,
        _insert: bool,
    ) -> impl Future<Output = Result<Self::ActiveModel, DbErr>> + Send
    where
        Self::ActiveModel: Send,
        C: ConnectionTrait,
    {
        std::future::ready(Ok(row))
    }
}

/// The columns that the library and the database write, and nobody else.
pub fn with_a_role<E: Featured>() -> Vec<E::Column> {
    // Taken apart field by field, so that a new role cannot be forgotten here.
    let Features {
        client_key,
        timestamps,
        soft_delete,
        audit,
        tenant,
        version,
    } = E::FEATURES;
    let mut columns: Vec<E::Column> = client_key.into_iter().collect();
    columns.extend(
        timestamps
            .iter()
            .flat_map(|it| [it.created_at, it.updated_at]),
    );
    columns.extend(
        soft_delete
            .iter()
            .flat_map(|it| [it.deleted_at, it.deleted_by, it.deletion_id, it.is_active]),
    );
    columns.extend(
        audit
            .iter()
            .flat_map(|it| [it.created_by, it.updated_by, it.request_id]),
    );
    columns.extend(tenant.map(|it| it.tenant_id));
    columns.extend(version);
    columns
}
