//! What the entities want, as a database tells it: their tables are made aside and read.
//!
//! The same functions make them that migrations call, so that nothing is written twice, and types,
//! defaults and expressions are compared in the database's own words.

use sea_orm::{
    ConnectionTrait, Database, DatabaseTransaction, DbBackend, Statement, TransactionTrait,
};
use sea_orm_migration::SchemaManager;

use super::catalog::{self, Entry};
use super::installable::{Installable, Protection};
use crate::error::Result;
use crate::ident::{literal, quote};
use crate::rls::Roles;

/// An entity, and how its table is protected.
pub struct Wish<'r> {
    pub entity: &'static Installable,
    pub protection: Protection<'r>,
}

const SCHEMA: &str = "dotmac_scratch";

/// The objects of each entity's table.
///
/// On PostgreSQL they are made in a schema of their own, in a transaction that is rolled back. On
/// SQLite, in a database in memory.
pub async fn wanted(
    wishes: &[Wish<'_>],
    roles: Option<&Roles>,
    manager: &SchemaManager<'_>,
) -> Result<Vec<Vec<Entry>>> {
    if manager.get_database_backend() != DbBackend::Postgres {
        let memory = Database::connect("sqlite::memory:").await?;
        let made = make(wishes, &SchemaManager::new(&memory)).await;
        memory.close().await?;
        return made;
    }
    let transaction = manager.get_connection().begin().await?;
    let made = aside(wishes, roles, &transaction).await;
    transaction.rollback().await?;
    made
}

async fn aside(
    wishes: &[Wish<'_>],
    roles: Option<&Roles>,
    transaction: &DatabaseTransaction,
) -> Result<Vec<Vec<Entry>>> {
    let mut schemas = vec![SCHEMA.to_owned()];
    for wish in wishes {
        // A schema that an entity names is put aside for a moment: only this transaction sees it.
        if let Some(schema) = wish.entity.table().schema()
            && !schemas.iter().any(|known| known == schema)
        {
            schemas.push(schema.to_owned());
        }
    }
    for schema in &schemas {
        if exists(schema, transaction).await? {
            let aside = quote(&format!("{SCHEMA}_{schema}"));
            let rename = format!("ALTER SCHEMA {} RENAME TO {aside}", quote(schema));
            transaction.execute_unprepared(&rename).await?;
        }
        let mut create = format!("CREATE SCHEMA {};", quote(schema));
        if let Some(roles) = roles {
            // An owner has to be able to create what it owns.
            let owner = quote(&roles.owner);
            create.push_str(&format!(
                "GRANT USAGE, CREATE ON SCHEMA {} TO {owner};",
                quote(schema)
            ));
        }
        transaction.execute_unprepared(&create).await?;
    }
    // The former path stays behind it, for types of extensions and for tables of plain entities.
    let path = format!(
        "SELECT set_config('search_path', \
         concat_ws(', ', {}, nullif(current_setting('search_path'), '')), true)",
        literal(SCHEMA),
    );
    transaction.execute_unprepared(&path).await?;
    make(wishes, &SchemaManager::new(transaction)).await
}

async fn exists(schema: &str, transaction: &DatabaseTransaction) -> Result<bool> {
    let sql = format!(
        "SELECT 1 FROM pg_namespace WHERE nspname = {}",
        literal(schema)
    );
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    Ok(transaction.query_one_raw(statement).await?.is_some())
}

async fn make(wishes: &[Wish<'_>], manager: &SchemaManager<'_>) -> Result<Vec<Vec<Entry>>> {
    let mut made = Vec::new();
    for wish in wishes {
        wish.entity.lay_out(manager, wish.protection).await?;
    }
    for wish in wishes {
        made.push(catalog::read(&wish.entity.table(), manager.get_connection()).await?);
    }
    Ok(made)
}
