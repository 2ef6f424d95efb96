//! Collects every mistake of one macro call, so that the compiler tells them all at once.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Expr, ExprLit, Lit, LitStr, Meta};

/// The mistakes found so far.
#[derive(Default)]
pub struct Diagnostics(Option<syn::Error>);

impl Diagnostics {
    pub fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Reports `message` at `tokens`.
    pub fn at(&mut self, tokens: impl quote::ToTokens, message: impl std::fmt::Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Takes the value, or reports the error and goes on without it.
    pub fn ok<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// The `compile_error!`s to emit beside the expansion; nothing if there was no mistake.
    pub fn into_tokens(self) -> TokenStream {
        self.0
            .map(|errors| errors.to_compile_error())
            .unwrap_or_default()
    }
}

/// What an entity is, told of something else.
pub fn not_a_struct(found: &str, span: Span) -> syn::Error {
    let message = format!("an entity is a struct `Model` with named fields, not {found}");
    syn::Error::new(span, message)
}

/// The string in `key = "…"`.
pub fn text(meta: &Meta) -> syn::Result<LitStr> {
    match &meta.require_name_value()?.value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Ok(text.clone()),
        other => {
            let key = meta.path().to_token_stream();
            let message = format!("expected a string: `{key} = \"…\"`");
            Err(syn::Error::new_spanned(other, message))
        }
    }
}

/// The known name that is nearest to `name`, if one is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn hint_names_the_nearest_key() {
        assert_eq!(
            nearest("tenant_di", ["deleted_at", "tenant_id"]),
            Some("tenant_id")
        );
    }

    #[test]
    fn no_hint_for_something_else() {
        assert_eq!(nearest("banana", ["deleted_at", "tenant_id"]), None);
    }
}
