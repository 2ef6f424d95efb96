//! Where a constraint was violated, without the values that violated it.

use std::fmt;

/// The constraint that refused a row.
///
/// What the database does not tell is empty: SQLite names the columns of a unique constraint, but not
/// the constraint, and nothing of a foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Violation {
    /// The constraint or unique index. On SQLite, a CHECK without a name is told as its condition.
    pub constraint: Option<String>,
    /// The table that the constraint is on: of a foreign key, the one that refers to the other.
    pub table: Option<String>,
    /// The constraint's columns in that table; an indexed expression as the database writes it.
    pub columns: Vec<String>,
}

impl Violation {
    /// Whether the column is one of the constraint's.
    pub fn concerns(&self, column: &str) -> bool {
        self.columns.iter().any(|it| it == column)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.table.as_ref().map(|it| format!("table \"{it}\"")));
        match self.columns.as_slice() {
            [] => {}
            [column] => parts.push(format!("column \"{column}\"")),
            columns => parts.push(format!("columns \"{}\"", columns.join("\", \""))),
        }
        let constraint = self.constraint.as_ref();
        parts.extend(constraint.map(|it| format!("constraint \"{it}\"")));
        match parts.is_empty() {
            true => f.write_str("the database does not say where"),
            false => f.write_str(&parts.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_told_as_far_as_it_is_known() {
        let mut violation = Violation::default();
        assert_eq!(violation.to_string(), "the database does not say where");
        violation.table = Some("users".to_owned());
        violation.columns = vec!["tenant_id".to_owned(), "email".to_owned()];
        violation.constraint = Some("uq_users_email".to_owned());
        assert_eq!(
            violation.to_string(),
            "table \"users\", columns \"tenant_id\", \"email\", constraint \"uq_users_email\"",
        );
        assert!(violation.concerns("email") && !violation.concerns("name"));
    }
}
