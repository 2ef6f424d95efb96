//! What has to be moved, in which order, and what stands against it.

use super::place::RowPlace;
use super::side::{Side, immovable};
use crate::error::Result;

/// A table whose rows move, as it is where they are and where they are to be.
#[derive(Debug, Clone)]
pub struct Table {
    pub source: Side,
    pub target: Side,
}

/// The tables of the source with their partners, in the order of the target's references.
///
/// # Errors
/// [`TenancyError::NotClonable`](crate::TenancyError::NotClonable) for a table whose rows cannot be moved
/// exactly.
pub fn paired(
    from: &RowPlace,
    sources: Vec<Side>,
    to: &RowPlace,
    targets: Vec<Side>,
) -> Result<Vec<Table>> {
    if sources.is_empty() {
        let reason = format!("schema \"{from}\" has no table of a tenant");
        return Err(immovable("*", reason));
    }
    for source in &sources {
        let target = targets.iter().find(|target| target.name == source.name);
        if let Some(reason) = obstacle(source, target, to) {
            return Err(immovable(&source.name, reason));
        }
    }
    let mut left = sources;
    let pair = |target: Side| {
        let at = left.iter().position(|source| source.name == target.name)?;
        let source = left.swap_remove(at);
        Some(Table { source, target })
    };
    Ok(targets.into_iter().filter_map(pair).collect())
}

fn obstacle(source: &Side, target: Option<&Side>, to: &RowPlace) -> Option<String> {
    let Some(target) = target else {
        return Some(format!("schema \"{to}\" has no such table"));
    };
    if source.is_foreign || target.is_foreign {
        return Some("rows of foreign tables are not moved".to_owned());
    }
    if !source.is_like(target) {
        return Some("its columns are not the same in both schemas".to_owned());
    }
    hiding([source, target]).or_else(|| reaching(source))
}

/// Where rows may be out of sight of the role.
pub fn hiding<'s>(sides: impl IntoIterator<Item = &'s Side>) -> Option<String> {
    let hidden = sides.into_iter().find(|side| side.is_hidden)?;
    Some(format!(
        "its policies may hide rows from role \"{}\": connect as the migrator",
        hidden.role
    ))
}

/// Where rows that do not move would go with those that do.
pub fn reaching(side: &Side) -> Option<String> {
    let other = side.reaches.as_ref()?;
    Some(format!(
        "rows of {other} would be changed by its foreign key"
    ))
}
