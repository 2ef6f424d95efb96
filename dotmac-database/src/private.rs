//! What the macros' expansions refer to. Not part of the public interface.

pub use async_trait::async_trait;
pub use dotmac_database_derive::model_with_mixins;
pub use inventory::submit as register;
pub use sea_orm;
pub use uuid::Uuid;

pub use crate::__table_name as table_name;
pub use crate::context::{TenantKey, TenantKind};
pub use crate::entity::cached::CachedTable;
pub use crate::entity::mixin::{before_save as mixin_before_save, mix};
pub use crate::entity::{
    AuditColumns, Audited, BaseModel, Cached, ComposedHooks, Featured, Features, HasMixin, Mixin,
    MixinColumn, MixinHooks, NoMixinHooks, NotSoftDelete, Registered, SoftDelete,
    SoftDeleteColumns, TablePrefix, TenantAware, TenantColumn, TimestampColumns, Timestamps,
    Versioned, describe, hook, scope, stamp, table_name as with_prefix, version,
};
pub use crate::error::ConstraintColumns;
pub use crate::error::Result;
pub use crate::ident::{literal, quote};
pub use crate::migrate::Installable;
pub use crate::soft_delete::SoftDeleteMany;

/// The type of timestamps.
pub type DateTimeUtc = chrono::DateTime<chrono::Utc>;

/// The last segment of a module's path: the table's name where none is given.
pub const fn last_segment(path: &'static str) -> &'static str {
    let mut start = path.len();
    while start > 0 {
        match path.as_bytes().split_at(start) {
            ([.., b':'], _) => break,
            _ => start -= 1,
        }
    }
    path.split_at(start).1
}

#[cfg(test)]
mod tests {
    use super::last_segment;

    #[test]
    fn module_names_the_table() {
        assert_eq!(last_segment("shop::entity::order"), "order");
        assert_eq!(last_segment("order"), "order");
    }
}
