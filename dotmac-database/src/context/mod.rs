//! Who asks, for which tenant, in which request.

mod background;
mod handover;
mod owner;
mod request;
mod schema;
mod search_path;
mod settings;
mod tenant;

pub use handover::{context_of, leave};
pub use owner::{Global, Owner, OwnerName, PerTenant};
pub use request::RequestContext;
pub use schema::SchemaName;
pub use search_path::{SearchPath, SessionPath};
pub use settings::{REQUEST_SETTING, TENANT_SETTING, USER_SETTING, set_local};
pub use tenant::{TenantId, TenantKey, TenantKind};
