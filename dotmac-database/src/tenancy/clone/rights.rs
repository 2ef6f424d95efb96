//! Rights: those of the original, no more and no fewer.

use std::collections::BTreeSet;

use sea_orm::ConnectionTrait;

use super::catalog::{parameter, read};
use crate::context::SchemaName;
use crate::error::Result;
use crate::ident::quote;

const RIGHTS: &str = include_str!("sql/rights.sql");

/// One right of one role on one object, in SQL words: `TABLE orders`, `ROUTINE f(integer)`, `SCHEMA`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    pub object: String,
    pub column: Option<String>,
    pub grantee: String,
    pub privilege: String,
    pub grantable: bool,
}

/// The rights in the schema, which has to be the first in the search path.
pub async fn held<C: ConnectionTrait>(schema: &SchemaName, tx: &C) -> Result<BTreeSet<Right>> {
    let columns = ["object", "column", "grantee", "privilege", "grantable"];
    let rows = read(RIGHTS, [parameter(schema)], columns, tx).await?;
    Ok(rows
        .into_iter()
        .map(|[object, column, grantee, privilege, grantable]| Right {
            object: object.unwrap_or_default(),
            column,
            grantee: grantee.unwrap_or_default(),
            privilege: privilege.unwrap_or_default(),
            grantable: grantable.as_deref() == Some("true"),
        })
        .collect())
}

/// The statements that make the rights in a schema those that are wanted.
pub fn alignment(
    wanted: &BTreeSet<Right>,
    found: &BTreeSet<Right>,
    schema: &SchemaName,
) -> Vec<String> {
    let revoked = found.difference(wanted).map(|right| right.revoke(schema));
    let granted = wanted.difference(found).map(|right| right.grant(schema));
    revoked.chain(granted).collect()
}

/// The statements that give the rights on the schema itself, before there is anything in it.
pub fn on_schema(wanted: &BTreeSet<Right>, schema: &SchemaName) -> Vec<String> {
    let own = wanted.iter().filter(|right| right.object == SCHEMA);
    own.map(|right| right.grant(schema)).collect()
}

const SCHEMA: &str = "SCHEMA";

impl Right {
    fn grant(&self, schema: &SchemaName) -> String {
        let option = if self.grantable {
            " WITH GRANT OPTION"
        } else {
            ""
        };
        let (head, what) = self.words(schema);
        format!("{head}GRANT {what} TO {}{option}", self.grantee)
    }

    fn revoke(&self, schema: &SchemaName) -> String {
        let (head, what) = self.words(schema);
        format!("{head}REVOKE {what} FROM {}", self.grantee)
    }

    /// What stands before GRANT, and what follows it.
    fn words(&self, schema: &SchemaName) -> (String, String) {
        let privilege = &self.privilege;
        if let Some((role, kind)) = self.default_of() {
            let schema = schema.sql();
            let head = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {role} IN SCHEMA {schema} ");
            return (head, format!("{privilege} ON {kind}"));
        }
        let what = match (&self.column, self.object == SCHEMA) {
            (_, true) => format!("{privilege} ON SCHEMA {}", schema.sql()),
            (None, false) => format!("{privilege} ON {}", self.object),
            (Some(column), false) => format!("{privilege} ({}) ON {}", quote(column), self.object),
        };
        (String::new(), what)
    }

    /// The role and the kind of objects, of a right on what the role makes later.
    fn default_of(&self) -> Option<(&str, &str)> {
        self.object.strip_prefix("DEFAULT ")?.rsplit_once(' ')
    }
}
