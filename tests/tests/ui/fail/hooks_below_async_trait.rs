use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete)]
#[sea_orm(table_name = "orders")]
#[dotmac(hooks)]
pub struct Model {
    pub number: String,
}

#[sea_orm::prelude::async_trait::async_trait]
#[dotmac_database::hooks]
impl ActiveModelBehavior for ActiveModel {
    async fn before_save<C>(self, _db: &C, _insert: bool) -> Result<Self, DbErr>
    where
        C: ConnectionTrait,
    {
        Ok(self)
    }
}

fn main() {}
