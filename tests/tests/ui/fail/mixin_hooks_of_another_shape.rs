use dotmac_database::prelude::*;

#[dotmac_database::mixin]
pub struct Organization {
    pub organization_id: Uuid,
}

impl MixinHooks for Organization {
    async fn before_save(&mut self, _context: &RequestContext) -> Result<(), Error> {
        Ok(())
    }
}

#[dotmac_database::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
#[sea_orm(table_name = "orders")]
#[dotmac(mixin = Organization)]
pub struct Model {
    pub number: String,
}

fn main() {}
