//! The databases of tenants that have another one than the directory's.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use dotmac_database::Error;
use dotmac_database::migrate::Fleet;
use dotmac_database::tenancy::DatabaseName;
use sea_orm::Database;

use crate::{Migrator, TenantMigrator};

/// A database by its name, with the URL of its migrator.
#[derive(Clone)]
pub(super) struct TenantDatabase {
    name: DatabaseName,
    url: String,
}

impl FromStr for TenantDatabase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, url) = text
            .split_once('=')
            .ok_or("it must be `<name>=<url>`, such as `eu-1=postgres://…`")?;
        Ok(TenantDatabase {
            name: name.parse().map_err(|error: Error| error.to_string())?,
            url: url.to_owned(),
        })
    }
}

/// The tenants, wherever they are.
pub(super) fn fleet(databases: Vec<TenantDatabase>) -> Fleet<Migrator, TenantMigrator> {
    if databases.is_empty() {
        return Fleet::new();
    }
    let urls: BTreeMap<DatabaseName, String> =
        databases.into_iter().map(|it| (it.name, it.url)).collect();
    let urls = Arc::new(urls);
    Fleet::new().databases(move |name| {
        let urls = Arc::clone(&urls);
        async move {
            let url = urls.get(&name).ok_or_else(|| Error::Config {
                variable: "TENANT_DATABASES",
                reason: format!("has no database `{name}`: add `{name}=<url>`"),
            })?;
            Ok(Database::connect(url).await?)
        }
    })
}
