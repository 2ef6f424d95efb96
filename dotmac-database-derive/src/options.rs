//! `#[dotmac(…)]` on the struct: names, the tenant's type, hooks, the runtime's path.

use std::collections::HashMap;

use quote::ToTokens;
use syn::{Attribute, LitStr, Path, Type, meta::ParseNestedMeta};

use crate::diagnostic::{Diagnostics, nearest};
use crate::feature::Role;
use crate::root;

/// What `#[dotmac(…)]` says about an entity.
pub struct Options {
    names: HashMap<&'static str, LitStr>,
    pub tenant_type: Option<Type>,
    pub hooks: bool,
    pub root: Path,
}

const OTHER_KEYS: [&str; 3] = ["tenant_type", "hooks", "crate"];

impl Options {
    pub fn is_attribute(attribute: &Attribute) -> bool {
        attribute.path().is_ident("dotmac")
    }

    pub fn parse(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut options = Options {
            names: HashMap::new(),
            tenant_type: None,
            hooks: false,
            root: root::default(),
        };
        for attribute in attributes.iter().filter(|a| Self::is_attribute(a)) {
            let parsed = attribute.parse_nested_meta(|meta| options.read(&meta));
            diagnostics.ok(parsed);
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

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let key = meta.path.to_token_stream().to_string();
        if let Some(role) = Role::ALL.into_iter().find(|role| key == role.key()) {
            let name = meta.value()?.parse::<LitStr>()?;
            name.parse::<syn::Ident>().map_err(|_| {
                syn::Error::new(name.span(), "a column's name must be a Rust identifier")
            })?;
            self.names.insert(role.key(), name);
            return Ok(());
        }
        match key.as_str() {
            "tenant_type" => self.tenant_type = Some(tenant_type(meta)?),
            "hooks" => self.hooks = true,
            "crate" => self.root = meta.value()?.parse::<LitStr>()?.parse()?,
            _ => return Err(meta.error(unknown(&key))),
        }
        Ok(())
    }
}

fn tenant_type(meta: &ParseNestedMeta<'_>) -> syn::Result<Type> {
    let literal = meta.value()?.parse::<LitStr>()?;
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
