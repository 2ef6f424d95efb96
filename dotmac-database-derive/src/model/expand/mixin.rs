//! What mixins give an entity beside their fields: the types, the trait for generic code, the hooks.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::entity::Entity;
use crate::model::mixin::{Alias, Mixin};

pub fn expand(entity: &Entity, private: &TokenStream) -> TokenStream {
    entity
        .mixins
        .iter()
        .map(|mixin| {
            let aliases = mixin.columns.iter().filter_map(|c| c.alias.as_ref());
            let aliases = aliases.map(|alias| type_of(alias, mixin, private));
            let implementation = implement(mixin, private);
            quote!(#(#aliases)* #implementation)
        })
        .collect()
}

/// The functions of `Featured` that run the mixins' hooks; its own default where there are none.
pub fn hooks(entity: &Entity, private: &TokenStream) -> Option<TokenStream> {
    let mixins = entity.mixins.iter().filter(|m| !m.columns.is_empty());
    let paths: Vec<_> = mixins.map(|mixin| &mixin.path).collect();
    if paths.is_empty() {
        return None;
    }
    Some(quote! {
        async fn mix<C>(
            row: ActiveModel,
            db: &C,
            insert: bool,
        ) -> ::core::result::Result<ActiveModel, #private::sea_orm::DbErr>
        where
            C: #private::sea_orm::ConnectionTrait,
        {
            #(let row = #private::mixin_before_save::<#paths, _, _>(row, db, insert).await?;)*
            ::core::result::Result::Ok(row)
        }
    })
}

// A module of its own, so that the name hides nothing in the entity's.
fn type_of(alias: &Alias, mixin: &Mixin, private: &TokenStream) -> TokenStream {
    let Alias {
        module,
        name,
        index,
    } = alias;
    let path = mixin.path_from_inside();
    quote! {
        #[doc(hidden)]
        #[allow(unused_imports)]
        mod #module {
            use super::*;
            pub type #name = <#path as #private::MixinColumn<#index>>::Type;
        }
    }
}

fn implement(mixin: &Mixin, private: &TokenStream) -> Option<TokenStream> {
    // A mixin without columns was reported where it stands.
    if mixin.columns.is_empty() {
        return None;
    }
    let path = &mixin.path;
    let fields: Vec<_> = mixin.columns.iter().map(|column| &column.ident).collect();
    let variants = mixin.columns.iter().map(|column| &column.variant);
    Some(quote! {
        impl #private::HasMixin<#path> for Entity {
            const COLUMNS: <#path as #private::Mixin>::Columns<Column> = {
                type Columns = <#path as #private::Mixin>::Columns<Column>;
                Columns { #(#fields: Column::#variants),* }
            };
            fn take(row: &mut ActiveModel) -> #path {
                #path { #(#fields: ::core::mem::take(&mut row.#fields)),* }
            }
            fn put(row: &mut ActiveModel, values: #path) {
                #(row.#fields = values.#fields;)*
            }
        }
    })
}
