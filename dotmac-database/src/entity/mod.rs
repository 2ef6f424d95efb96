//! What the derives give an entity: traits, scopes, stamps, and a record of itself.

mod ability;
pub mod cached;
mod feature;
pub mod hook;
mod json;
mod lowered;
pub mod mixin;
mod registry;
pub mod scope;
pub mod stamp;
mod table_name;
mod unique;
pub mod version;

pub use ability::{
    Audited, BaseModel, ComposedHooks, NotSoftDelete, SoftDelete, TenantAware, Timestamps,
    Versioned,
};
pub use cached::Cached;
pub use feature::{
    AuditColumns, Featured, Features, SoftDeleteColumns, TenantColumn, TimestampColumns,
    with_a_role,
};
pub use json::{JsonInput, JsonModel};
pub use lowered::{case_insensitive, lowered};
pub use mixin::{HasMixin, Mixin, MixinColumn, MixinHooks, NoMixinHooks};
pub use registry::{
    Description, Registered, describe, description, descriptions, qualified_tenant_tables,
    tenant_column, tenant_kinds, tenant_tables,
};
pub use table_name::{TablePrefix, table_name};
pub use unique::{UniqueKey, tenant_key, unique_keys};
pub use version::UpdateManyVersioned;
