//! What a cache asks of sessions.

use sea_orm::IsolationLevel;

use super::database::Database;
use super::handle::Session;
use crate::entity::cached::CachedTable;

impl Session {
    /// Whether it, or a session around it, has changed the table.
    pub(crate) fn has_changed(&self, table: &CachedTable) -> bool {
        self.unit().ledger().changes().touch(table)
    }

    /// Whether it asked for a state of the database that stays as it is.
    pub(crate) fn is_snapshot(&self) -> bool {
        matches!(
            self.unit().options.isolation,
            Some(IsolationLevel::RepeatableRead | IsolationLevel::Serializable)
        )
    }

    /// Whether it holds a connection.
    pub(crate) fn is_begun(&self) -> bool {
        self.unit().ledger().is_begun()
    }

    /// Whether it finds the tables that sessions of `db` find.
    pub(crate) fn is_of(&self, db: &Database) -> bool {
        let path = db.path(self.context().tenant_id());
        db.has_opened(&self.unit().cluster) && path.is_ok_and(|path| path == self.unit().path)
    }
}
