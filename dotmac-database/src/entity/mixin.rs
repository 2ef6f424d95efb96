//! Mixins: sets of columns that entities add by name, and the hooks that fill them.

use std::future::{Ready, ready};

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait};

use super::feature::Featured;
use crate::error::Result;

/// A set of columns under [`#[dotmac_database::mixin]`](macro@crate::mixin).
///
/// The type holds the columns' values, as hooks see them.
pub trait Mixin: Sized + Send {
    /// The columns, where `C` is an entity's `Column`.
    type Columns<C>;

    #[doc(hidden)]
    fn run_hooks<C>(&mut self, db: &C, insert: bool) -> impl Future<Output = Result<()>> + Send
    where
        C: ConnectionTrait;
}

/// The hooks of a mixin that has some.
pub trait MixinHooks: Mixin {
    /// Fills or checks the mixin's columns before a row is written.
    ///
    /// It runs after the stamps and before the entity's own hooks, mixins in the order in which the
    /// entity names them. An update that changes nothing stays one: the hook does not run. As all
    /// hooks of SeaORM, it does not see bulk and raw statements.
    /// [`RequestContext::of_connection`](crate::RequestContext::of_connection) is the context.
    ///
    /// # Errors
    /// Its own: the row is not written.
    fn before_save<C>(&mut self, db: &C, insert: bool) -> impl Future<Output = Result<()>> + Send
    where
        C: ConnectionTrait;
}

/// Gives every mixin a `before_save` that does nothing; that of [`MixinHooks`] hides it, because a
/// method on `&mut M` is found before one on `&&mut M`.
pub trait NoMixinHooks {
    /// Does nothing.
    fn before_save<C>(&self, _db: &C, _insert: bool) -> Ready<Result<()>> {
        ready(Ok(()))
    }
}

impl<M: Mixin> NoMixinHooks for &mut M {}

/// An entity with the columns of the mixin `M`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not have the columns of the mixin `{M}`",
    note = "write `#[dotmac(mixin = …)]` on its `Model`"
)]
pub trait HasMixin<M: Mixin>: EntityTrait {
    /// The mixin's columns.
    const COLUMNS: M::Columns<Self::Column>;

    /// Takes the values of the mixin's columns out of a row.
    fn take(row: &mut Self::ActiveModel) -> M;

    /// Puts the values of the mixin's columns into a row.
    fn put(row: &mut Self::ActiveModel, values: M);
}

/// The type of a mixin's column, inside of `Option` and `Vec`: entities of other modules name it by
/// the column's place.
pub trait MixinColumn<const INDEX: usize> {
    /// The type.
    type Type;
}

/// Runs the hook of one mixin.
///
/// # Errors
/// The hook's.
pub async fn before_save<M, A, C>(mut row: A, db: &C, insert: bool) -> Result<A, DbErr>
where
    M: Mixin,
    A: ActiveModelTrait,
    A::Entity: HasMixin<M> + EntityTrait<ActiveModel = A>,
    C: ConnectionTrait,
{
    if insert || row.is_changed() {
        let mut values = A::Entity::take(&mut row);
        values.run_hooks(db, insert).await?;
        A::Entity::put(&mut row, values);
    }
    Ok(row)
}

/// Runs the hooks of all mixins of the row's entity.
///
/// # Errors
/// Those of the hooks.
pub async fn mix<A, C>(row: A, db: &C, insert: bool) -> Result<A, DbErr>
where
    A: ActiveModelTrait + Send,
    A::Entity: Featured + EntityTrait<ActiveModel = A>,
    C: ConnectionTrait,
{
    A::Entity::mix(row, db, insert).await
}
