//! `tenants …`: what a person at the command line does, and is told.

use std::process::ExitCode;

use clap::Parser;
use dotmac_database::rls::Login;
use dotmac_database::tenancy::{Directory, TenantRecord};
use dotmac_database::testing::MigratedDatabase;
use migration::{Cli, Migrator};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::fleet_bed::{Nothing, id};
use crate::support::server;

/// The shop, as a deployment has it.
struct Place {
    shop: MigratedDatabase<'static>,
    admin: DatabaseConnection,
}

impl Place {
    async fn open(name: &str) -> Self {
        let shop = server().migrated::<Migrator>(name).await.unwrap();
        let admin = sea_orm::Database::connect(shop.superuser_url()).await;
        Place {
            admin: admin.unwrap(),
            shop,
        }
    }

    /// The exit code, or the message.
    async fn run(&self, arguments: &str) -> Result<String, String> {
        let url = self.shop.url(Login::Migrator);
        let all = ["migration", "-u", &url, "tenants"];
        let all = all.into_iter().chain(arguments.split_whitespace());
        match Cli::try_parse_from(all) {
            Err(usage) => Err(format!("{}: {usage}", usage.exit_code())),
            Ok(cli) => match cli.run().await {
                Ok(code) => Ok(format!("{code:?}")),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    #[track_caller]
    fn assert_ok(&self, answer: Result<String, String>) {
        assert_eq!(answer, Ok(format!("{:?}", ExitCode::SUCCESS)));
    }

    async fn record(&self, tenant: &str) -> Option<TenantRecord> {
        let found = Directory::new().find_on(&id(tenant), &self.admin).await;
        found.unwrap()
    }

    async fn does(&self, sql: &str) -> bool {
        self.admin.execute_unprepared(sql).await.is_ok()
    }
}

#[tokio::test]
async fn tenant_lives_from_create_to_drop() {
    let place = Place::open("cli_life").await;
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "create acme",
        "create beta --placement rows",
        "list",
        "list --state active --json",
        "status",
        "migrate",
        "migrate --json --concurrency 2",
        "migrate --dry-run",
        "suspend acme",
        "resume acme",
        "suspend acme",
        "rename acme customer_acme",
        "clone acme copy --data",
    ] {
        place.assert_ok(place.run(command).await);
    }
    assert!(place.does("SELECT number FROM customer_acme.orders").await);
    let archive = format!("archive acme --folder {}", folder.path().display());
    place.assert_ok(place.run(&archive).await);
    assert!(folder.path().join("customer_acme.dump").exists());
    place.assert_ok(place.run("drop acme --confirm acme").await);
    assert_eq!(place.record("acme").await, None);
    assert!(!place.does("SELECT number FROM customer_acme.orders").await);
}

#[tokio::test]
async fn tenant_moves_to_another_database_and_back() {
    let place = Place::open("cli_home").await;
    let other = server().migrated::<Nothing>("cli_eu").await.unwrap();
    let eu = format!("--tenant-database eu={}", other.url(Login::Migrator));
    for command in [
        "create acme --placement rows",
        "suspend acme",
        "move acme --to database:eu",
        "list",
        "move acme --to schema",
        "resume acme",
    ] {
        place.assert_ok(place.run(&format!("{command} {eu}")).await);
    }
    let unknown = format!("create beta --placement database:us {eu}");
    let told = place.run(&unknown).await;
    assert!(told.unwrap_err().contains("`us=<url>`"));
    let told = place.run("create beta --tenant-database eu").await;
    assert!(told.unwrap_err().contains("<name>=<url>"));
    assert_eq!(place.record("beta").await, None);
}

#[tokio::test]
async fn bad_input_is_told_and_changes_nothing() {
    let place = Place::open("cli_bad").await;
    place.assert_ok(place.run("create acme").await);
    assert!(place.does("CREATE SCHEMA tenant_taken").await);
    let rows = "INSERT INTO users (id, tenant_id, email, name) \
        VALUES (gen_random_uuid(), 'beta', 'ada@example.com', 'Ada')";
    assert!(place.does(rows).await);
    for (command, message) in [
        ("suspend nobody", "there is no tenant \"nobody\""),
        ("rename nobody x", "there is no tenant \"nobody\""),
        (
            "rename acme tenant_taken",
            "where sessions of tenant \"taken\" work",
        ),
        ("rename acme aside", "keep the tenant suspended"),
        (
            "create beta --placement rows",
            "tenant \"beta\" has rows in public.users already",
        ),
        ("rename acme public", "2: "),
        ("rename acme x;y", "2: "),
        ("create acme", "tenant \"acme\" exists already"),
        ("create taken", "schema \"tenant_taken\" exists already"),
        ("create Acme", "tenant \"Acme\" cannot have one"),
        ("clone nobody x", "there is no tenant \"nobody\""),
        ("clone acme acme", "tenant \"acme\" exists already"),
        ("create a:b", "2: "),
        ("create x --placement table", "2: "),
        ("list --state sleepy", "2: "),
        ("migrate --canary-only", "2: "),
        ("migrate --concurrency 0", "2: "),
        ("drop acme --confirm beta", "confirm it by its name"),
        (
            "drop nobody --confirm nobody",
            "there is no tenant \"nobody\"",
        ),
        ("fly", "2: "),
        (
            "archive acme --pg-dump /nowhere/pg_dump",
            "archive without a file",
        ),
        ("archive acme --folder /tmp --no-file", "2: "),
        ("move acme --to rows", "suspend it first"),
    ] {
        let told = place.run(command).await.unwrap_err();
        assert!(told.contains(message), "{command}: {told}");
    }
    let acme = place.record("acme").await.unwrap();
    assert_eq!(acme.schema.unwrap().as_str(), "tenant_acme");
    for tenant in ["taken", "beta", "Acme", "x"] {
        assert_eq!(place.record(tenant).await, None);
    }
}

#[tokio::test]
async fn partial_success_has_an_exit_code_of_its_own() {
    let place = Place::open("cli_part").await;
    for tenant in ["a", "b"] {
        place.assert_ok(place.run(&format!("create {tenant}")).await);
    }
    let behind = "UPDATE dotmac_tenants SET schema_version = NULL; DROP SCHEMA tenant_a CASCADE";
    assert!(place.does(behind).await);
    let partly = || Ok(format!("{:?}", ExitCode::from(3)));
    assert_eq!(place.run("status").await, partly());
    assert_eq!(place.run("migrate --canary 1").await, partly());
    assert!(place.record("b").await.unwrap().version.is_none());
    assert_eq!(place.run("migrate").await, partly());
    assert!(place.record("b").await.unwrap().version.is_some());
    assert!(place.record("a").await.unwrap().error.is_some());
    assert!(
        place
            .does("DELETE FROM dotmac_tenants WHERE tenant_id = 'a'")
            .await
    );
    place.assert_ok(place.run("status --json").await);
    // Canaries only: the rest is left.
    place.assert_ok(place.run("create c").await);
    assert!(
        place
            .does("UPDATE dotmac_tenants SET schema_version = NULL")
            .await
    );
    assert_eq!(
        place.run("migrate --canary 1 --canary-only").await,
        partly()
    );
    place.assert_ok(place.run("migrate --json").await);
}

#[tokio::test]
async fn lost_connection_is_told_in_plain_words() {
    let place = Place::open("cli_lost").await;
    let url = place
        .shop
        .url(Login::Migrator)
        .replace("cli_lost", "cli_gone");
    let gone = Cli::parse_from(["migration", "-u", &url, "tenants", "list"]);
    let told = gone.run().await.unwrap_err();
    assert!(!told.to_string().is_empty());
    let completions = Cli::parse_from(["migration", "completions", "bash"]);
    place.assert_ok(
        completions
            .run()
            .await
            .map(|it| format!("{it:?}"))
            .map_err(|it| it.to_string()),
    );
}
