//! Hooks of the user's own: all of them, some, none.

mod all {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete)]
    #[dotmac(hooks)]
    pub struct Model {
        pub number: String,
    }

    #[dotmac_database::hooks]
    impl ActiveModelBehavior for ActiveModel {
        fn new() -> Self {
            ActiveModel {
                number: Set("1".to_owned()),
                ..ActiveModelTrait::default()
            }
        }

        async fn before_save<C>(mut self, _db: &C, insert: bool) -> Result<Self, DbErr>
        where
            C: ConnectionTrait,
        {
            if insert {
                self.number.set_if_not_equals("1".to_owned());
            }
            Ok(self)
        }

        async fn after_save<C>(model: Model, _db: &C, _insert: bool) -> Result<Model, DbErr>
        where
            C: ConnectionTrait,
        {
            Ok(model)
        }

        async fn before_delete<C>(self, _db: &C) -> Result<Self, DbErr>
        where
            C: ConnectionTrait,
        {
            Ok(self)
        }
    }
}

mod some {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
    #[dotmac(hooks)]
    pub struct Model {
        pub number: String,
    }

    #[dotmac_database::hooks]
    #[sea_orm::prelude::async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        async fn before_delete<C: ConnectionTrait>(self, _db: &C) -> Result<Self, DbErr> {
            Ok(self)
        }
    }
}

mod none {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete)]
    #[dotmac(hooks)]
    pub struct Model {
        pub number: String,
    }

    #[dotmac_database::hooks]
    impl ActiveModelBehavior for ActiveModel {}
}
