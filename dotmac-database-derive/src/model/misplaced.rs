//! An attribute below its derives: what SeaORM's derive still needs, so that this is told once.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ItemStruct;

use crate::diagnostic::Diagnostics;
use crate::options::Options;

/// Reports the place, and emits the struct with the items that SeaORM's own attribute would add.
pub fn expand(mut item: ItemStruct, diagnostics: &mut Diagnostics) -> TokenStream {
    diagnostics.push(syn::Error::new(
        Span::call_site(),
        "`#[dotmac_database::model]` must stand above `#[derive(…, DeriveEntityModel, …)]`",
    ));
    let root = Options::parse(&item.attrs, diagnostics).root;
    let sea_orm = quote!(#root::__private::sea_orm);
    // Their derives are gone, and with them the meaning of helper attributes.
    item.attrs.clear();
    for field in &mut item.fields {
        field.attrs.clear();
    }
    let visibility = &item.vis;
    quote! {
        #item

        #[derive(Copy, Clone, Debug, #sea_orm::EnumIter, #sea_orm::DeriveRelation)]
        #visibility enum Relation {}

        impl #sea_orm::ActiveModelBehavior for ActiveModel {}
    }
}
