//! `#[sea_orm(…)]` on the struct: what names the table is ours, the rest is SeaORM's.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, LitStr, Meta, Token, punctuated::Punctuated};

use crate::diagnostic::{Diagnostics, text};

/// The table that an entity is stored in.
#[derive(Default)]
pub struct Table {
    name: Option<TokenStream>,
    schema: Option<TokenStream>,
    comment: Option<TokenStream>,
    /// Attributes that go on to SeaORM.
    pub rest: Vec<Meta>,
}

impl Table {
    pub fn parse(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut table = Table::default();
        for attribute in attributes.iter().filter(|a| a.path().is_ident("sea_orm")) {
            let metas = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            for meta in diagnostics.ok(metas).into_iter().flatten() {
                let added = table.add(meta);
                diagnostics.ok(added);
            }
        }
        table
    }

    /// The name as an expression of type `&'static str`: by default the module's, and behind the
    /// prefix of the crate.
    pub fn name(&self, private: &TokenStream, prefix: Option<&LitStr>) -> TokenStream {
        let name = self
            .name
            .clone()
            .unwrap_or_else(|| quote!(#private::last_segment(::core::module_path!())));
        match prefix {
            Some(prefix) => quote!(#private::table_name!(#name, #prefix)),
            None => quote!(#private::table_name!(#name)),
        }
    }

    pub fn schema(&self) -> TokenStream {
        optional(self.schema.as_ref())
    }

    pub fn comment(&self) -> TokenStream {
        optional(self.comment.as_ref())
    }

    fn add(&mut self, meta: Meta) -> syn::Result<()> {
        let slot = if meta.path().is_ident("table_name") {
            &mut self.name
        } else if meta.path().is_ident("schema_name") {
            &mut self.schema
        } else if meta.path().is_ident("comment") {
            &mut self.comment
        } else {
            self.rest.push(meta);
            return Ok(());
        };
        *slot = Some(text(&meta)?.into_token_stream());
        Ok(())
    }
}

fn optional(value: Option<&TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
