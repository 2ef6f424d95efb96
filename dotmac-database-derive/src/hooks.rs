//! `#[dotmac_database::hooks]`: a user's own `ActiveModelBehavior`, with the stamps around it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{ImplItem, ImplItemFn, ItemImpl, Path};

use crate::diagnostic::Diagnostics;
use crate::root;

/// Expands `#[dotmac_database::hooks]`.
pub fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let root = diagnostics
        .ok(root::of_arguments(args, "hooks"))
        .unwrap_or_else(root::default);
    let expansion = match parse(item.clone(), &mut diagnostics) {
        Ok(behavior) => behavior.expand(&root),
        Err(error) => {
            diagnostics.push(error);
            item
        }
    };
    let errors = diagnostics.into_tokens();
    quote!(#errors #expansion)
}

struct Behavior {
    item: ItemImpl,
    before_save: Option<ImplItemFn>,
    before_delete: Option<ImplItemFn>,
}

fn parse(item: TokenStream, diagnostics: &mut Diagnostics) -> syn::Result<Behavior> {
    let mut item: ItemImpl = syn::parse2(item)?;
    let is_behavior = item.trait_.as_ref().is_some_and(|(_, path, _)| {
        path.segments
            .last()
            .is_some_and(|last| last.ident == "ActiveModelBehavior")
    });
    if !is_behavior {
        return Err(syn::Error::new_spanned(
            &item.self_ty,
            "`#[dotmac_database::hooks]` composes `impl ActiveModelBehavior for ActiveModel`",
        ));
    }
    item.attrs.retain(|attribute| {
        attribute
            .path()
            .segments
            .last()
            .is_none_or(|s| s.ident != "async_trait")
    });
    let before_save = take(&mut item, "before_save", diagnostics);
    let before_delete = take(&mut item, "before_delete", diagnostics);
    Ok(Behavior {
        item,
        before_save,
        before_delete,
    })
}

/// Takes the hook out of the `impl`; one that cannot be composed is reported, and lost.
fn take(item: &mut ItemImpl, name: &str, diagnostics: &mut Diagnostics) -> Option<ImplItemFn> {
    let at = item
        .items
        .iter()
        .position(|item| matches!(item, ImplItem::Fn(function) if function.sig.ident == name))?;
    let ImplItem::Fn(function) = item.items.remove(at) else {
        return None;
    };
    if function.sig.asyncness.is_none() {
        diagnostics.at(
            &function.sig.ident,
            "put `#[dotmac_database::hooks]` above `#[async_trait]`, or leave that one out",
        );
        return None;
    }
    Some(function)
}

impl Behavior {
    fn expand(self, root: &Path) -> TokenStream {
        let private = quote!(#root::__private);
        let model = &self.item.self_ty;
        let attributes = &self.item.attrs;
        let rest = &self.item.items;
        let own = [&self.before_save, &self.before_delete]
            .into_iter()
            .flatten();
        let result = quote!(::core::result::Result<Self, #private::sea_orm::DbErr>);
        quote! {
            #[#private::async_trait]
            impl #private::ComposedHooks for #model {
                #(#own)*
            }

            #(#attributes)*
            #[#private::async_trait]
            impl #private::sea_orm::ActiveModelBehavior for #model {
                async fn before_save<C>(self, db: &C, insert: bool) -> #result
                where
                    C: #private::sea_orm::ConnectionTrait,
                {
                    let stamped = #private::stamp::before_hooks(self, db, insert)?;
                    let mixed = #private::mix(stamped, db, insert).await?;
                    let changed = #private::ComposedHooks::before_save(mixed, db, insert).await?;
                    #private::hook::before_save(changed, db, insert).await
                }

                async fn before_delete<C>(self, db: &C) -> #result
                where
                    C: #private::sea_orm::ConnectionTrait,
                {
                    let checked = #private::hook::before_delete(self, db).await?;
                    #private::ComposedHooks::before_delete(checked, db).await
                }

                #(#rest)*
            }
        }
    }
}
