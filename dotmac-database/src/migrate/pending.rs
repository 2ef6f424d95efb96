//! Which migrations have not run.

use sea_orm::ConnectionTrait;
use sea_orm::sea_query::Query;
use sea_orm_migration::MigratorTrait;

use crate::error::{Error, ErrorKind, Result};

/// The names of the migrations of `M` that have not run on the database, in their order.
///
/// It reads only, and so can be asked as the application's role, which needs SELECT on the migrator's
/// table: a [`Runner`](super::Runner) gives it, or
/// [`Roles::show_migrations`](crate::rls::Roles::show_migrations). For
/// [`Database::health_with`](crate::Database::health_with).
///
/// # Errors
/// The database's; [`ErrorKind::Denied`](crate::ErrorKind::Denied) where the role lacks the privilege.
pub async fn pending<M: MigratorTrait>(db: &impl ConnectionTrait) -> Result<Vec<String>> {
    let pending = M::get_pending_migrations_read_only(db).await?;
    // SeaORM looks for the table where a role sees only what it has a privilege on: one that is hidden
    // would be taken for none, and all migrations for pending.
    if !pending.is_empty() {
        let mut applied = Query::select();
        applied.expr(1).from(M::migration_table_name()).limit(1);
        if let Err(error) = db.query_one(&applied).await.map_err(Error::from)
            && error.kind() == ErrorKind::Denied
        {
            return Err(error);
        }
    }
    Ok(pending.iter().map(|it| it.name().to_owned()).collect())
}
