//! Where an example runs: a database of its own, which is gone afterwards.

use std::time::Duration;

use dotmac_database::migrate::{Runner, database_url};
use dotmac_database::prelude::*;
use dotmac_database::rls::{Login, Roles};
use dotmac_database::testing::{ThrowawayPostgres, in_memory};
use migration::Migrator;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use sea_orm_migration::MigratorTrait;

/// The result of an example, which only ends where something fails.
pub type Outcome<T, E = Box<dyn std::error::Error>> = Result<T, E>;

/// How long open sessions may take when the place is closed.
const CLOSING: Duration = Duration::from_secs(10);

/// A migrated database, and the program's connections to it.
pub enum Place {
    /// One that was made here, with roles of its own.
    Postgres(Box<Postgres>),
    /// SQLite, in memory or where `DATABASE_URL` says.
    Sqlite(Database),
    /// That of `DATABASE_URL`, as it was found.
    Existing(Database),
}

/// A database on a PostgreSQL server, with roles of its own.
pub struct Postgres {
    application: Database,
    admin: DatabaseConnection,
    admin_url: String,
    name: String,
    /// The server, where it is the example's own.
    server: Option<ThrowawayPostgres>,
}

impl Place {
    /// Uses `DATABASE_URL` if set, else a throwaway PostgreSQL if installed, else SQLite in memory, and says
    /// which. A database on PostgreSQL is made for this run, and its name begins with `name`.
    ///
    /// # Errors
    /// The database's, in the words of what it takes: for instance that the role of `DATABASE_URL` needs
    /// CREATEDB.
    pub async fn open(name: &str, say: &mut dyn FnMut(&str)) -> Outcome<Self> {
        if std::env::var_os("DATABASE_URL").is_some() {
            let url = database_url(None)?;
            if url.starts_with("sqlite") {
                say("DATABASE_URL leads to SQLite.");
                let config = DatabaseConfig::new(&url)?;
                return Self::sqlite(Database::connect(config).await?, say).await;
            }
            say("DATABASE_URL leads to PostgreSQL; a database and roles of this program's own are");
            say("made there, and removed at the end.");
            return Self::postgres(name, url, None, say).await;
        }
        match ThrowawayPostgres::start() {
            Ok(server) => {
                say("A throwaway PostgreSQL, started for this program (DATABASE_URL is not set).");
                Self::postgres(name, server.superuser_url(), Some(server), say).await
            }
            Err(reason) => {
                say(&format!(
                    "SQLite in memory: DATABASE_URL is not set, and {reason}."
                ));
                Self::sqlite(in_memory().await?, say).await
            }
        }
    }

    /// Uses the database of `DATABASE_URL` as it is: migrated before, and through its application's login.
    ///
    /// # Errors
    /// The start check's, and the database's.
    pub async fn existing(say: &mut dyn FnMut(&str)) -> Outcome<Self> {
        let database = Database::connect(DatabaseConfig::from_env()?).await?;
        say("The database of DATABASE_URL, as it is: the start check passed.");
        Ok(Place::Existing(database))
    }

    /// The program's connections.
    pub fn database(&self) -> &Database {
        match self {
            Place::Postgres(postgres) => &postgres.application,
            Place::Sqlite(database) | Place::Existing(database) => database,
        }
    }

    /// Whether policies hold tenants apart.
    pub fn is_postgres(&self) -> bool {
        self.database().backend() == DbBackend::Postgres
    }

    /// The place where it is a database on PostgreSQL that was made here.
    pub fn postgres_here(&self) -> Option<&Postgres> {
        match self {
            Place::Postgres(postgres) => Some(postgres),
            Place::Sqlite(_) | Place::Existing(_) => None,
        }
    }

    /// Waits up to ten seconds for open sessions, and removes what was made here.
    ///
    /// # Errors
    /// The database's.
    pub async fn close(self) -> Outcome<()> {
        let closed = self.database().close_within(CLOSING).await;
        if closed.cut_off > 0 {
            tracing::warn!(closed.cut_off, "sessions were cut off");
        }
        let Place::Postgres(postgres) = self else {
            return Ok(());
        };
        let sql = format!("DROP DATABASE \"{}\"", postgres.name);
        postgres.admin.execute_unprepared(&sql).await?;
        Roles::with_prefix(&postgres.name)
            .drop(&postgres.admin)
            .await?;
        Ok(())
    }

    async fn sqlite(database: Database, say: &mut dyn FnMut(&str)) -> Outcome<Self> {
        say("SQLite has no row-level security. Stamps, soft delete, units of work and the");
        say("refusal of foreign tenants by hooks hold; that a query shows one tenant's rows");
        say("only, does not: that is what PostgreSQL enforces.");
        Migrator::up(&database.plain(), None).await?;
        say("The migrations have run.");
        Ok(Place::Sqlite(database))
    }

    async fn postgres(
        name: &str,
        admin_url: String,
        server: Option<ThrowawayPostgres>,
        say: &mut dyn FnMut(&str),
    ) -> Outcome<Self> {
        say("Row-level security holds tenants apart, for raw SQL too.");
        let admin = sea_orm::Database::connect(&admin_url).await?;
        let name = format!("{name}_{}", Uuid::now_v7().simple());
        admin
            .execute_unprepared(&format!("CREATE DATABASE \"{name}\""))
            .await
            .map_err(|error| format!("the role of DATABASE_URL needs CREATEDB: {error}"))?;
        let roles = Roles::with_prefix(&name);
        let inside = sea_orm::Database::connect(url_of(&admin_url, &name, None)?).await?;
        roles
            .create(&inside)
            .await
            .map_err(|error| format!("the role of DATABASE_URL needs CREATEROLE: {error}"))?;
        let password = Uuid::new_v4().to_string();
        for login in [Login::Migrator, Login::Application] {
            roles.set_password(&inside, login, &password).await?;
        }
        inside.close().await?;
        say(&format!(
            "Roles: {}, {}, …",
            roles.migrator, roles.application
        ));

        let login = |role: &str| url_of(&admin_url, &name, Some((role, &password)));
        migrate(&login(&roles.migrator)?).await?;
        say("The migrations have run, as the migrator.");
        let config = DatabaseConfig::new(&login(&roles.application)?)?;
        let application = Database::connect(config).await?;
        say("The program has connected, as a role that policies bind: the start check passed.");
        Ok(Place::Postgres(Box::new(Postgres {
            application,
            admin,
            admin_url,
            name,
            server,
        })))
    }
}

impl Postgres {
    /// The URL of the database for whoever made it.
    ///
    /// # Errors
    /// Where the server's URL has no place for a database.
    pub fn administrator(&self) -> Outcome<String> {
        url_of(&self.admin_url, &self.name, None)
    }

    /// Whether the server is the example's own, and so its administrator a superuser.
    pub fn is_on_own_server(&self) -> bool {
        self.server.is_some()
    }
}

/// Migrates as the migrator.
async fn migrate(url: &str) -> Outcome<()> {
    let migrator = sea_orm::Database::connect(url).await?;
    Runner::<Migrator>::new().up(None, &migrator).await?;
    Ok(migrator.close().await?)
}

/// The server's URL with another database, and with another login.
fn url_of(url: &str, database: &str, login: Option<(&str, &str)>) -> Outcome<String> {
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
