//! The columns that JSON from outside never sets.

use sea_orm::{IdenStatic, Iterable, PrimaryKeyToColumn, PrimaryKeyTrait};

use crate::entity::feature::{Featured, with_a_role};

/// What JSON cannot change in a row: its key, and every column with a role.
pub fn of_update<E: Featured>() -> Vec<E::Column> {
    let keys = E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column);
    keys.chain(with_a_role::<E>()).collect()
}

/// What JSON cannot give to a new row: the same, but for a key that nothing else makes.
pub fn of_insert<E: Featured>() -> Vec<E::Column> {
    let mut columns = with_a_role::<E>();
    if <E::PrimaryKey as PrimaryKeyTrait>::auto_increment() {
        columns.extend(E::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column));
    }
    columns
}

/// Whether the column is among them.
pub fn contains<C: IdenStatic>(columns: &[C], column: C) -> bool {
    columns.iter().any(|it| it.as_str() == column.as_str())
}
