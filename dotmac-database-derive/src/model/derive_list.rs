//! Splits the derive list into our features and what stays for others.

use syn::{Attribute, Path, Token, punctuated::Punctuated};

use crate::diagnostic::Diagnostics;
use crate::feature::Feature;

/// The derives of a struct.
pub struct DeriveList {
    pub features: Vec<(Feature, Path)>,
    pub others: Vec<Path>,
}

impl DeriveList {
    pub fn parse(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut list = DeriveList {
            features: Vec::new(),
            others: Vec::new(),
        };
        for attribute in attributes.iter().filter(|a| a.path().is_ident("derive")) {
            let paths = attribute
                .parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated);
            for path in diagnostics.ok(paths).into_iter().flatten() {
                list.add(path, diagnostics);
            }
        }
        list
    }

    pub fn has(&self, feature: Feature) -> bool {
        self.features.iter().any(|(listed, _)| *listed == feature)
    }

    pub fn derives_entity(&self) -> bool {
        self.others.iter().any(|path| {
            path.segments
                .last()
                .is_some_and(|last| last.ident == "DeriveEntityModel")
        })
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
            Some(feature) => self.features.push((feature, path)),
        }
    }
}
