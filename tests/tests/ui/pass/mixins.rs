//! Mixins of this crate and of another, of each visibility, several at once, below other attributes.

use dotmac_database::prelude::*;

mod team {
    pub mod shared {
        use dotmac_database::prelude::Uuid as Key;
        use dotmac_database::prelude::{ConnectionTrait, Error, MixinHooks};

        #[dotmac_database::mixin]
        #[derive(Debug)]
        pub struct Organization {
            /// The organization.
            #[sea_orm(indexed)]
            pub organization_id: Key,
            #[sea_orm(column_type = "Decimal(Some((16, 4)))", nullable, comment = "in euro")]
            pub budget: Option<i64>,
            pub picture: Option<Vec<u8>>,
            pub r#type: String,
        }

        impl From<()> for Organization {
            fn from((): ()) -> Self {
                use dotmac_database::prelude::NotSet;
                Organization {
                    organization_id: NotSet,
                    budget: NotSet,
                    picture: NotSet,
                    r#type: NotSet,
                }
            }
        }

        #[dotmac_database::mixin]
        pub(crate) struct Note {
            #[sea_orm(enum_name = "Remark", column_name = "remark")]
            pub note: Option<String>,
        }

        impl MixinHooks for Note {
            async fn before_save<C: ConnectionTrait>(
                &mut self,
                _db: &C,
                _insert: bool,
            ) -> Result<(), Error> {
                Ok(())
            }
        }
    }

    pub use shared::Organization as Owner;
}

mod order {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(
        Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
    )]
    #[sea_orm(table_name = "orders")]
    #[dotmac(mixin = super::team::shared::Note)]
    #[dotmac(
        mixin = crate::pass::mixins::team::Owner,
        mixin = dotmac_tests::mixin::Ownership,
        hooks
    )]
    pub struct Model {
        pub number: String,
        #[sea_orm(belongs_to, from = "organization_id", to = "id")]
        pub organization: BelongsTo<super::organization::Entity>,
    }

    #[dotmac_database::hooks]
    impl ActiveModelBehavior for ActiveModel {}
}

mod organization {
    use dotmac_database as renamed;
    use renamed::prelude::*;

    #[renamed::mixin(crate = "renamed")]
    struct Named {
        pub name: String,
    }

    /// Declares a column of a mixin itself.
    #[renamed::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
    #[dotmac(crate = "renamed", mixin = Named, mixin = self::department::Department)]
    pub struct Model {
        pub department: Option<Uuid>,
        #[sea_orm(has_many)]
        pub orders: HasMany<super::order::Entity>,
    }

    mod department {
        pub use dotmac_tests::mixin::Department;
    }
}

fn of_organization<E: HasMixin<team::Owner>>(id: Uuid) -> Select<E> {
    E::find().filter(E::COLUMNS.organization_id.eq(id))
}

#[test]
fn mixin_columns_stand_between_own_columns_and_stamps() {
    use sea_orm::{IdenStatic, Iterable};

    let names: Vec<_> = order::Column::iter().map(|c| c.as_str()).collect();
    let expected = "id tenant_id number remark organization_id budget picture type owner label changes \
                    created_at updated_at created_by updated_by request_id deleted_at deleted_by \
                    deletion_id is_active";
    assert_eq!(names.join(" "), expected);
    assert_eq!(
        <order::Entity as HasMixin<team::shared::Note>>::COLUMNS
            .note
            .as_str(),
        "remark",
    );
}

#[test]
fn mixin_columns_are_as_if_written_by_hand() {
    use sea_orm::{ColumnType, DbBackend, QueryTrait};

    let def = order::Column::OrganizationId.def();
    assert_eq!(def.get_column_type(), &ColumnType::Uuid);
    assert!(!def.is_null());
    let def = order::Column::Budget.def();
    assert_eq!(def.get_column_type(), &ColumnType::Decimal(Some((16, 4))));
    assert!(def.is_null());
    let def = order::Column::Picture.def();
    assert!(matches!(def.get_column_type(), ColumnType::VarBinary(_)));
    assert_eq!(
        <order::Entity as dotmac_database::Featured>::UNIQUE_KEYS.len(),
        1
    );
    // The operators of a UUID's column, by the name of its type.
    let _: sea_orm::UuidColumn<organization::Entity> = organization::Entity::COLUMN.department;
    let sql = of_organization::<order::Entity>(Uuid::nil()).build(DbBackend::Sqlite);
    assert!(
        sql.to_string().ends_with(
            r#"AND "orders"."organization_id" = '00000000-0000-0000-0000-000000000000'"#
        )
    );
}
