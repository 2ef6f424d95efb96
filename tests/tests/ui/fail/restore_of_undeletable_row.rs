use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    pub number: String,
}

fn is_restorable<M: SoftDeleteModel>() {}

fn main() {
    is_restorable::<Model>();
}
