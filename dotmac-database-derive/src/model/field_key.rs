//! `#[dotmac(…)]` on fields: what is unique, what is searched for, and with what index.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, Field, Meta, Token};

use super::search::{self, Search};
use super::slow_index::{self, SlowIndex};
use super::unique::{self, UniqueKey};
use crate::diagnostic::{Diagnostics, nearest};
use crate::options::Options;

const KEYS: [&str; 4] = [
    "unique",
    "prefix_search",
    "case_insensitive",
    "accept_slow_index",
];

/// What the fields' attributes say of the entity.
#[derive(Default)]
pub struct FieldKeys {
    pub unique: Vec<UniqueKey>,
    pub search: Search,
    /// Indexed columns whose index is of little use under policies.
    pub slow: Vec<SlowIndex>,
}

/// Takes the attributes out of the fields, which SeaORM would not know.
pub fn take<'a>(
    fields: impl IntoIterator<Item = &'a mut Field>,
    diagnostics: &mut Diagnostics,
) -> FieldKeys {
    let mut keys = FieldKeys::default();
    for field in fields {
        let mut is_unique = false;
        let mut is_accepted = false;
        for attribute in take_attributes(field) {
            let metas = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            for meta in diagnostics.ok(metas).into_iter().flatten() {
                is_unique |= meta.path().is_ident("unique");
                is_accepted |= meta.path().is_ident("accept_slow_index");
                let added = add(&mut keys, field, &meta);
                diagnostics.ok(added);
            }
        }
        if !is_accepted {
            keys.slow.extend(slow_index::of(field, is_unique));
        }
    }
    keys
}

fn take_attributes(field: &mut Field) -> Vec<Attribute> {
    let attributes = std::mem::take(&mut field.attrs);
    let (ours, others) = attributes.into_iter().partition(Options::is_attribute);
    field.attrs = others;
    ours
}

fn add(keys: &mut FieldKeys, field: &Field, meta: &Meta) -> syn::Result<()> {
    let key = meta.path().to_token_stream().to_string();
    match key.as_str() {
        "unique" => unique::add(&mut keys.unique, field, meta),
        "prefix_search" => search::add(&mut keys.search.by_prefix, field, meta),
        "case_insensitive" => search::add(&mut keys.search.ignoring_case, field, meta),
        "accept_slow_index" => meta.require_path_only().map(|_| ()),
        _ => {
            let message = match nearest(&key, KEYS) {
                Some(hint) => format!("unknown key `{key}`: did you mean `{hint}`?"),
                None => format!(
                    "unknown key `{key}`: a field takes one of {}",
                    KEYS.join(", "),
                ),
            };
            Err(syn::Error::new_spanned(meta.path(), message))
        }
    }
}
