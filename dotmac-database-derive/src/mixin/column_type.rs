//! The types of a mixin's columns, in an entity of another module.
//!
//! Seam into SeaORM 2.0: it reads types as text, looks for `Option` and `Vec`, and picks a column's
//! operators by the last name in the path. So these stay as they are written, and only what stands
//! inside becomes an alias.

use syn::{GenericArgument, PathArguments, PathSegment, Type, parse_quote};

/// Types that mean the same in every module.
const UNIVERSAL: [&str; 14] = [
    "String", "bool", "char", "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "f32",
    "f64",
];

/// The type inside of `Option` and `Vec`.
pub fn core_of(ty: &Type) -> &Type {
    match wrapped(ty) {
        Some((_, inner)) => core_of(inner),
        None => ty,
    }
}

/// The same type around another core.
pub fn with_core(ty: &Type, core: &Type) -> Type {
    match wrapped(ty) {
        Some((wrapper, inner)) => {
            let wrapper = &wrapper.ident;
            let inner = with_core(inner, core);
            parse_quote!(#wrapper<#inner>)
        }
        None => core.clone(),
    }
}

/// Whether the type needs no alias.
pub fn is_universal(ty: &Type) -> bool {
    let Type::Path(ty) = ty else { return false };
    ty.qself.is_none() && UNIVERSAL.iter().any(|name| ty.path.is_ident(name))
}

fn wrapped(ty: &Type) -> Option<(&PathSegment, &Type)> {
    let Type::Path(ty) = ty else { return None };
    let wrapper = ty.path.segments.last()?;
    if wrapper.ident != "Option" && wrapper.ident != "Vec" {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &wrapper.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(inner) => Some((wrapper, inner)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_core_is_replaced() {
        let ty: Type = parse_quote!(std::option::Option<Vec<team::Kind>>);
        assert_eq!(core_of(&ty), &parse_quote!(team::Kind));
        let replaced = with_core(&ty, &parse_quote!(alias::Kind));
        assert_eq!(replaced, parse_quote!(Option<Vec<alias::Kind>>));
    }

    #[test]
    fn names_of_other_modules_are_not_universal() {
        assert!(is_universal(&parse_quote!(i64)));
        assert!(!is_universal(&parse_quote!(team::String)));
        assert!(!is_universal(&parse_quote!(Uuid)));
    }
}
