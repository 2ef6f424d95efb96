//! Foreign keys that cannot cross a tenant.

use sea_orm::sea_query::{ForeignKey, ForeignKeyAction, ForeignKeyCreateStatement, TableRef};
use sea_orm::{EntityTrait, Identity, Iterable, RelationDef, RelationTrait};

use crate::entity::{description, tenant_column};
use crate::ident::object;
use crate::rls::TableName;

/// The foreign keys of the relations in which `E` holds the key.
pub fn statements<E: EntityTrait>() -> Vec<ForeignKeyCreateStatement> {
    let own = description::<E>().and_then(|entity| entity.features.tenant);
    E::Relation::iter()
        .map(|relation| relation.def())
        .filter(|relation| !relation.is_owner && !relation.skip_fk)
        .map(|relation| statement::<E>(&relation, own.map(|tenant| tenant.tenant_id)))
        .collect()
}

fn statement<E: EntityTrait>(
    relation: &RelationDef,
    own_tenant: Option<&str>,
) -> ForeignKeyCreateStatement {
    let to_table = table_name(&relation.to_tbl);
    let (schema, target) = (to_table.schema(), to_table.bare());
    let mut from = names(&relation.from_col);
    let mut to = names(&relation.to_col);
    // The name tells the column that refers, not the tenant that goes with it.
    let name = object(
        "fk",
        &[TableName::of::<E>().bare(), &from.join("_"), target],
    );
    let tenants = own_tenant.zip(tenant_column(schema, target));
    if let Some((own, other)) = tenants
        && !from.iter().any(|column| column == own)
        && !to.iter().any(|column| column == other)
    {
        from.insert(0, own.to_owned());
        to.insert(0, other.to_owned());
    }
    let mut key = ForeignKey::create();
    key.name(name)
        .from_tbl(relation.from_tbl.clone())
        .to_tbl(relation.to_tbl.clone());
    for column in &from {
        key.from_col(column.clone());
    }
    for column in to {
        key.to_col(column);
    }
    if let Some(action) = action(relation.on_delete.as_ref(), from.len()) {
        key.on_delete(action);
    }
    if let Some(action) = action(relation.on_update.as_ref(), from.len()) {
        key.on_update(action);
    }
    key.take()
}

// SET NULL and SET DEFAULT would reach the tenant's column too, and fail there: leaving the rule out
// refuses the parent's removal instead.
fn action(action: Option<&ForeignKeyAction>, columns: usize) -> Option<ForeignKeyAction> {
    action
        .filter(|action| {
            columns == 1
                || !matches!(
                    action,
                    ForeignKeyAction::SetNull | ForeignKeyAction::SetDefault
                )
        })
        .cloned()
}

fn names(columns: &Identity) -> Vec<String> {
    columns.iter().map(|column| column.to_string()).collect()
}

/// The table that a relation leads to.
pub fn table_name(table: &TableRef) -> TableName {
    match table {
        TableRef::Table(name, _) => TableName::new(
            name.0.as_ref().map(|schema| schema.1.to_string()),
            name.1.to_string(),
        ),
        _ => TableName::new(None, String::new()),
    }
}
