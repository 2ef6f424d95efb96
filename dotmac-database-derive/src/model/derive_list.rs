//! Splits the derive list into our features and what stays for others.

use syn::{Attribute, Ident, Path, Token, parse_quote, punctuated::Punctuated};

use crate::diagnostic::Diagnostics;
use crate::feature::{Feature, Role};

/// The derives of a struct.
pub struct DeriveList {
    pub features: Vec<Feature>,
    pub others: Vec<Path>,
}

impl DeriveList {
    pub fn parse(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut list = DeriveList {
            features: Vec::new(),
            others: Vec::new(),
        };
        for attribute in attributes.iter().filter(|a| a.path().is_ident("derive")) {
            let paths = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
            for path in diagnostics.ok(paths).into_iter().flatten() {
                list.add(path, diagnostics);
            }
        }
        list
    }

    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// Whether a listed feature has a column for `role`.
    pub fn bring(&self, role: Role) -> bool {
        self.features
            .iter()
            .any(|feature| feature.roles().contains(&role))
    }

    /// Reports that SeaORM's derive is missing, and makes up for it.
    pub fn require_entity(&mut self, model: &Ident, diagnostics: &mut Diagnostics) {
        let is_entity = |path: &Path| {
            path.segments
                .last()
                .is_some_and(|last| last.ident == "DeriveEntityModel")
        };
        if !self.others.iter().any(is_entity) {
            diagnostics.at(model, "`DeriveEntityModel` is missing in the derive list");
            self.others.push(parse_quote!(DeriveEntityModel));
        }
    }

    fn add(&mut self, path: Path, diagnostics: &mut Diagnostics) {
        match Feature::from_path(&path) {
            None => self.others.push(path),
            Some(Feature::TenantAware) if self.has(Feature::TenantAware) => diagnostics.at(
                path,
                "`TenantAware` is listed twice: a row belongs to one tenant",
            ),
            Some(feature) if self.has(feature) => {
                diagnostics.at(path, format!("`{}` is listed twice", feature.name()));
            }
            Some(feature) => self.features.push(feature),
        }
    }
}
