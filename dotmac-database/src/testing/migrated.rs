//! A migrated database of a throwaway server, with the roles of a deployment.

use std::fmt;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::MigratorTrait;
use uuid::Uuid;

use super::postgres::ThrowawayPostgres;
use crate::config::DatabaseConfig;
use crate::error::Result;
use crate::ident::quote;
use crate::rls::{Login, Roles};

/// A database of a [`ThrowawayPostgres`] as a deployment has it: its roles exist, its migrations ran
/// as the migrator, and the program connects as the application.
///
/// # Examples
/// One for the test binary, and a [`copy`](Self::copy) for each test:
///
/// ```no_run
/// use dotmac_database::prelude::*;
/// use dotmac_database::testing::ThrowawayPostgres;
/// # use sea_orm_migration::MigratorTrait;
/// # async fn test<Migrator: MigratorTrait>() -> Result<(), Box<dyn std::error::Error>> {
/// let server = ThrowawayPostgres::start()?;
/// let template = server.migrated::<Migrator>("shop").await?;
/// let shop = template.copy("test_1").await?;
/// let db = Database::connect(shop.config()?).await?;
/// # Ok(()) }
/// ```
pub struct MigratedDatabase<'s> {
    server: &'s ThrowawayPostgres,
    name: String,
    roles: Roles,
    password: String,
}

impl ThrowawayPostgres {
    /// Makes a database with its [`Roles`], which are named after it, and migrates it.
    ///
    /// # Errors
    /// The database's: for instance where there is one of this name, or a migration fails.
    ///
    /// # Cancel safety
    /// A future that is dropped may leave the database half made, until the server is gone.
    pub async fn migrated<M: MigratorTrait>(&self, name: &str) -> Result<MigratedDatabase<'_>> {
        let database = MigratedDatabase {
            server: self,
            name: name.to_owned(),
            roles: Roles::with_prefix(name),
            password: Uuid::new_v4().simple().to_string(),
        };
        self.administer(&format!("CREATE DATABASE {}", quote(name)))
            .await?;
        let inside = connect(&database.superuser_url()).await?;
        database.roles.create(&inside).await?;
        for login in [Login::Migrator, Login::Application, Login::System] {
            let password = &database.password;
            database
                .roles
                .set_password(&inside, login, password)
                .await?;
        }
        inside.close().await?;
        let migrator = connect(&database.url(Login::Migrator)).await?;
        M::up(&migrator, None).await?;
        let table = M::migration_table_name().to_string();
        database.roles.show_migrations(&table, &migrator).await?;
        migrator.close().await?;
        Ok(database)
    }

    async fn administer(&self, sql: &str) -> Result<()> {
        let administration = connect(&self.superuser_url()).await?;
        administration.execute_unprepared(sql).await?;
        Ok(administration.close().await?)
    }
}

impl<'s> MigratedDatabase<'s> {
    /// Copies the database, rows included, in some hundredths of a second. The copy has the same roles
    /// and passwords.
    ///
    /// # Errors
    /// The database's: for instance where somebody is connected to this one, or there is one of the
    /// new name.
    pub async fn copy(&self, name: &str) -> Result<MigratedDatabase<'s>> {
        let (copy, template) = (quote(name), quote(&self.name));
        let create = format!("CREATE DATABASE {copy} TEMPLATE {template}");
        self.server.administer(&create).await?;
        // The rights on a database itself are not copied.
        let copied = MigratedDatabase {
            server: self.server,
            name: name.to_owned(),
            roles: self.roles.clone(),
            password: self.password.clone(),
        };
        let inside = connect(&copied.superuser_url()).await?;
        copied.roles.create(&inside).await?;
        inside.close().await?;
        Ok(copied)
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of its roles.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// The URL for one of its logins, with the password.
    pub fn url(&self, login: Login) -> String {
        let role = self.roles.login(login);
        self.server.url(role, &self.password, &self.name)
    }

    /// The URL for the superuser, who sees everything.
    pub fn superuser_url(&self) -> String {
        let password = self.server.password();
        self.server.url("postgres", password, &self.name)
    }

    /// The configuration of a program that connects as the application.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) for what a URL cannot say.
    pub fn config(&self) -> Result<DatabaseConfig> {
        DatabaseConfig::new(&self.url(Login::Application))
    }
}

/// Shows the name, and no password.
impl fmt::Debug for MigratedDatabase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MigratedDatabase")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

async fn connect(url: &str) -> Result<DatabaseConnection> {
    Ok(sea_orm::Database::connect(url).await?)
}
