//! Soft delete: rows are marked, hidden by scopes, and can be restored.

mod mark;
mod model;

pub use mark::SoftDeleteMany;
pub use model::SoftDeleteModel;
