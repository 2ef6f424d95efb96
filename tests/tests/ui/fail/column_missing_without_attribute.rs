use dotmac_database::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, SoftDelete)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i32,
    pub deleted_at: Option<DateTimeUtc>,
    pub deleted_by: Option<String>,
    pub is_active: bool,
}

impl ActiveModelBehavior for ActiveModel {}

fn main() {}
