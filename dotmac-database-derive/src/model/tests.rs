//! Expansions: a typical one held readable by a snapshot, and what no entity's may contain.

use std::path::Path;
use std::{env, fs};

use proc_macro2::TokenStream;
use quote::quote;

use super::expand;

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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model/tests/order.expanded.txt");
    if env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &expansion).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert!(
        expansion == expected,
        "{} differs: look at `UPDATE_EXPECT=1 cargo test` and git diff",
        path.display(),
    );
    let lines = expansion.lines().count();
    assert!(lines <= READABLE, "{lines} lines");
}

#[test]
fn every_emitted_path_follows_crate_key() {
    let expansion = pretty(quote! {
        #[derive(DeriveEntityModel, BaseModel, SoftDelete, Audited, TenantAware)]
        #[dotmac(crate = "renamed")]
        pub struct Model {
            #[sea_orm(has_many, via = "order_product")]
            pub products: HasMany<super::product::Entity>,
        }
    });
    assert!(expansion.contains("renamed::__private::"));
    assert!(!expansion.contains("dotmac_database"), "{expansion}");
}

fn pretty(item: TokenStream) -> String {
    let expansion = expand(TokenStream::new(), item);
    prettyplease::unparse(&syn::parse2(expansion).unwrap())
}
