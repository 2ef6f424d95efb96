use dotmac_database::prelude::*;

#[dotmac_database::mixin]
pub struct Organization {
    pub organization_id: Uuid,
}

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    pub number: String,
}

fn of_organization<E: HasMixin<Organization>>(id: Uuid) -> Select<E> {
    E::find().filter(E::COLUMNS.organization_id.eq(id))
}

fn main() {
    of_organization::<Entity>(Uuid::nil());
}
