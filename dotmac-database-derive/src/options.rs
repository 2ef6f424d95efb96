//! `#[dotmac(…)]` on the struct: names, the tenant's type, mixins, hooks, the runtime's path.

use std::collections::HashMap;

use proc_macro2::Span;
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, LitStr, Meta, Path, Token, Type};

use crate::diagnostic::{Diagnostics, nearest, text};
use crate::feature::Role;
use crate::root;

/// What `#[dotmac(…)]` says about an entity.
pub struct Options {
    names: HashMap<&'static str, LitStr>,
    pub tenant_type: Option<Type>,
    /// Where hooks are announced.
    pub hooks: Option<Span>,
    /// Whose columns the entity adds, in their order.
    pub mixins: Vec<Path>,
    /// What stands before the table's name, instead of the crate's prefix.
    pub table_prefix: Option<LitStr>,
    /// That rows are cached.
    pub cached: Option<Cached>,
    pub root: Path,
}

/// `cached`, or `cached = "name"`.
pub struct Cached {
    pub span: Span,
    pub name: Option<LitStr>,
}

const OTHER_KEYS: [&str; 6] = [
    "tenant_type",
    "table_prefix",
    "mixin",
    "cached",
    "hooks",
    "crate",
];

impl Options {
    pub fn is_attribute(attribute: &Attribute) -> bool {
        attribute.path().is_ident("dotmac")
    }

    /// Reads every key, past those that are wrong.
    pub fn parse(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut options = Options {
            names: HashMap::new(),
            tenant_type: None,
            hooks: None,
            mixins: Vec::new(),
            table_prefix: None,
            cached: None,
            root: root::default(),
        };
        let mut seen = Vec::new();
        for attribute in attributes.iter().filter(|a| Self::is_attribute(a)) {
            let metas = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
            for meta in diagnostics.ok(metas).into_iter().flatten() {
                let key = meta.path().to_token_stream().to_string();
                if seen.contains(&key) && key != "mixin" {
                    diagnostics.at(meta.path(), format!("`{key}` is given twice"));
                } else {
                    let read = options.read(&key, &meta);
                    diagnostics.ok(read);
                }
                seen.push(key);
            }
        }
        options
    }

    /// The name of the column that plays `role`.
    pub fn name(&self, role: Role) -> String {
        self.names
            .get(role.key())
            .map_or_else(|| role.key().to_owned(), LitStr::value)
    }

    /// The overrides that were given, with the tokens to blame.
    pub fn overridden(&self) -> impl Iterator<Item = (Role, &LitStr)> {
        Role::ALL
            .into_iter()
            .filter_map(|role| self.names.get(role.key()).map(|name| (role, name)))
    }

    fn read(&mut self, key: &str, meta: &Meta) -> syn::Result<()> {
        if let Some(role) = Role::ALL.into_iter().find(|role| key == role.key()) {
            let name = text(meta)?;
            name.parse::<syn::Ident>().map_err(|_| {
                syn::Error::new(name.span(), "a column's name must be a Rust identifier")
            })?;
            self.names.insert(role.key(), name);
            return Ok(());
        }
        match key {
            "tenant_type" => self.tenant_type = Some(tenant_type(&text(meta)?)?),
            "hooks" => {
                meta.require_path_only()?;
                self.hooks = Some(meta.span());
            }
            "mixin" => self.add_mixin(mixin(meta)?)?,
            "table_prefix" => self.table_prefix = Some(table_prefix(meta)?),
            "cached" => self.cached = Some(cached(meta)?),
            "crate" => self.root = text(meta)?.parse()?,
            _ => return Err(syn::Error::new_spanned(meta.path(), unknown(key))),
        }
        Ok(())
    }

    fn add_mixin(&mut self, path: Path) -> syn::Result<()> {
        if self.mixins.contains(&path) {
            let message = format!("the mixin `{}` is given twice", name_of(&path));
            return Err(syn::Error::new_spanned(path, message));
        }
        self.mixins.push(path);
        Ok(())
    }
}

/// The name of a mixin, for messages.
pub fn name_of(mixin: &Path) -> String {
    let last = mixin.segments.last();
    last.map(|last| last.ident.to_string()).unwrap_or_default()
}

/// A path and no string, so that errors can point into it.
fn mixin(meta: &Meta) -> syn::Result<Path> {
    match &meta.require_name_value()?.value {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path.clone()),
        other => Err(syn::Error::new_spanned(
            other,
            "expected the path of a mixin: `mixin = path::to::Mixin`",
        )),
    }
}

fn table_prefix(meta: &Meta) -> syn::Result<LitStr> {
    let prefix = text(meta)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match prefix.value().chars().all(is_plain) {
        true => Ok(prefix),
        false => Err(syn::Error::new(
            prefix.span(),
            "a table's prefix may hold ASCII letters, digits and `_` only",
        )),
    }
}

fn cached(meta: &Meta) -> syn::Result<Cached> {
    let span = meta.path().span();
    let Meta::NameValue(_) = meta else {
        meta.require_path_only()?;
        return Ok(Cached { span, name: None });
    };
    let name = text(meta)?;
    let value = name.value();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if value.is_empty() || value.len() > 64 || !value.chars().all(is_plain) {
        return Err(syn::Error::new(
            name.span(),
            "a cache's name is 1 to 64 of the ASCII letters, digits, `_`, `-` and `.`",
        ));
    }
    Ok(Cached {
        span,
        name: Some(name),
    })
}

fn tenant_type(literal: &LitStr) -> syn::Result<Type> {
    match literal.value().as_str() {
        "String" | "Uuid" | "i64" => literal.parse(),
        other => Err(syn::Error::new(
            literal.span(),
            format!("`tenant_type` must be \"String\", \"Uuid\" or \"i64\", not \"{other}\""),
        )),
    }
}

fn unknown(key: &str) -> String {
    let known = Role::ALL.into_iter().map(Role::key).chain(OTHER_KEYS);
    match nearest(key, known) {
        Some(hint) => format!("unknown key `{key}`: did you mean `{hint}`?"),
        None => format!(
            "unknown key `{key}`: expected a column ({}) or one of {}",
            Role::ALL.map(Role::key).join(", "),
            OTHER_KEYS.join(", "),
        ),
    }
}
