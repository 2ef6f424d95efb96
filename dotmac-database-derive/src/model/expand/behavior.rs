//! SeaORM's hooks: ours alone, or none where the user's `impl` is composed by `#[hooks]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use crate::feature::Feature;
use crate::model::entity::Entity;

pub fn expand(entity: &Entity, private: &TokenStream) -> TokenStream {
    if let Some(span) = entity.options.hooks {
        // The deletion of a soft-deletable entity asks for the hooks already.
        if entity.has(Feature::SoftDelete) {
            return TokenStream::new();
        }
        let composed = quote_spanned!(span=> composed::<ActiveModel>());
        return quote! {
            const _: fn() = || {
                fn composed<A: #private::ComposedHooks>() {}
                #composed;
            };
        };
    }
    let stamped = match entity.mixins.is_empty() {
        true => quote!(#private::hook::before_save(self, db, insert).await),
        false => quote! {
            let stamped = #private::stamp::before_hooks(self, db, insert)?;
            let mixed = <Entity as #private::Featured>::mix(stamped, db, insert).await?;
            #private::hook::before_save(mixed, db, insert).await
        },
    };
    quote! {
        #[#private::async_trait]
        impl #private::sea_orm::ActiveModelBehavior for ActiveModel {
            async fn before_save<C>(
                self,
                db: &C,
                insert: bool,
            ) -> ::core::result::Result<Self, #private::sea_orm::DbErr>
            where
                C: #private::sea_orm::ConnectionTrait,
            {
                #stamped
            }

            async fn before_delete<C>(
                self,
                db: &C,
            ) -> ::core::result::Result<Self, #private::sea_orm::DbErr>
            where
                C: #private::sea_orm::ConnectionTrait,
            {
                #private::hook::before_delete(self, db).await
            }
        }
    }
}
