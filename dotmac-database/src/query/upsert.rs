//! Insert a row, or update the one that has its unique values.

use sea_orm::sea_query::{Expr, ExprTrait, IntoIden, OnConflict};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ConnectionTrait, DbErr, EntityName,
    EntityTrait, IdenStatic, IntoActiveModel, Iterable, PrimaryKeyToColumn,
};

use crate::entity::version::next;
use crate::entity::{Featured, UniqueKey, tenant_key, unique_keys, with_a_role};
use crate::error::Error;

type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;

/// Insert or update, for every entity under `#[dotmac_database::model]`.
pub trait Upsert: Featured {
    /// Inserts the row, or updates the one that has the same unique values.
    ///
    /// ```no_run
    /// # use dotmac_database::prelude::*;
    /// # mod order {
    /// #     use dotmac_database::prelude::*;
    /// #     #[dotmac_database::model]
    /// #     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, TenantAware)]
    /// #     pub struct Model {
    /// #         #[dotmac(unique)]
    /// #         pub number: String,
    /// #         pub total_cents: i64,
    /// #     }
    /// # }
    /// # async fn example(tx: &Session) -> Result<(), Error> {
    /// let row = order::ActiveModel {
    ///     number: Set("A-1".into()),
    ///     total_cents: Set(990),
    ///     ..Default::default()
    /// };
    /// let order = order::Entity::upsert(row).on([order::Column::Number]).exec(tx).await?;
    /// # Ok(()) }
    /// ```
    fn upsert<A>(row: A) -> UpsertOne<A>
    where
        A: ActiveModelTrait<Entity = Self>,
    {
        UpsertOne {
            row,
            on: Vec::new(),
            update: None,
        }
    }
}

impl<E: Featured> Upsert for E {}

/// A row to insert or update.
#[derive(Debug, Clone)]
#[must_use = "a statement does nothing unless it is executed"]
pub struct UpsertOne<A: ActiveModelTrait> {
    row: A,
    on: Vec<Column<A>>,
    update: Option<Vec<Column<A>>>,
}

impl<A> UpsertOne<A>
where
    A: ActiveModelBehavior + Send,
    A::Entity: Featured,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
{
    /// The unique key that tells whether the row is there: the columns of a `#[dotmac(unique)]`,
    /// without the tenant's. By default the primary key.
    pub fn on(mut self, columns: impl IntoIterator<Item = Column<A>>) -> Self {
        self.on = columns.into_iter().collect();
        self
    }

    /// The columns that are updated where the row is there; by default all that the row sets.
    ///
    /// Never the key, the tenant, or who made the row and when.
    pub fn update(mut self, columns: impl IntoIterator<Item = Column<A>>) -> Self {
        self.update = Some(columns.into_iter().collect());
        self
    }

    /// Inserts or updates, and returns the row as it is then.
    ///
    /// `before_save` runs as for an insert, and no hook runs afterwards, because the database does not
    /// tell which of the two happened. A deleted row does not count as being there. A versioned row is
    /// overwritten whatever its version, which counts up.
    ///
    /// # Errors
    /// [`Error::NoUniqueKey`] where the entity has no such key; [`DbErr::RecordNotInserted`] where the
    /// primary key is that of a deleted row; [`ErrorKind::Unique`](crate::ErrorKind::Unique) where it is
    /// that of a row that the session may not see; those of an insert.
    ///
    /// # Cancel safety
    /// As any statement of the session.
    pub async fn exec<C>(self, db: &C) -> Result<<A::Entity as EntityTrait>::Model, DbErr>
    where
        C: ConnectionTrait,
    {
        let key = self.key()?;
        let row = A::before_save(self.row, db, true).await?;
        let conflict = conflict(&row, &key, self.update.as_deref());
        A::Entity::insert(row)
            .on_conflict(conflict)
            .exec_with_returning(db)
            .await
    }

    fn key(&self) -> Result<UniqueKey, Error> {
        if self.on.is_empty() {
            return Ok(primary_key::<A::Entity>());
        }
        let asked: Vec<&str> = self.on.iter().map(IdenStatic::as_str).collect();
        let tenant = <A::Entity as Featured>::FEATURES.names().tenant;
        let tenant = tenant.map(|tenant| tenant.tenant_id);
        let keys = unique_keys::<A::Entity>().into_iter();
        let mut found = keys.filter(|key| key.is_over(&asked, tenant));
        found.next().ok_or_else(|| Error::NoUniqueKey {
            entity: A::Entity::default().table_name().to_owned(),
            columns: asked.join(", "),
        })
    }
}

/// The primary key, with the tenant: PostgreSQL locks the row that it meets, before it asks whose it is.
fn primary_key<E: EntityTrait>() -> UniqueKey {
    tenant_key::<E>().unwrap_or_else(UniqueKey::primary::<E>)
}

fn conflict<A>(row: &A, key: &UniqueKey, update: Option<&[Column<A>]>) -> OnConflict
where
    A: ActiveModelTrait,
    A::Entity: Featured,
{
    let features = <A::Entity as Featured>::FEATURES;
    let mut conflict = OnConflict::columns(key.indexed());
    if let Some(mark) = key.live {
        conflict.target_and_where(Expr::col(mark).is_null());
    }
    let stamped = features.names().stamped_on_update();
    let with_a_role = with_a_role::<A::Entity>();
    let among = |columns: &[Column<A>], name: &str| columns.iter().any(|it| it.as_str() == name);
    let is_updated = |column: &Column<A>| {
        let name = column.as_str();
        if stamped.contains(&Some(name)) {
            return true;
        }
        update.is_none_or(|asked| among(asked, name))
            && !among(&with_a_role, name)
            && !key.columns.iter().any(|part| part == name)
            && <A::Entity as EntityTrait>::PrimaryKey::from_column(*column).is_none()
    };
    let columns: Vec<Column<A>> = <Column<A> as Iterable>::iter()
        .filter(|column| matches!(row.get(*column), ActiveValue::Set(_)))
        .filter(is_updated)
        .collect();
    match (columns.is_empty(), key.columns.first()) {
        // The row comes back only if something is written.
        (true, Some(part)) => conflict.update_column(part.clone()),
        _ => conflict.update_columns(columns),
    };
    // By the primary key, a deleted row could be met.
    if let Some(marks) = features.soft_delete {
        let deleted_at = Expr::col((A::Entity::default(), marks.deleted_at));
        conflict.action_and_where(deleted_at.is_null());
    }
    if let Some(version) = features.version {
        conflict.value(version.into_iden(), next::<A::Entity>(version));
    }
    conflict
}
