//! Expansions: a typical one held readable by a snapshot, and what no entity's may contain.

use proc_macro2::TokenStream;
use quote::quote;

use super::{expand, expand_with_mixins};
use crate::snapshot::assert_snapshot;

/// Someone debugging reads the expansion from top to bottom.
const READABLE: usize = 300;

#[test]
fn expansion_of_a_typical_entity_is_readable() {
    let order = quote! {
        /// An order.
        #[derive(
            Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware,
        )]
        #[sea_orm(table_name = "orders")]
        pub struct Model {
            /// Unique among the tenant's live orders.
            #[sea_orm(unique)]
            pub number: String,
            /// Who placed it.
            pub user_id: Option<Uuid>,
            /// Who placed it.
            #[sea_orm(belongs_to, from = "user_id", to = "id")]
            pub user: BelongsTo<Option<super::user::Entity>>,
            /// Its lines.
            #[sea_orm(has_many)]
            pub lines: HasMany<super::order_line::Entity>,
        }
    };
    let expansion = pretty(order);
    assert_snapshot("model/tests/order.expanded.txt", &expansion);
    let lines = expansion.lines().count();
    assert!(lines <= READABLE, "{lines} lines");
}

#[test]
fn every_emitted_path_follows_crate_key() {
    let expansion = pretty(quote! {
        #[derive(DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware)]
        #[dotmac(crate = "renamed", cached)]
        pub struct Model {
            #[sea_orm(has_many, via = "order_product")]
            pub products: HasMany<super::product::Entity>,
        }
    });
    assert!(expansion.contains("renamed::__private::"));
    assert!(!expansion.contains("dotmac_database"), "{expansion}");
}

#[test]
fn cached_entity_tells_the_registry_and_its_callers() {
    let expansion = pretty(quote! {
        #[derive(DeriveEntityModel, BaseModel)]
        #[dotmac(crate = "renamed", cached = "orders-2")]
        pub struct Model {
            pub number: String,
        }
    });
    for part in [
        "const CACHED: ::core::option::Option<fn() -> renamed::__private::CachedTable> =",
        "renamed::__private::CachedTable::of::<Entity>",
        "impl renamed::__private::Cached for Entity {",
        "const NAME: ::core::option::Option<&'static str> = ::core::option::Option::Some(",
        "\"orders-2\"",
    ] {
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        assert!(
            bare(&expansion).contains(&bare(part)),
            "{part}\n{expansion}"
        );
    }
}

#[test]
fn mixin_is_asked_and_calls_back() {
    let order = quote! {
        #[derive(DeriveEntityModel, BaseModel)]
        #[dotmac(crate = "renamed", mixin = crate::team::Organization, mixin = team::Note)]
        pub struct Model {
            pub number: String,
        }
    };
    let first = expand(TokenStream::new(), order.clone()).to_string();
    let question = |path: TokenStream, told: TokenStream| {
        quote!(#path! { { renamed::__private::model_with_mixins } #told #order }).to_string()
    };
    let organization = quote!({ pub organization_id: Uuid });
    assert_eq!(first, question(quote!(crate::team::Organization), quote!()));
    let second = expand_with_mixins(quote!(#organization #order)).to_string();
    assert_eq!(second, question(quote!(team::Note), organization.clone()));

    let note = quote!({ pub note: Option<String> });
    let last = expand_with_mixins(quote!(#note #organization #order));
    let expansion = prettyplease::unparse(&syn::parse2(last).unwrap());
    let place = |text: &str| expansion.find(text).unwrap_or_else(|| panic!("no {text}"));
    let columns = [
        "pub number: String,",
        "pub organization_id: mixin_organization_id::Uuid,",
        "pub note: Option<String>,",
        "pub created_at: ",
    ];
    assert!(columns.map(place).is_sorted(), "{expansion}");
    assert!(!expansion.contains("dotmac_database"), "{expansion}");
}

fn pretty(item: TokenStream) -> String {
    let expansion = expand(TokenStream::new(), item);
    prettyplease::unparse(&syn::parse2(expansion).unwrap())
}
