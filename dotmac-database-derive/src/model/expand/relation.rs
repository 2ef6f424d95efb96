//! Inherent twins of `EntityTrait`'s relation builders: SeaORM's generated code calls them by path,
//! so that a relation to a soft-deletable entity hides its deleted rows.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};

use crate::model::entity::Entity;

pub fn expand(entity: &Entity, private: &TokenStream) -> TokenStream {
    let builders = [
        ("belongs_to", quote!()),
        ("has_one", quote!(+ #private::sea_orm::Related<Self>)),
        ("has_many", quote!(+ #private::sea_orm::Related<Self>)),
    ]
    .map(|(name, bound)| {
        let name = format_ident!("{name}");
        quote! {
            #[doc(hidden)]
            pub fn #name<R>(related: R) -> #private::sea_orm::RelationBuilder<Self, R>
            where
                R: #private::sea_orm::EntityTrait #bound,
            {
                #private::scope::hide_deleted(
                    <Self as #private::sea_orm::EntityTrait>::#name(related),
                )
            }
        }
    });
    let junctions = entity
        .junctions
        .iter()
        .map(|junction| junction_check(junction, private));
    quote! {
        impl Entity {
            #(#builders)*
            #[doc(hidden)]
            pub fn has_many_via<R, T>(
                related: R,
                relation: T,
            ) -> #private::sea_orm::RelationBuilder<Self, R>
            where
                R: #private::sea_orm::EntityTrait,
                T: #private::sea_orm::RelationTrait,
            {
                #private::scope::hide_deleted(
                    <Self as #private::sea_orm::EntityTrait>::has_many_via(related, relation),
                )
            }
        }
        #(#junctions)*
    }
}

// SeaORM's loader ignores conditions on the junction, and a marked link with a composite key could
// not be made again.
fn junction_check(junction: &syn::LitStr, private: &TokenStream) -> TokenStream {
    let module = junction.value();
    let Some(module) = module
        .split("::")
        .next()
        .filter(|m| syn::parse_str::<syn::Ident>(m).is_ok())
    else {
        return TokenStream::new();
    };
    let module = syn::Ident::new(module, junction.span());
    let message = format!(
        "`{module}` links a many-to-many relation and cannot be `SoftDelete`: a deleted link would \
         still be loaded; delete links for good, or load them through `has_many`"
    );
    quote_spanned! {junction.span()=>
        const _: () = {
            #[allow(unused_imports)]
            use #private::NotSoftDelete as _;
            assert!(!super::#module::Entity::SOFT_DELETE, #message);
        };
    }
}
