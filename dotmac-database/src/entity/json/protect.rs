//! The columns that JSON from outside never sets.

use sea_orm::{IdenStatic, Iterable, PrimaryKeyToColumn, PrimaryKeyTrait};

use crate::entity::feature::{Featured, Features};

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

// Taken apart field by field, so that a new role cannot be forgotten here.
fn with_a_role<E: Featured>() -> Vec<E::Column> {
    let Features {
        client_key,
        timestamps,
        soft_delete,
        audit,
        tenant,
        version,
    } = E::FEATURES;
    let mut columns: Vec<E::Column> = client_key.into_iter().collect();
    columns.extend(
        timestamps
            .iter()
            .flat_map(|it| [it.created_at, it.updated_at]),
    );
    columns.extend(
        soft_delete
            .iter()
            .flat_map(|it| [it.deleted_at, it.deleted_by, it.deletion_id, it.is_active]),
    );
    columns.extend(
        audit
            .iter()
            .flat_map(|it| [it.created_by, it.updated_by, it.request_id]),
    );
    columns.extend(tenant.map(|it| it.tenant_id));
    columns.extend(version);
    columns
}
