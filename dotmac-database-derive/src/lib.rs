//! Macros of `dotmac-database`; use them through that crate, which documents them.
//!
//! The order of the work is the order of the modules: `model` reads the struct that an entity is
//! written as, injects columns and hands on to SeaORM; `alone` serves the same derives where
//! `#[dotmac_database::model]` is absent; `hooks` composes a user's own hooks with ours; `mixin` makes
//! a set of columns that entities add by name.

mod ability;
mod alone;
mod diagnostic;
mod feature;
mod hooks;
mod mixin;
mod model;
mod options;
mod root;
#[cfg(test)]
mod snapshot;

use proc_macro::TokenStream;

#[doc = include_str!("../docs/model.md")]
#[proc_macro_attribute]
pub fn model(args: TokenStream, item: TokenStream) -> TokenStream {
    model::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/hooks.md")]
#[proc_macro_attribute]
pub fn hooks(args: TokenStream, item: TokenStream) -> TokenStream {
    hooks::expand(args.into(), item.into()).into()
}

#[doc = include_str!("../docs/mixin.md")]
#[proc_macro_attribute]
pub fn mixin(args: TokenStream, item: TokenStream) -> TokenStream {
    mixin::expand(args.into(), item.into()).into()
}

// What a mixin's macro calls back with its columns, and an entity.
#[doc(hidden)]
#[proc_macro]
pub fn model_with_mixins(input: TokenStream) -> TokenStream {
    model::expand_with_mixins(input.into()).into()
}

/// Adds `id` (UUIDv7 primary key), `created_at` and `updated_at`. See `#[dotmac_database::model]`.
#[proc_macro_derive(BaseModel, attributes(dotmac, sea_orm))]
pub fn base_model(item: TokenStream) -> TokenStream {
    alone::expand(feature::Feature::BaseModel, item.into()).into()
}

/// Adds `created_at` and `updated_at`. See `#[dotmac_database::model]`.
#[proc_macro_derive(Timestamps, attributes(dotmac, sea_orm))]
pub fn timestamps(item: TokenStream) -> TokenStream {
    alone::expand(feature::Feature::Timestamps, item.into()).into()
}

/// Makes deletion a mark that hides the row. See `#[dotmac_database::model]`.
#[proc_macro_derive(SoftDelete, attributes(dotmac, sea_orm))]
pub fn soft_delete(item: TokenStream) -> TokenStream {
    alone::expand(feature::Feature::SoftDelete, item.into()).into()
}

/// Records who wrote a row, and in which request. See `#[dotmac_database::model]`.
#[proc_macro_derive(Audited, attributes(dotmac, sea_orm))]
pub fn audited(item: TokenStream) -> TokenStream {
    alone::expand(feature::Feature::Audited, item.into()).into()
}

/// Gives every row a tenant. See `#[dotmac_database::model]`.
#[proc_macro_derive(TenantAware, attributes(dotmac, sea_orm))]
pub fn tenant_aware(item: TokenStream) -> TokenStream {
    alone::expand(feature::Feature::TenantAware, item.into()).into()
}

/// Refuses to overwrite what somebody else wrote meanwhile. See `#[dotmac_database::model]`.
#[proc_macro_derive(Versioned, attributes(dotmac, sea_orm))]
pub fn versioned(item: TokenStream) -> TokenStream {
    alone::expand(feature::Feature::Versioned, item.into()).into()
}
