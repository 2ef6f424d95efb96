//! What a commit invalidates.

use serde::{Deserialize, Serialize};

use super::generation::Generations;
use super::row::row_tag;
use crate::cache::client::{Shared, tag_scope};
use crate::cache::coherence;
use crate::cache::scope::Scopes;
use crate::context::{Global, Owner, OwnerName};
use crate::entity::cached::CachedTable;
use crate::error::Result;
use crate::session::{Committing, Rows};

/// How many scopes one script takes.
const CHUNK: usize = 1_000;

/// What one commit invalidates; also as it is kept in the outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalidation {
    /// The scopes of each owner.
    owned: Vec<(String, Vec<String>)>,
    /// Tables whose entries end for everyone.
    everyone: Vec<String>,
}

impl Invalidation {
    /// A tenant's session changes rows of its own in a table of tenants. What else is changed, concerns
    /// everyone: rows that all tenants see, and whatever a system session has changed.
    pub fn of(committing: Committing<'_>) -> Self {
        let tenant = committing.context.owner("cache").ok();
        let mut invalidation = Invalidation::default();
        let mut global = Vec::new();
        let mut own = Vec::new();
        for (table, rows) in committing.changes.iter() {
            let is_own = table.is_tenant_aware && tenant.is_some();
            if !is_own {
                invalidation.everyone.push(table.name.to_owned());
            }
            match table.is_tenant_aware {
                true if is_own => own.extend(scopes(table, rows)),
                true => {}
                false => global.extend(scopes(table, rows)),
            }
        }
        let nobody = Global.owner("cache").ok();
        for (owner, scopes) in [(tenant, own), (nobody, global)] {
            let owner = owner.filter(|_| !scopes.is_empty());
            let owned = owner.map(|owner| (owner.as_str().to_owned(), scopes));
            invalidation.owned.extend(owned);
        }
        invalidation
    }

    /// Whose entries it ends; those of everyone hang on what belongs to nobody.
    pub(super) fn owners(&self) -> Vec<OwnerName> {
        let owned = self.owned.iter();
        let owned = owned.filter_map(|(owner, _)| OwnerName::parse(owner));
        let nobody = Global.owner("cache").ok();
        owned
            .chain(nobody.filter(|_| !self.everyone.is_empty()))
            .collect()
    }

    /// Invalidates; to do so again is no harm.
    pub(super) async fn apply(&self, shared: &Shared, generations: &Generations) -> Result<()> {
        let mut applied = Ok(());
        // All are tried: this process forgets what it has even where Redis is not reached.
        for table in &self.everyone {
            applied = applied.and(generations.end(table).await);
        }
        for (owner, scopes) in &self.owned {
            let Some(owner) = OwnerName::parse(owner) else {
                continue;
            };
            for scopes in scopes.chunks(CHUNK) {
                let here = |here: &Scopes| {
                    for scope in scopes {
                        coherence::apply(here, &owner, scope.as_bytes());
                    }
                };
                applied = applied.and(shared.invalidate(&owner, scopes, here).await);
            }
        }
        applied
    }
}

/// The tag of what depends on a table.
pub fn table_tag(table: &CachedTable) -> String {
    format!("table:{}", table.name)
}

fn scopes(table: &CachedTable, rows: &Rows) -> Vec<String> {
    let mut scopes = vec![tag_scope(&table_tag(table))];
    match rows {
        // The namespace of an `EntityCache`.
        Rows::All => scopes.push(format!("n:{}", table.name)),
        Rows::Some(rows) => {
            scopes.extend(rows.iter().map(|row| tag_scope(&row_tag(table, row))));
        }
    }
    scopes
}
