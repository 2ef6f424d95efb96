//! The entity as the macro understands it: the result of parsing, the input of expansion.

use syn::{Attribute, Field, Fields, ItemStruct, LitStr, Visibility, spanned::Spanned};

use super::column::Column;
use super::derive_list::DeriveList;
use super::table::Table;
use crate::diagnostic::Diagnostics;
use crate::feature::{Feature, Role};
use crate::options::Options;

/// A parsed entity.
pub struct Entity {
    pub visibility: Visibility,
    pub attributes: Vec<Attribute>,
    pub derives: DeriveList,
    pub table: Table,
    pub options: Options,
    pub fields: Vec<Field>,
    pub columns: Vec<Column>,
    /// The junction modules of many-to-many relations.
    pub junctions: Vec<LitStr>,
}

impl Entity {
    pub fn parse(item: ItemStruct, diagnostics: &mut Diagnostics) -> Self {
        let derives = DeriveList::parse(&item.attrs, diagnostics);
        let options = Options::parse(&item.attrs, diagnostics);
        let table = Table::parse(&item.attrs, diagnostics);
        check_shape(&item, &derives, diagnostics);
        let fields: Vec<Field> = match item.fields {
            Fields::Named(fields) => fields.named.into_iter().collect(),
            _ => Vec::new(),
        };
        let columns = columns(&derives, &fields, &options, diagnostics);
        check_overrides(&options, &derives, diagnostics);
        Entity {
            visibility: item.vis,
            attributes: item
                .attrs
                .into_iter()
                .filter(|a| {
                    !a.path().is_ident("derive")
                        && !a.path().is_ident("sea_orm")
                        && !Options::is_attribute(a)
                })
                .collect(),
            junctions: fields.iter().filter_map(junction).collect(),
            derives,
            table,
            options,
            fields,
            columns,
        }
    }

    pub fn has(&self, feature: Feature) -> bool {
        self.derives.has(feature)
    }

    /// The column that plays `role`, if the entity has it.
    pub fn column(&self, role: Role) -> Option<&Column> {
        self.columns.iter().find(|column| column.role == role)
    }

    /// The key that the client makes at insert: `id`, where it is the entity's UUID key.
    pub fn client_key(&self) -> Option<&Column> {
        self.column(Role::Id)
    }
}

fn check_shape(item: &ItemStruct, derives: &DeriveList, diagnostics: &mut Diagnostics) {
    if !item.generics.params.is_empty() {
        diagnostics.at(&item.generics, "an entity cannot be generic: remove the parameters");
    }
    if !matches!(item.fields, Fields::Named(_)) {
        diagnostics.at(&item.ident, "an entity has named fields: `struct Model { … }`");
    } else if item.ident != "Model" {
        diagnostics.at(&item.ident, "SeaORM asks for the name `Model`");
    } else if !derives.derives_entity() {
        diagnostics.push(syn::Error::new(
            item.struct_token.span(),
            "`#[dotmac_database::model]` must stand above `#[derive(…, DeriveEntityModel, …)]`",
        ));
    }
}

fn check_overrides(options: &Options, derives: &DeriveList, diagnostics: &mut Diagnostics) {
    for (role, name) in options.overridden() {
        let bringing = Feature::ALL.into_iter().find(|f| f.roles().contains(&role));
        let listed = derives.features.iter().any(|(f, _)| f.roles().contains(&role));
        if let (Some(feature), false) = (bringing, listed) {
            diagnostics.at(
                name,
                format!(
                    "`{}` names a column of `{}`, which is not in the derive list",
                    role.key(),
                    feature.name(),
                ),
            );
        }
    }
    if let (Some(ty), false) = (&options.tenant_type, derives.has(Feature::TenantAware)) {
        diagnostics.at(ty, "`tenant_type` needs `TenantAware` in the derive list");
    }
}

// A user's own primary key is respected: `id` is injected only where the struct has none, and is
// ours to fill only where it is the key and a UUID.
fn columns(
    derives: &DeriveList,
    fields: &[Field],
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Vec<Column> {
    let keys: Vec<&Field> = fields.iter().filter(|f| is_primary_key(f)).collect();
    Role::ALL
        .into_iter()
        .filter(|role| derives.features.iter().any(|(f, _)| f.roles().contains(role)))
        .filter(|role| *role != Role::Id || fills_key(&keys, options))
        .map(|role| {
            let column = Column::resolve(role, fields, options, diagnostics);
            if role == Role::Id && column.injected.is_none() && keys.is_empty() {
                diagnostics.at(
                    &column.ident,
                    "a key declared by hand needs `#[sea_orm(primary_key, auto_increment = false)]`",
                );
            }
            column
        })
        .collect()
}

fn fills_key(keys: &[&Field], options: &Options) -> bool {
    match keys {
        [] => true,
        [key] => {
            super::column::is_named(key, &options.name(Role::Id))
                && matches!(&key.ty, syn::Type::Path(path)
                    if path.path.segments.last().is_some_and(|last| last.ident == "Uuid"))
        }
        _ => false,
    }
}

fn is_primary_key(field: &Field) -> bool {
    sea_orm_value(field, "primary_key").is_some()
}

fn junction(field: &Field) -> Option<LitStr> {
    sea_orm_value(field, "via").flatten()
}

/// `Some(None)` for a key without a value, `Some(Some(_))` for a string, `None` where absent.
fn sea_orm_value(field: &Field, key: &str) -> Option<Option<LitStr>> {
    let mut found = None;
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("sea_orm")) {
        // Whatever is wrong in here, SeaORM reports.
        let _ = attribute.parse_nested_meta(|meta| {
            let value = match meta.value() {
                Ok(value) => value.parse::<syn::Expr>().ok(),
                Err(_) => None,
            };
            if meta.path.is_ident(key) {
                found = Some(match value {
                    Some(syn::Expr::Lit(syn::ExprLit {
                        lit: syn::Lit::Str(text),
                        ..
                    })) => Some(text),
                    _ => None,
                });
            }
            Ok(())
        });
    }
    found
}
