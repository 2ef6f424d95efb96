use dotmac_database::prelude::*;

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
pub struct Model {
    pub number: String,
}

async fn rows(tx: &Session) -> Result<Vec<Model>, Error> {
    Ok(Entity::find().in_tenant(tx)?.all(tx).await?)
}

fn main() {}
