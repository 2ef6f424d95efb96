//! Scopes: what `find()` and relations hide.
//!
//! Seams into SeaORM 2.0. `Select::new` is private, but a `Linked` with an empty `link()` gives the
//! same bare select through `find_linked()`. Joins honour `RelationDef::on_condition`, and
//! `RelationDef::rev()` keeps its closure while it swaps the tables.

use std::marker::PhantomData;

use sea_orm::sea_query::{Condition, DynIden, Expr, ExprTrait, IntoIden};
use sea_orm::{
    ColumnTrait, EntityName, EntityTrait, LinkDef, Linked, QueryFilter, RelationBuilder,
    RelationDef, Select,
};

use super::ability::SoftDelete;
use super::registry;

struct Bare<E>(PhantomData<E>);

impl<E: EntityTrait> Linked for Bare<E> {
    type FromEntity = E;
    type ToEntity = E;

    fn link(&self) -> Vec<LinkDef> {
        Vec::new()
    }
}

/// All rows.
pub fn bare<E: EntityTrait>() -> Select<E> {
    Bare(PhantomData).find_linked()
}

/// The rows that are not deleted.
pub fn live<E: SoftDelete>() -> Select<E> {
    bare::<E>().filter(E::MARKS.deleted_at.is_null())
}

/// The relation, joined to rows only that are not deleted.
///
/// The row that the relation starts from is not looked at: its own `find()` does that.
pub fn hide_deleted<E, R>(relation: RelationBuilder<E, R>) -> RelationBuilder<E, R>
where
    E: EntityTrait,
    R: EntityTrait,
{
    let sides = Sides {
        from: Side::of::<E>(),
        to: Side::of::<R>(),
    };
    // No condition at all where there is nothing to hide: an empty one renders as `AND TRUE`.
    if sides.from.deleted_at.is_none() && sides.to.deleted_at.is_none() {
        return relation;
    }
    relation.on_condition(move |left, right| sides.condition(&left, right))
}

/// A relation turned around, for a `Linked` of the user's own.
///
/// `RelationDef::rev()` alone keeps a condition that cannot tell its sides once both tables have
/// aliases; this one hides deleted rows of the entity that the turned relation leads to.
pub fn reversed<To: EntityTrait>(relation: RelationDef) -> RelationDef {
    let mut reversed = relation.rev();
    reversed.on_condition = None;
    match Side::of::<To>().deleted_at {
        Some(deleted_at) => reversed.on_condition(move |_, right| is_null(right, deleted_at)),
        None => reversed,
    }
}

#[derive(Clone, Copy)]
struct Side {
    table: &'static str,
    deleted_at: Option<&'static str>,
}

impl Side {
    fn of<E: EntityTrait>() -> Self {
        Side {
            table: EntityName::table_name(&E::default()),
            deleted_at: registry::description::<E>()
                .and_then(|entity| entity.features.soft_delete)
                .map(|columns| columns.deleted_at),
        }
    }
}

struct Sides {
    from: Side,
    to: Side,
}

impl Sides {
    /// The condition on the right side, which is the one that a join adds.
    fn condition(&self, left: &DynIden, right: DynIden) -> Condition {
        let target = if self.is_reversed(left, &right) {
            self.from
        } else {
            self.to
        };
        match target.deleted_at {
            Some(deleted_at) => is_null(right, deleted_at),
            None => Condition::all(),
        }
    }

    // Only the names of the tables tell a relation from its reverse.
    fn is_reversed(&self, left: &DynIden, right: &DynIden) -> bool {
        self.from.table != self.to.table
            && (left.to_string() == self.to.table || right.to_string() == self.from.table)
    }
}

fn is_null(table: DynIden, column: &'static str) -> Condition {
    Condition::all().add(Expr::col((table, column.into_iden())).is_null())
}
