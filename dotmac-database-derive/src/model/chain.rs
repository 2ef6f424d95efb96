//! The way of an entity through its mixins: each one's macro is asked in turn, and calls back with its
//! columns in front of what it was given.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::{FieldsNamed, ItemStruct, token};

use super::entity::Entity;
use crate::diagnostic::Diagnostics;
use crate::options::Options;

/// The question to the first mixin that has told nothing yet; none where all have.
///
/// What is wrong with the entity is reported once, when all is known.
pub fn ask(item: &ItemStruct, told: &[FieldsNamed]) -> Option<TokenStream> {
    let options = Options::parse(&item.attrs, &mut Diagnostics::default());
    let mixin = options.mixins.get(told.len())?;
    let root = &options.root;
    let told = told.iter().rev();
    Some(quote! {
        #mixin! {
            { #root::__private::model_with_mixins }
            #(#told)*
            #item
        }
    })
}

/// Expands what a mixin's macro calls back with.
pub fn expand(input: TokenStream) -> TokenStream {
    let Answer { told, item } = match syn::parse2(input) {
        Ok(answer) => answer,
        Err(error) => return error.to_compile_error(),
    };
    ask(&item, &told).unwrap_or_else(|| {
        let mut diagnostics = Diagnostics::default();
        let expansion = Entity::parse(item, &told, &mut diagnostics).expand();
        let errors = diagnostics.into_tokens();
        quote!(#errors #expansion)
    })
}

/// An entity, and what its mixins told so far, in their order.
struct Answer {
    told: Vec<FieldsNamed>,
    item: ItemStruct,
}

impl Parse for Answer {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut told = Vec::new();
        while input.peek(token::Brace) {
            told.insert(0, input.parse()?);
        }
        let item = input.parse()?;
        Ok(Answer { told, item })
    }
}
