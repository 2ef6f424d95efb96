//! One column that a derive brings: injected, or declared by hand and then checked.

use heck::ToUpperCamelCase;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Field, Ident, Type, parse_quote};

use crate::diagnostic::Diagnostics;
use crate::feature::Role;
use crate::options::Options;

/// A column with a role.
pub struct Column {
    pub role: Role,
    pub ident: Ident,
    pub ty: Type,
    /// The field to add; none where the struct declares it.
    pub injected: Option<Field>,
}

impl Column {
    /// Finds the column among the declared fields, or makes it.
    pub fn resolve(
        role: Role,
        fields: &[Field],
        options: &Options,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let name = options.name(role);
        let declared = fields.iter().find(|field| is_named(field, &name));
        if let Some((field, ident)) = declared.and_then(|f| Some((f, f.ident.clone()?))) {
            // A wrong type would be reported again by the traits that it is put into.
            let ty = if has_type(role, field, diagnostics) {
                field.ty.clone()
            } else {
                default_type(role, options)
            };
            if role == Role::TenantId
                && let Some(wanted) = &options.tenant_type
                && short(wanted) != short(&ty)
            {
                diagnostics.at(wanted, "`tenant_type` differs from the declared column");
            }
            return Column {
                role,
                ident,
                ty,
                injected: None,
            };
        }
        let ident = Ident::new(&name, Span::call_site());
        let ty = default_type(role, options);
        let attribute = sea_orm_attribute(role, &ty, options);
        let doc = format!(" {}", doc(role));
        let injected = parse_quote! {
            #[doc = #doc]
            #attribute
            pub #ident: #ty
        };
        Column {
            role,
            ident,
            ty,
            injected: Some(injected),
        }
    }

    /// The variant of SeaORM's `Column` enum.
    pub fn variant(&self) -> Ident {
        let name = self.ident.to_string().to_upper_camel_case();
        Ident::new(&name, self.ident.span())
    }
}

pub fn is_named(field: &Field, name: &str) -> bool {
    field.ident.as_ref().is_some_and(|ident| ident == name)
}

/// Whether a declared column has a type that can play its role; reports one that has not.
pub fn has_type(role: Role, field: &Field, diagnostics: &mut Diagnostics) -> bool {
    let found = short(&field.ty);
    let accepted = role.accepted_types();
    if accepted.contains(&found.as_str()) {
        return true;
    }
    let accepted: Vec<_> = accepted.iter().map(|ty| format!("`{ty}`")).collect();
    diagnostics.at(
        &field.ty,
        format!(
            "`{}` must be {}, not `{found}`",
            role.key(),
            accepted.join(" or "),
        ),
    );
    false
}

/// A type as written, without paths and white space.
pub fn short(ty: &Type) -> String {
    // Long types are printed with line breaks.
    let text: String = ty
        .to_token_stream()
        .to_string()
        .split_whitespace()
        .collect();
    let mut short = String::new();
    for piece in text.split_inclusive(['<', '>', ',']) {
        short.push_str(piece.rsplit("::").next().unwrap_or(piece));
    }
    short
}

// `Option` stays literal, because SeaORM reads types as text; the rest is rooted.
fn default_type(role: Role, options: &Options) -> Type {
    let root = &options.root;
    match role {
        Role::Id => parse_quote!(#root::__private::Uuid),
        Role::TenantId => match options.tenant_type.as_ref().map(short).as_deref() {
            Some("Uuid") => parse_quote!(#root::__private::Uuid),
            Some("i64") => parse_quote!(i64),
            _ => parse_quote!(String),
        },
        Role::CreatedAt | Role::UpdatedAt => parse_quote!(#root::__private::DateTimeUtc),
        Role::DeletedAt => parse_quote!(Option<#root::__private::DateTimeUtc>),
        Role::CreatedBy | Role::UpdatedBy | Role::RequestId | Role::DeletedBy => {
            parse_quote!(Option<String>)
        }
        Role::DeletionId => parse_quote!(Option<#root::__private::Uuid>),
        Role::IsActive => parse_quote!(bool),
        Role::Version => parse_quote!(i32),
    }
}

fn sea_orm_attribute(role: Role, ty: &Type, options: &Options) -> TokenStream {
    let sea_query = {
        let root = options.root.to_token_stream().to_string().replace(' ', "");
        format!("{root}::__private::sea_orm::sea_query")
    };
    let varchar = format!("String({sea_query}::StringLen::N(255))");
    match role {
        Role::Id => quote!(#[sea_orm(primary_key, auto_increment = false)]),
        Role::CreatedAt | Role::UpdatedAt => {
            let now = format!("{sea_query}::Expr::current_timestamp()");
            quote!(#[sea_orm(default_expr = #now)])
        }
        Role::TenantId if short(ty) == "String" => quote!(#[sea_orm(column_type = #varchar)]),
        Role::CreatedBy | Role::UpdatedBy | Role::RequestId => {
            quote!(#[sea_orm(column_type = #varchar, nullable)])
        }
        Role::DeletedBy => quote!(#[sea_orm(column_type = "Text", nullable)]),
        Role::IsActive => {
            let generated = format!(
                "GENERATED ALWAYS AS (\"{}\" IS NULL) STORED",
                options.name(Role::DeletedAt),
            );
            quote!(#[sea_orm(extra = #generated)])
        }
        Role::Version => quote!(#[sea_orm(default_value = 1)]),
        Role::TenantId | Role::DeletedAt | Role::DeletionId => TokenStream::new(),
    }
}

fn doc(role: Role) -> &'static str {
    match role {
        Role::Id => "Primary key: a UUIDv7, made by the client at insert.",
        Role::TenantId => "The tenant the row belongs to, from the session's context.",
        Role::CreatedAt => "When the row was inserted.",
        Role::UpdatedAt => "When the row was last written.",
        Role::CreatedBy => "The user who inserted the row.",
        Role::UpdatedBy => "The user who last wrote the row.",
        Role::RequestId => "The request that last wrote the row.",
        Role::DeletedAt => "When the row was deleted; none while it lives.",
        Role::DeletedBy => "The user who deleted the row.",
        Role::DeletionId => "The deletion that took the row.",
        Role::IsActive => "Whether the row lives; generated by the database.",
        Role::Version => "How often the row was written: 1 when it is new.",
    }
}
