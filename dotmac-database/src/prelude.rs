//! Everything an entity or a handler needs: `use dotmac_database::prelude::*;`.
//!
//! It includes SeaORM's entity prelude, and `sea_orm` itself, to which SeaORM's macros refer.

pub use dotmac_database_derive::{
    Audited, BaseModel, SoftDelete, TenantAware, Timestamps, Versioned,
};
pub use sea_orm;
pub use sea_orm::entity::prelude::*;
pub use sea_orm::{
    ActiveValue, ActiveValue::NotSet, ActiveValue::Set, ActiveValue::Unchanged, IntoActiveModel,
    QueryOrder, QuerySelect, TransactionTrait,
};

#[cfg(feature = "cache")]
pub use crate::cache::CachedEntity;
pub use crate::config::DatabaseConfig;
pub use crate::context::{RequestContext, TenantId};
pub use crate::entity::{
    Audited, BaseModel, HasMixin, JsonModel, MixinHooks, SoftDelete, TenantAware, Timestamps,
    UpdateManyVersioned, Versioned,
};
pub use crate::error::{Error, ErrorKind};
pub use crate::query::{InTenant, InsertBulk, SearchText, SelectInParts, Upsert};
pub use crate::session::{Database, LockRows, LockWait, RetryPolicy, Session, SessionOptions};
pub use crate::soft_delete::SoftDeleteModel;
#[cfg(any(feature = "axum", feature = "poem"))]
pub use crate::web::{Problem, ReadSession, WriteSession};
