//! The expansion of a mixin, as someone debugging reads it.

use proc_macro2::TokenStream;
use quote::quote;

use super::expand;
use crate::snapshot::assert_snapshot;

#[test]
fn expansion_of_a_mixin_is_readable() {
    let expansion = expand(
        TokenStream::new(),
        quote! {
            /// Who owns the row.
            #[derive(Debug)]
            pub struct Ownership {
                /// The owner.
                #[sea_orm(indexed)]
                pub owner: Option<Uuid>,
            }
        },
    );
    let text = prettyplease::unparse(&syn::parse2(expansion).unwrap());
    let callback = text.split("macro_rules! ").nth(1).unwrap();
    let callback = callback.split_whitespace().next().unwrap();
    let text = text.replace(callback, "__mixin_ownership_0");
    assert_snapshot("mixin/tests/ownership.expanded.txt", &text);
}

#[test]
fn every_emitted_path_follows_crate_key() {
    let expansion = expand(
        quote!(crate = "renamed"),
        quote!(
            struct Named {
                name: String,
            }
        ),
    );
    assert!(!expansion.to_string().contains("dotmac_database"));
}

#[test]
fn only_a_public_mixin_is_exported() {
    let exports = |item| {
        let expansion = expand(TokenStream::new(), item).to_string();
        expansion.contains("macro_export")
    };
    assert!(exports(quote!(
        pub struct Named {
            name: String,
        }
    )));
    assert!(!exports(quote!(
        pub(crate) struct Named {
            name: String,
        }
    )));
    assert!(!exports(quote!(
        struct Named {
            name: String,
        }
    )));
}
