//! Where the tour takes place: a database of its own, which is gone afterwards.

use dotmac_database::migrate::database_url;
use dotmac_database::prelude::*;
use dotmac_database::rls::{Login, Roles};
use dotmac_database::testing::{ThrowawayPostgres, in_memory};
use migration::Migrator;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::MigratorTrait;

use crate::narrator::Narrator;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// The database of the tour.
pub enum Place {
    Postgres(Box<Postgres>),
    Sqlite(Database),
}

/// A database on a PostgreSQL server, with roles of its own.
pub struct Postgres {
    application: Database,
    admin: DatabaseConnection,
    admin_url: String,
    name: String,
    /// The server, where it is the tour's own.
    server: Option<ThrowawayPostgres>,
}

impl Place {
    pub async fn open(narrator: &mut Narrator) -> Result<Self> {
        narrator.step("Where this runs");
        if let Ok(url) = std::env::var("DATABASE_URL") {
            let url = database_url(Some(&url))?;
            if url.starts_with("sqlite") {
                narrator.say("DATABASE_URL leads to SQLite.");
                let config = DatabaseConfig::new(&url)?;
                return Self::sqlite(narrator, Database::connect(config).await?).await;
            }
            narrator
                .say("DATABASE_URL leads to PostgreSQL; the tour makes a database and roles of");
            narrator.say("its own there, and removes them at the end.");
            return Self::postgres(narrator, url, None).await;
        }
        match ThrowawayPostgres::start() {
            Ok(server) => {
                narrator.say(
                    "A throwaway PostgreSQL, started for this tour (DATABASE_URL is not set).",
                );
                Self::postgres(narrator, server.superuser_url(), Some(server)).await
            }
            Err(reason) => {
                narrator.say(format!(
                    "SQLite in memory: DATABASE_URL is not set, and {reason}."
                ));
                Self::sqlite(narrator, in_memory().await?).await
            }
        }
    }

    pub fn database(&self) -> &Database {
        match self {
            Place::Postgres(postgres) => &postgres.application,
            Place::Sqlite(database) => database,
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self, Place::Postgres(_))
    }

    /// The start check, against a login that policies do not bind.
    pub async fn show_start_check(&self, narrator: &mut Narrator) -> Result<()> {
        narrator.step("A login that row-level security does not bind");
        let Place::Postgres(postgres) = self else {
            narrator
                .say("SQLite has no logins: there is nothing to check, and nothing that protects.");
            return Ok(());
        };
        let url = place_url(&postgres.admin_url, &postgres.name, None)?;
        match Database::connect(DatabaseConfig::new(&url)?).await {
            Err(error) if error.kind() == ErrorKind::BypassesRls => {
                narrator.refused(
                    "the program does not start with the administrator's login",
                    Err::<(), _>(error),
                );
            }
            Err(error) => return Err(error.into()),
            Ok(_) if postgres.server.is_some() => {
                narrator.expect(
                    "the program does not start with the administrator's login",
                    false,
                );
            }
            Ok(_) => narrator.say("DATABASE_URL's role is no superuser: nothing to refuse."),
        }
        Ok(())
    }

    pub async fn close(self) -> Result<()> {
        let Place::Postgres(postgres) = self else {
            return Ok(());
        };
        postgres.application.close().await;
        let sql = format!("DROP DATABASE \"{}\"", postgres.name);
        postgres.admin.execute_unprepared(&sql).await?;
        Roles::with_prefix(&postgres.name)
            .drop(&postgres.admin)
            .await?;
        Ok(())
    }

    async fn sqlite(narrator: &mut Narrator, database: Database) -> Result<Self> {
        narrator
            .say("SQLite has no row-level security. Stamps, soft delete, units of work and the");
        narrator
            .say("refusal of foreign tenants by hooks hold; that a query shows one tenant's rows");
        narrator.say("only, does not: that is what PostgreSQL enforces.");
        Migrator::up(&database.plain(), None).await?;
        narrator.say("The migrations have run.");
        Ok(Place::Sqlite(database))
    }

    async fn postgres(
        narrator: &mut Narrator,
        admin_url: String,
        server: Option<ThrowawayPostgres>,
    ) -> Result<Self> {
        narrator.say("Row-level security holds tenants apart, for raw SQL too.");
        let admin = sea_orm::Database::connect(&admin_url).await?;
        let name = format!("quickstart_{}", uuid::Uuid::now_v7().simple());
        admin
            .execute_unprepared(&format!("CREATE DATABASE \"{name}\""))
            .await
            .map_err(|error| format!("the role of DATABASE_URL needs CREATEDB: {error}"))?;
        let roles = Roles::with_prefix(&name);
        let inside = sea_orm::Database::connect(place_url(&admin_url, &name, None)?).await?;
        roles
            .create(&inside)
            .await
            .map_err(|error| format!("the role of DATABASE_URL needs CREATEROLE: {error}"))?;
        let password = uuid::Uuid::new_v4().to_string();
        for login in [Login::Migrator, Login::Application] {
            roles.set_password(&inside, login, &password).await?;
        }
        inside.close().await?;
        narrator.say(format!(
            "Roles: {}, {}, …",
            roles.migrator, roles.application
        ));

        let login = |role: &str| place_url(&admin_url, &name, Some((role, &password)));
        let migrator = sea_orm::Database::connect(login(&roles.migrator)?).await?;
        Migrator::up(&migrator, None).await?;
        migrator.close().await?;
        narrator.say("The migrations have run, as the migrator.");
        let config = DatabaseConfig::new(&login(&roles.application)?)?;
        let application = Database::connect(config).await?;
        narrator.say(
            "The program has connected, as a role that policies bind: the start check passed.",
        );
        Ok(Place::Postgres(Box::new(Postgres {
            application,
            admin,
            admin_url,
            name,
            server,
        })))
    }
}

/// The server's URL with another database, and with another login.
fn place_url(url: &str, database: &str, login: Option<(&str, &str)>) -> Result<String> {
    let mut url = url::Url::parse(url)?;
    url.set_path(database);
    if let Some((role, password)) = login {
        url.set_username(role)
            .map_err(|()| "the URL has no place for a user")?;
        url.set_password(Some(password))
            .map_err(|()| "the URL has no place for a password")?;
    }
    Ok(url.into())
}
