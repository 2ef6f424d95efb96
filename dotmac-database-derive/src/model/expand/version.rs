//! Writes of a versioned entity: inherent functions that win over SeaORM's trait methods, also
//! inside the code that SeaORM generates, and ask for the version that was read.

use proc_macro2::TokenStream;
use quote::quote;

use crate::feature::Feature;
use crate::model::entity::Entity;

pub fn expand(entity: &Entity, private: &TokenStream) -> TokenStream {
    if !entity.has(Feature::Versioned) {
        return TokenStream::new();
    }
    let sea_orm = quote!(#private::sea_orm);
    // A soft-deletable one has a `delete` of its own.
    let delete = (!entity.has(Feature::SoftDelete)).then(|| delete(private));
    quote! {
        impl ActiveModel {
            /// Updates the row unless it was changed since it was read.
            pub async fn update<C>(
                self,
                db: &C,
            ) -> ::core::result::Result<Model, #sea_orm::DbErr>
            where
                C: #sea_orm::ConnectionTrait,
            {
                #private::version::update(self, db).await
            }

            /// Updates the row unless it was changed since it was read, and does not return it.
            pub async fn update_without_returning<C>(
                self,
                db: &C,
            ) -> ::core::result::Result<#sea_orm::UpdateResult, #sea_orm::DbErr>
            where
                C: #sea_orm::ConnectionTrait,
            {
                #private::version::update_without_returning(self, db).await
            }

            /// Inserts the row, or updates it unless it was changed since it was read.
            pub async fn save<C>(self, db: &C) -> ::core::result::Result<Self, #sea_orm::DbErr>
            where
                C: #sea_orm::ConnectionTrait,
            {
                #private::version::save(self, db).await
            }
        }
        #delete
    }
}

fn delete(private: &TokenStream) -> TokenStream {
    let sea_orm = quote!(#private::sea_orm);
    let result = quote!(::core::result::Result<#sea_orm::DeleteResult, #sea_orm::DbErr>);
    quote! {
        impl Model {
            /// Deletes the row unless it was changed since it was read.
            pub async fn delete<C>(self, db: &C) -> #result
            where
                C: #sea_orm::ConnectionTrait,
            {
                ActiveModel::from(self).delete(db).await
            }
        }

        impl ActiveModel {
            /// Deletes the row unless it was changed since it was read.
            pub async fn delete<C>(self, db: &C) -> #result
            where
                C: #sea_orm::ConnectionTrait,
            {
                #private::version::delete(self, db).await
            }
        }
    }
}
