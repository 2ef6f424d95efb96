//! The derives and the columns that each of them brings.

use syn::{Ident, Path};

/// One of our derives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feature {
    BaseModel,
    Timestamps,
    SoftDelete,
    Audited,
    TenantAware,
    Versioned,
}

impl Feature {
    pub const ALL: [Feature; 6] = [
        Feature::BaseModel,
        Feature::Timestamps,
        Feature::SoftDelete,
        Feature::Audited,
        Feature::TenantAware,
        Feature::Versioned,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Feature::BaseModel => "BaseModel",
            Feature::Timestamps => "Timestamps",
            Feature::SoftDelete => "SoftDelete",
            Feature::Audited => "Audited",
            Feature::TenantAware => "TenantAware",
            Feature::Versioned => "Versioned",
        }
    }

    /// The feature that a path in a derive list names, by its last segment.
    pub fn from_path(path: &Path) -> Option<Self> {
        let last: &Ident = &path.segments.last()?.ident;
        Self::ALL.into_iter().find(|feature| last == feature.name())
    }

    /// The columns it brings, in the order in which they stand in the struct.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Feature::BaseModel => &[Role::Id, Role::CreatedAt, Role::UpdatedAt],
            Feature::Timestamps => &[Role::CreatedAt, Role::UpdatedAt],
            Feature::SoftDelete => &[
                Role::DeletedAt,
                Role::DeletedBy,
                Role::DeletionId,
                Role::IsActive,
            ],
            Feature::Audited => &[Role::CreatedBy, Role::UpdatedBy, Role::RequestId],
            Feature::TenantAware => &[Role::TenantId],
            Feature::Versioned => &[Role::Version],
        }
    }
}

/// What a column is for, whatever its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Id,
    TenantId,
    CreatedAt,
    UpdatedAt,
    CreatedBy,
    UpdatedBy,
    RequestId,
    DeletedAt,
    DeletedBy,
    DeletionId,
    IsActive,
    Version,
}

impl Role {
    pub const ALL: [Role; 12] = [
        Role::Id,
        Role::TenantId,
        Role::CreatedAt,
        Role::UpdatedAt,
        Role::CreatedBy,
        Role::UpdatedBy,
        Role::RequestId,
        Role::DeletedAt,
        Role::DeletedBy,
        Role::DeletionId,
        Role::IsActive,
        Role::Version,
    ];

    /// Its default name, which is also the key that overrides it.
    pub fn key(self) -> &'static str {
        match self {
            Role::Id => "id",
            Role::TenantId => "tenant_id",
            Role::CreatedAt => "created_at",
            Role::UpdatedAt => "updated_at",
            Role::CreatedBy => "created_by",
            Role::UpdatedBy => "updated_by",
            Role::RequestId => "request_id",
            Role::DeletedAt => "deleted_at",
            Role::DeletedBy => "deleted_by",
            Role::DeletionId => "deletion_id",
            Role::IsActive => "is_active",
            Role::Version => "version",
        }
    }

    /// The types that a column declared by hand may have, as written without paths.
    pub fn accepted_types(self) -> &'static [&'static str] {
        match self {
            Role::Id => &["Uuid"],
            Role::TenantId => &["String", "Uuid", "i64"],
            Role::CreatedAt | Role::UpdatedAt => {
                &["DateTimeUtc", "DateTimeWithTimeZone", "DateTime<Utc>"]
            }
            Role::DeletedAt => &[
                "Option<DateTimeUtc>",
                "Option<DateTimeWithTimeZone>",
                "Option<DateTime<Utc>>",
            ],
            Role::CreatedBy | Role::UpdatedBy | Role::RequestId | Role::DeletedBy => {
                &["Option<String>"]
            }
            Role::DeletionId => &["Option<Uuid>"],
            Role::IsActive => &["bool"],
            Role::Version => &["i32"],
        }
    }
}
