use dotmac_database::prelude::*;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Timestamps, SoftDelete)]
#[sea_orm(table_name = "orders")]
#[dotmac(cached)]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted_at: Option<DateTimeUtc>,
    pub deleted_by: Option<String>,
    pub deletion_id: Option<Uuid>,
    pub is_active: bool,
}

impl ActiveModelBehavior for ActiveModel {}

fn main() {}
