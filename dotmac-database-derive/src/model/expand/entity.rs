//! `Entity` itself: SeaORM generates none where `table_name` does not reach it, so that `find()`
//! can be ours.

use proc_macro2::TokenStream;
use quote::quote;

use crate::feature::Feature;
use crate::model::entity::Entity;

pub fn expand(entity: &Entity, private: &TokenStream) -> TokenStream {
    let visibility = &entity.visibility;
    let name = entity
        .table
        .name(private, entity.options.table_prefix.as_ref());
    let schema = entity.table.schema();
    let comment = entity.table.comment();
    let find = entity.has(Feature::SoftDelete).then(|| {
        quote! {
            fn find() -> #private::sea_orm::Select<Self> {
                #private::scope::live::<Self>()
            }
        }
    });
    quote! {
        /// The table, as SeaORM's queries name it.
        #[derive(Copy, Clone, Default, Debug)]
        #visibility struct Entity;

        impl #private::sea_orm::EntityName for Entity {
            fn schema_name(&self) -> Option<&str> {
                #schema
            }
            fn table_name(&self) -> &'static str {
                #name
            }
            fn comment(&self) -> Option<&str> {
                #comment
            }
        }

        impl #private::sea_orm::Iden for Entity {
            fn unquoted(&self) -> &str {
                #private::sea_orm::EntityName::table_name(self)
            }
        }

        impl #private::sea_orm::IdenStatic for Entity {
            fn as_str(&self) -> &'static str {
                #private::sea_orm::EntityName::table_name(self)
            }
        }

        impl #private::sea_orm::EntityTrait for Entity {
            type Model = Model;
            type ModelEx = ModelEx;
            type ActiveModel = ActiveModel;
            type ActiveModelEx = ActiveModelEx;
            type Column = Column;
            type PrimaryKey = PrimaryKey;
            type Relation = Relation;
            #find
        }

        #private::sea_orm::register_entity! {
            #private::sea_orm::EntityRegistry {
                module_path: ::core::module_path!(),
                schema_info: |schema| #private::sea_orm::EntitySchemaInfo::new(Entity, schema),
            }
        }
    }
}
