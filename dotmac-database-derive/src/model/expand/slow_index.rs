//! Warnings of indexes that are of little use under policies.
//!
//! Stable Rust lets a macro warn in one way only: by the use of an item that it declares deprecated.

use proc_macro2::TokenStream;
use quote::quote;

use crate::feature::Feature;
use crate::model::entity::Entity;

pub fn expand(entity: &Entity) -> TokenStream {
    if !entity.has(Feature::TenantAware) {
        return TokenStream::new();
    }
    let slow = entity.field_keys.slow.iter();
    slow.map(|slow| {
        let (field, remedy) = (&slow.field, slow.remedy);
        let note = format!(
            "an index cannot find values of this type under row-level security, because their \
             operators are not leakproof: PostgreSQL reads all rows of the tenant; {remedy}, or say \
             `#[dotmac(accept_slow_index)]`",
        );
        quote! {
            const _: () = {
                #[deprecated(note = #note)]
                #[allow(non_upper_case_globals)]
                const #field: () = ();
                #field
            };
        }
    })
    .collect()
}
