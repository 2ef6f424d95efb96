//! What a mixin expands to: the struct of its values, that of its columns, its traits, and the macro
//! that tells entities its fields.

use std::hash::{DefaultHasher, Hash, Hasher};

use heck::ToSnakeCase;
use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Ident, Visibility};

use super::attribute::Mixin;
use super::column_type::core_of;

impl Mixin {
    /// Everything that `#[dotmac_database::mixin]` emits.
    pub fn expand(&self) -> TokenStream {
        let root = &self.root;
        let private = quote!(#root::__private);
        let values = self.values(&private);
        let columns = self.columns();
        let traits = self.traits(&private);
        let callback = self.callback();
        quote! {
            #values
            #columns
            #traits
            #callback
        }
    }

    /// The struct as hooks see it: what `ActiveModel` is to an entity.
    fn values(&self, private: &TokenStream) -> TokenStream {
        let (attributes, visibility, name) = (&self.item.attrs, &self.item.vis, &self.item.ident);
        let fields = self.columns.iter().map(|field| {
            let (docs, name, ty) = (docs(&field.attrs), &field.ident, &field.ty);
            quote!(#(#docs)* pub #name: #private::sea_orm::ActiveValue<#ty>)
        });
        quote! {
            #(#attributes)*
            #visibility struct #name {
                #(#fields,)*
            }
        }
    }

    fn columns(&self) -> Option<TokenStream> {
        // What is left of a mixin with mistakes only.
        if self.columns.is_empty() {
            return None;
        }
        let (visibility, name) = (&self.item.vis, self.columns_name());
        let doc = format!(" The columns of `{}` in an entity.", self.item.ident);
        let fields = self.columns.iter().map(|field| {
            let (docs, name) = (docs(&field.attrs), &field.ident);
            quote!(#(#docs)* pub #name: C)
        });
        Some(quote! {
            #[doc = #doc]
            #[derive(Debug, Clone, Copy)]
            #[allow(dead_code)]
            #visibility struct #name<C> {
                #(#fields,)*
            }
        })
    }

    fn traits(&self, private: &TokenStream) -> TokenStream {
        let (name, columns) = (&self.item.ident, self.columns_name());
        let columns = match self.columns.is_empty() {
            true => quote!(()),
            false => quote!(#columns<C>),
        };
        let types = self.columns.iter().enumerate().map(|(index, field)| {
            let core = core_of(&field.ty);
            quote! {
                impl #private::MixinColumn<#index> for #name {
                    type Type = #core;
                }
            }
        });
        quote! {
            impl #private::Mixin for #name {
                type Columns<C> = #columns;

                async fn run_hooks<C>(&mut self, db: &C, insert: bool) -> #private::Result<()>
                where
                    C: #private::sea_orm::ConnectionTrait,
                {
                    #[allow(unused_imports)]
                    use #private::{MixinHooks as _, NoMixinHooks as _};
                    self.before_save(db, insert).await
                }
            }
            #(#types)*
        }
    }

    /// A macro and a struct of one name live side by side. What other crates may call stands at the
    /// root of this one under a name of its own.
    fn callback(&self) -> TokenStream {
        let (visibility, name, columns) = (&self.item.vis, &self.item.ident, &self.columns);
        let export = matches!(visibility, Visibility::Public(_)).then(|| quote!(#[macro_export]));
        let callback = self.callback_name();
        quote! {
            #[doc(hidden)]
            #export
            macro_rules! #callback {
                ({ $($model:tt)* } $($entity:tt)*) => {
                    $($model)*! { { #(#columns,)* } $($entity)* }
                };
            }
            #[doc(hidden)]
            #[allow(unused_imports)]
            #visibility use #callback as #name;
        }
    }

    fn columns_name(&self) -> Ident {
        format_ident!("{}Columns", self.item.ident)
    }

    /// Two modules of one crate may have mixins of one name.
    fn callback_name(&self) -> Ident {
        let mut hasher = DefaultHasher::new();
        self.item.to_token_stream().to_string().hash(&mut hasher);
        if proc_macro::is_available() {
            let place = proc_macro::Span::call_site();
            (place.file(), place.line(), place.column()).hash(&mut hasher);
        }
        let name = self.item.ident.to_string().to_snake_case();
        format_ident!("__mixin_{name}_{:016x}", hasher.finish())
    }
}

fn docs(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|a| a.path().is_ident("doc"))
}
