//! Deletion of a soft-deletable entity: inherent functions that win over SeaORM's trait methods,
//! also inside the code that SeaORM generates.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::feature::Feature;
use crate::model::entity::Entity;

pub fn expand(entity: &Entity, private: &TokenStream) -> TokenStream {
    if !entity.has(Feature::SoftDelete) {
        return TokenStream::new();
    }
    let before = entity.options.hooks.map(|span| {
        quote_spanned! {span=>
            let this = #private::ComposedHooks::before_delete(this, db).await?;
        }
    });
    let result = quote! {
        ::core::result::Result<#private::sea_orm::DeleteResult, #private::sea_orm::DbErr>
    };
    quote! {
        impl Entity {
            #[doc(hidden)]
            pub const SOFT_DELETE: bool = true;

            /// Marks the rows that match as deleted; they stay in the table.
            pub fn delete_many() -> #private::SoftDeleteMany<Self> {
                #private::SoftDeleteMany::new()
            }

            /// Marks the row with this key as deleted; it stays in the table.
            pub fn delete_by_id<T>(key: T) -> #private::SoftDeleteMany<Self>
            where
                T: Into<<PrimaryKey as #private::sea_orm::PrimaryKeyTrait>::ValueType>,
            {
                #private::SoftDeleteMany::by_id(key)
            }

            /// Marks the row of this model as deleted; it stays in the table.
            pub fn delete<A>(model: A) -> #private::SoftDeleteMany<Self>
            where
                A: #private::sea_orm::ActiveModelTrait<Entity = Self>,
            {
                #private::SoftDeleteMany::of(&model)
            }
        }

        impl Model {
            /// Marks the row as deleted; it stays in the table.
            pub async fn delete<C>(self, db: &C) -> #result
            where
                C: #private::sea_orm::ConnectionTrait,
            {
                ActiveModel::from(self).delete(db).await
            }
        }

        impl ActiveModel {
            /// Marks the row as deleted; it stays in the table.
            pub async fn delete<C>(self, db: &C) -> #result
            where
                C: #private::sea_orm::ConnectionTrait,
            {
                let this = self;
                #before
                let deleted = Entity::delete(this.clone()).exec(db).await?;
                #private::sea_orm::ActiveModelBehavior::after_delete(this, db).await?;
                Ok(deleted)
            }
        }
    }
}
