//! One derive alone: checks the declared columns, implements its trait, registers the entity.

use heck::ToUpperCamelCase;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Data, DeriveInput, Field, Fields, Ident};

use crate::ability::{implement, record};
use crate::diagnostic::{Diagnostics, not_a_struct};
use crate::feature::{Feature, Role};
use crate::model::{has_type, is_named};
use crate::options::Options;

/// Expands one of our derives on a struct that `#[dotmac_database::model]` did not touch.
pub fn expand(feature: Feature, item: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    // The attribute tells of a wrong order itself, once; and `ModelEx` is SeaORM's twin of `Model`.
    if input.attrs.iter().any(is_model_attribute) || input.ident == "ModelEx" {
        return TokenStream::new();
    }
    let mut diagnostics = Diagnostics::default();
    let options = Options::parse(&input.attrs, &mut diagnostics);
    check_attribute_keys(&options, &mut diagnostics);
    let expansion = match fields(&input) {
        Ok(fields) => impls(feature, &input.ident, fields, &options, &mut diagnostics),
        Err(error) => {
            diagnostics.push(error);
            TokenStream::new()
        }
    };
    let errors = diagnostics.into_tokens();
    quote!(#errors #expansion)
}

/// What no derive can do.
fn check_attribute_keys(options: &Options, diagnostics: &mut Diagnostics) {
    if let Some(mixin) = options.mixins.first() {
        diagnostics.at(mixin, needs_attribute("mixin"));
    }
    if let Some(prefix) = &options.table_prefix {
        diagnostics.at(prefix, needs_attribute("table_prefix"));
    }
    if let Some(cached) = &options.cached {
        diagnostics.push(syn::Error::new(cached.span, needs_attribute("cached")));
    }
}

fn needs_attribute(key: &str) -> String {
    format!("`{key}` needs `#[dotmac_database::model]` above `#[derive(…)]`")
}

fn is_model_attribute(attribute: &syn::Attribute) -> bool {
    let path = attribute.path();
    path.segments.len() == 2
        && path
            .segments
            .first()
            .is_some_and(|s| s.ident == "dotmac_database")
        && path.segments.last().is_some_and(|s| s.ident == "model")
}

fn fields(input: &DeriveInput) -> syn::Result<&Fields> {
    match &input.data {
        Data::Struct(data) if input.ident == "Model" => Ok(&data.fields),
        Data::Struct(_) => Err(syn::Error::new_spanned(
            &input.ident,
            "SeaORM asks for the name `Model`",
        )),
        Data::Enum(data) => Err(not_a_struct("an enum", data.enum_token.span)),
        Data::Union(data) => Err(not_a_struct("a union", data.union_token.span)),
    }
}

fn impls(
    feature: Feature,
    model: &Ident,
    fields: &Fields,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> TokenStream {
    let field = |role: Role| {
        let name = options.name(role);
        fields.iter().find(|field| is_named(field, &name))
    };
    // Helper attributes of a derive are accepted anywhere, and would be ignored silently.
    let misplaced = fields.iter().flat_map(|field| &field.attrs);
    for attribute in misplaced.filter(|attribute| Options::is_attribute(attribute)) {
        diagnostics.at(
            attribute,
            "`#[dotmac(…)]` on a field needs `#[dotmac_database::model]` above `#[derive(…)]`",
        );
    }
    // The key may be any: SeaORM looks after it.
    let is_missing = |role: &Role| *role != Role::Id && field(*role).is_none();
    let missing: Vec<Role> = feature.roles().iter().copied().filter(is_missing).collect();
    if !missing.is_empty() {
        let is_bare = Role::ALL
            .into_iter()
            .all(|role| field(role).is_none() || role == Role::Id);
        diagnostics.push(if is_bare {
            attribute_missing(model)
        } else {
            columns_missing(feature, &missing, options)
        });
        return TokenStream::new();
    }
    let mut fits = true;
    for role in feature.roles().iter().filter(|role| **role != Role::Id) {
        if let Some(field) = field(*role) {
            fits &= has_type(*role, field, diagnostics);
        }
    }
    if !fits {
        return TokenStream::new();
    }
    emit(feature, options, field(Role::TenantId))
}

// Each derive says the same of the same token, so that the compiler shows it once.
fn attribute_missing(model: &Ident) -> syn::Error {
    syn::Error::new_spanned(
        model,
        "none of the columns that its derives bring is declared: put `#[dotmac_database::model]` \
         above `#[derive(…)]` to have them added",
    )
}

fn columns_missing(feature: Feature, missing: &[Role], options: &Options) -> syn::Error {
    let names: Vec<String> = missing.iter().map(|role| options.name(*role)).collect();
    syn::Error::new(
        Span::call_site(),
        format!(
            "`{}` needs `{}`: declare what is missing, or put `#[dotmac_database::model]` above \
             `#[derive(…)]` to have it added",
            feature.name(),
            names.join("`, `"),
        ),
    )
}

fn emit(feature: Feature, options: &Options, tenant: Option<&Field>) -> TokenStream {
    let root = &options.root;
    let private = quote!(#root::__private);
    let variant = |role| {
        let name = options.name(role).to_upper_camel_case();
        Some(Ident::new(&name, Span::call_site()))
    };
    let key = tenant.map(|field| &field.ty);
    // `BaseModel` brings timestamps as well.
    let (recorded, base) = match feature {
        Feature::BaseModel => (
            Feature::Timestamps,
            Some(implement(feature, &private, variant, key)),
        ),
        other => (other, None),
    };
    let implementation = implement(recorded, &private, variant, key);
    let record = record(recorded, &private, true);
    quote! {
        #base
        #implementation
        #private::register! {
            #private::Registered::part::<Entity>(
                || #private::describe::<Entity>(#private::Features {
                    #record,
                    ..#private::Features::NONE
                }),
            )
        }
        #private::register! {
            #private::Installable::of::<Entity>()
        }
    }
}
