//! Mixins of another crate than the entities that add them.

use dotmac_database::prelude::*;

/// Which part of the company a row belongs to.
#[dotmac_database::mixin]
#[derive(Debug, Default)]
pub struct Department {
    /// The department.
    #[sea_orm(indexed)]
    pub department: Option<Uuid>,
    /// How far the row may be seen.
    #[sea_orm(default_value = "team")]
    pub reach: level::Reach,
}

/// Types that only the mixin's module names by this path.
pub mod level {
    use dotmac_database::prelude::*;

    /// How far a row may be seen.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(8))")]
    pub enum Reach {
        /// By the department.
        #[sea_orm(string_value = "team")]
        Team,
        /// By all.
        #[sea_orm(string_value = "all")]
        All,
    }
}

/// Who answers for a row: the user who inserted it, unless it is said.
#[dotmac_database::mixin]
pub struct Ownership {
    /// Who answers for the row.
    #[sea_orm(column_type = "String(StringLen::N(255))")]
    pub owner: String,
    /// Of several rows with one owner, what tells them apart.
    #[dotmac(unique)]
    pub label: String,
    /// How often the row was changed.
    pub changes: i32,
}

impl MixinHooks for Ownership {
    async fn before_save<C>(&mut self, db: &C, insert: bool) -> Result<(), Error>
    where
        C: ConnectionTrait,
    {
        if !insert {
            let changes = self.changes.take().unwrap_or_default();
            self.changes = Set(changes + 1);
            return Ok(());
        }
        self.changes = Set(0);
        if self.owner.is_not_set() {
            let context = RequestContext::of_connection(db);
            let user = context.as_ref().and_then(RequestContext::user_id);
            let user = user.ok_or_else(|| DbErr::Custom("nobody owns the row".to_owned()))?;
            self.owner = Set(user.to_owned());
        }
        Ok(())
    }
}
