use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    pub number: String,
}

pub async fn restore(model: Model, db: &Session) -> Result<Model, DbErr> {
    model.restore(db).await
}

fn main() {}
