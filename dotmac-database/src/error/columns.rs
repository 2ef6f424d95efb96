//! The columns of a constraint, asked of whoever knows the entities.
//!
//! Under row-level security PostgreSQL leaves the columns of a violated constraint untold (its DETAIL
//! would show values), and errors are the lowest layer: what knows the entities registers an answer.

/// The columns of a table's constraint or unique index; `None` where it is not known.
pub struct ConstraintColumns(pub fn(table: &str, constraint: &str) -> Option<Vec<String>>);

inventory::collect!(ConstraintColumns);

/// The first answer of those registered.
pub fn known(table: Option<&str>, constraint: Option<&str>) -> Option<Vec<String>> {
    let (table, constraint) = (table?, constraint?);
    inventory::iter::<ConstraintColumns>
        .into_iter()
        .find_map(|columns| (columns.0)(table, constraint))
}

#[cfg(test)]
mod tests {
    use super::*;

    inventory::submit! {
        ConstraintColumns(|table, constraint| {
            ((table, constraint) == ("parcels", "uq_parcels_code"))
                .then(|| vec!["tenant_id".to_owned(), "code".to_owned()])
        })
    }

    #[test]
    fn registered_lookup_answers() {
        let columns = known(Some("parcels"), Some("uq_parcels_code"));
        assert_eq!(columns.expect("known"), ["tenant_id", "code"]);
        assert_eq!(known(Some("parcels"), Some("other")), None);
        assert_eq!(known(Some("parcels"), None), None);
    }
}
