//! The columns that mixins bring: injected, or declared by the entity and then checked.

use quote::format_ident;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Field, FieldsNamed, Ident, Path, Type, parse_quote};

use super::column::{is_named, short};
use super::field::variant;
use crate::diagnostic::Diagnostics;
use crate::feature::Role;
use crate::mixin::{core_of, is_universal, with_core};
use crate::options::{Options, name_of};

/// A mixin of an entity.
pub struct Mixin {
    pub path: Path,
    pub columns: Vec<Column>,
}

/// A column of a mixin, in the entity.
pub struct Column {
    pub ident: Ident,
    /// The variant of SeaORM's `Column` enum.
    pub variant: Ident,
    /// The field to add; none where the struct declares it.
    pub injected: Option<Field>,
    /// The module in the entity's that names its type; none where every module knows it.
    pub alias: Option<Alias>,
}

/// A type of the mixin's module, under a name that SeaORM can read.
pub struct Alias {
    pub module: Ident,
    pub name: Ident,
    /// The place of the column in the mixin.
    pub index: usize,
}

impl Mixin {
    /// The path in a module inside of the entity's, which sees the entity's names.
    pub fn path_from_inside(&self) -> Path {
        let mut path = self.path.clone();
        let Some(first) = path.segments.first_mut() else {
            return path;
        };
        let span = first.ident.span();
        if first.ident == "self" {
            first.ident = Ident::new("super", span);
        } else if first.ident == "super" {
            path.segments.insert(0, Ident::new("super", span).into());
        }
        path
    }

    pub fn injected(&self) -> impl Iterator<Item = &Field> {
        self.columns
            .iter()
            .filter_map(|column| column.injected.as_ref())
    }
}

/// Every field that a mixin adds, to take its attributes out.
pub fn injected_mut(mixins: &mut [Mixin]) -> impl Iterator<Item = &mut Field> {
    mixins
        .iter_mut()
        .flat_map(|mixin| &mut mixin.columns)
        .filter_map(|column| column.injected.as_mut())
}

/// Finds the mixins' columns among the declared fields, or makes them.
///
/// A mixin whose column is another's already is reported and left out.
pub fn resolve(
    told: &[FieldsNamed],
    roles: &[Role],
    fields: &mut [Field],
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Vec<Mixin> {
    let mut mixins: Vec<Mixin> = Vec::new();
    for (path, told) in options.mixins.iter().zip(told) {
        let mut columns = Vec::new();
        let mut taken = None;
        for (index, field) in told.named.iter().enumerate() {
            let Some(ident) = &field.ident else { continue };
            match fields.iter_mut().find(|f| is_named(f, &ident.to_string())) {
                Some(declared) => columns.push(declare(declared, field, index, path, diagnostics)),
                None => {
                    taken = taken.or_else(|| owner(ident, roles, &mixins, options));
                    columns.push(inject(field, index));
                }
            }
        }
        match taken {
            Some(message) => diagnostics.at(path, message),
            None => mixins.push(Mixin {
                path: path.clone(),
                columns: columns.into_iter().flatten().collect(),
            }),
        }
    }
    mixins
}

/// Tells whose the column is already, if it is somebody's.
fn owner(ident: &Ident, roles: &[Role], mixins: &[Mixin], options: &Options) -> Option<String> {
    if roles.iter().any(|role| ident == &options.name(*role)) {
        return Some(format!(
            "`{ident}` is a column of the entity's derives already"
        ));
    }
    let twin = mixins.iter().find(|mixin| {
        mixin
            .injected()
            .any(|field| field.ident.as_ref() == Some(ident))
    })?;
    Some(format!(
        "`{ident}` is a column of `{}` already: declare it in the entity, for both",
        name_of(&twin.path),
    ))
}

fn inject(field: &Field, index: usize) -> Option<Column> {
    let ident = field.ident.clone()?;
    let (ty, alias) = rename(field, index)?;
    Some(Column {
        variant: variant(field)?,
        ident,
        injected: Some(Field {
            ty,
            ..field.clone()
        }),
        alias,
    })
}

fn declare(
    declared: &mut Field,
    field: &Field,
    index: usize,
    mixin: &Path,
    diagnostics: &mut Diagnostics,
) -> Option<Column> {
    let ident = declared.ident.clone()?;
    let mut alias = None;
    let (found, wanted) = (short(&declared.ty), short(&field.ty));
    if found != wanted {
        diagnostics.at(
            &declared.ty,
            format!(
                "`{ident}` must be `{wanted}`, as in the mixin `{}`",
                name_of(mixin)
            ),
        );
        // Or the compiler would say it again of every use.
        (declared.ty, alias) = rename(field, index)?;
    }
    Some(Column {
        variant: variant(declared)?,
        ident,
        injected: None,
        alias,
    })
}

/// The type of a mixin's column in the entity's module.
fn rename(field: &Field, index: usize) -> Option<(Type, Option<Alias>)> {
    let core = core_of(&field.ty);
    if is_universal(core) {
        return Some((with_core(&field.ty, core), None));
    }
    // SeaORM chooses operators by the last name.
    let name = match core {
        Type::Path(path) => path.path.segments.last()?.ident.clone(),
        other => Ident::new("Type", other.span()),
    };
    let module = format_ident!("mixin_{}", field.ident.as_ref()?.unraw());
    let core: Type = parse_quote!(#module::#name);
    let ty = with_core(&field.ty, &core);
    let alias = Alias {
        module,
        name,
        index,
    };
    Some((ty, Some(alias)))
}
