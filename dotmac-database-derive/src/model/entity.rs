//! The entity as the macro understands it: the result of parsing, the input of expansion.

use syn::{Attribute, Field, FieldsNamed, ItemStruct, LitStr, Visibility};

use super::column::Column;
use super::derive_list::DeriveList;
use super::field_key::{self, FieldKeys};
use super::mixin::{self, Mixin};
use super::table::Table;
use super::{field, key, shape};
use crate::diagnostic::Diagnostics;
use crate::feature::{Feature, Role};
use crate::options::Options;

/// A parsed entity.
pub struct Entity {
    pub visibility: Visibility,
    /// The attributes that are not ours to read.
    pub above_derives: Vec<Attribute>,
    pub below_derives: Vec<Attribute>,
    pub derives: DeriveList,
    pub table: Table,
    pub options: Options,
    pub fields: Vec<Field>,
    pub columns: Vec<Column>,
    pub field_keys: FieldKeys,
    pub mixins: Vec<Mixin>,
    /// The junction modules of many-to-many relations.
    pub junctions: Vec<LitStr>,
}

impl Entity {
    /// Reads an entity, with the columns that its mixins told, in their order.
    pub fn parse(item: ItemStruct, told: &[FieldsNamed], diagnostics: &mut Diagnostics) -> Self {
        let mut derives = DeriveList::parse(&item.attrs, diagnostics);
        let options = Options::parse(&item.attrs, diagnostics);
        let table = Table::parse(&item.attrs, diagnostics);
        shape::check(&item, &mut derives, diagnostics);
        check_overrides(&options, &derives, diagnostics);
        let (model, visibility) = (item.ident.clone(), item.vis.clone());
        let (above_derives, below_derives) = others(&item);
        let mut fields = shape::fields(item);
        let is_key_ours = key::is_ours(&model, &mut fields, &derives, &options, diagnostics);
        let roles: Vec<Role> = Role::ALL
            .into_iter()
            .filter(|role| match role {
                Role::Id => is_key_ours,
                _ => derives.bring(*role),
            })
            .collect();
        let mut mixins = mixin::resolve(told, &roles, &mut fields, &options, diagnostics);
        let all = fields.iter_mut().chain(mixin::injected_mut(&mut mixins));
        let field_keys = field_key::take(all, diagnostics);
        let columns = columns(roles.into_iter(), &fields, &options, diagnostics);
        Entity {
            visibility,
            above_derives,
            below_derives,
            junctions: fields.iter().filter_map(field::junction).collect(),
            derives,
            table,
            options,
            fields,
            columns,
            field_keys,
            mixins,
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

/// The attributes that neither we nor SeaORM's entity reads; where they stand matters to helpers of
/// other derives and to other macros.
fn others(item: &ItemStruct) -> (Vec<Attribute>, Vec<Attribute>) {
    let is = |attribute: &Attribute, name| attribute.path().is_ident(name);
    let derives = item.attrs.iter().position(|a| is(a, "derive"));
    let (above, below) = item.attrs.split_at(derives.unwrap_or(0));
    let others = |attributes: &[Attribute]| {
        attributes
            .iter()
            .filter(|a| !is(a, "derive") && !is(a, "sea_orm") && !Options::is_attribute(a))
            .cloned()
            .collect()
    };
    (others(above), others(below))
}

fn check_overrides(options: &Options, derives: &DeriveList, diagnostics: &mut Diagnostics) {
    for (role, name) in options.overridden() {
        let bringing = Feature::ALL.into_iter().find(|f| f.roles().contains(&role));
        if let (Some(feature), false) = (bringing, derives.bring(role)) {
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

fn columns(
    roles: impl Iterator<Item = Role>,
    fields: &[Field],
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for role in roles {
        let mut column = Column::resolve(role, fields, options, diagnostics);
        let twin = columns.iter().find(|other| other.ident == column.ident);
        if let (Some(_), Some(twin)) = (&column.injected, twin) {
            let is_blamed = |named: &Role| [role, twin.role].contains(named);
            let name = options.overridden().filter(|(r, _)| is_blamed(r)).last();
            diagnostics.at(
                name.map(|(_, name)| name),
                format!("two columns named `{}`", column.ident),
            );
            column.injected = None;
        }
        columns.push(column);
    }
    columns
}
