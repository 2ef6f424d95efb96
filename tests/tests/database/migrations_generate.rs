//! Generated migrations: written as expected, and right on an old database and on a fresh one.

use std::fs;
use std::path::Path;

use dotmac_database::ErrorKind;
use dotmac_database::migrate::{
    Comparison, Generate, GenerateError, Generated, add_column, add_column_with_value, diff,
    drop_column, generate,
};
use dotmac_database::rls::Roles;
use dotmac_database::testing;
use sea_orm::sea_query::Expr;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::prelude::*;
use tempfile::TempDir;

use crate::generated::{first, second};
use crate::journal::{currency, entry};
use crate::support::{admin, create_database};

/// The migrator of a user's crate, before anything was generated.
struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![]
    }
}

/// The user's crate.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/lib.rs"), "mod migrator;\n").unwrap();
    let migrator = "fn migrations() -> Vec<Box<dyn MigrationTrait>> {\n        vec![]\n    }\n";
    fs::write(folder.path().join("src/migrator.rs"), migrator).unwrap();
    folder
}

fn journal() -> Comparison {
    Comparison::all()
        .entity("journal::entry")
        .entity("accounts")
        .entity("currencies")
}

async fn generated(name: &str, drop: bool, folder: &Path, db: &DatabaseConnection) -> Generated {
    let request = Generate::new(name, folder).difference(journal()).drop(drop);
    generate::<Migrator>(&request, db).await.unwrap()
}

async fn lines(db: &DatabaseConnection) -> Vec<String> {
    let differences = diff(&journal(), &SchemaManager::new(db)).await.unwrap();
    differences.iter().map(ToString::to_string).collect()
}

/// Compares with the file that this binary compiles; UPDATE_EXPECT writes it.
#[track_caller]
fn expect(generated: &Generated, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/database/generated");
    let path = path.join(expected);
    let text = fs::read_to_string(generated.file.as_ref().unwrap()).unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&path).unwrap());
}

async fn postgres() -> DatabaseConnection {
    let name = create_database("template1").await;
    let db = admin(&name).await;
    let roles = Roles::of_database(&db).await.unwrap();
    roles.create(&db).await.unwrap();
    db
}

/// What the journal was before its entities changed.
const OLD: &str = "ALTER TABLE entries DROP COLUMN note; ALTER TABLE entries DROP COLUMN currency; \
    ALTER TABLE entries ADD COLUMN legacy text; CREATE INDEX by_hand ON entries (legacy); \
    DROP INDEX uq_accounts_number; CREATE UNIQUE INDEX uq_accounts_number ON accounts (number); \
    ALTER TABLE entries DROP CONSTRAINT fk_entries_account_id_accounts; \
    ALTER TABLE accounts DROP CONSTRAINT uq_accounts_tenant_id_id; \
    DROP TRIGGER dotmac_guard_entries ON entries; DROP POLICY dotmac_tenant ON entries; \
    ALTER TABLE currencies ALTER COLUMN digits TYPE integer; DROP INDEX uq_currencies_code";

#[tokio::test]
async fn first_migration_installs_what_is_missing() {
    let db = postgres().await;
    let folder = folder();
    let written = generated("first", false, folder.path(), &db).await;
    assert_eq!(written.undecided, [""; 0]);
    expect(&written, "first.rs");
    let source = |name: &str| fs::read_to_string(folder.path().join("src").join(name)).unwrap();
    let file = written.file.unwrap();
    let module = file.file_stem().unwrap().to_str().unwrap();
    assert!(module.ends_with("_first"), "{module}");
    assert_eq!(source("lib.rs"), format!("mod migrator;\nmod {module};\n"));
    let entry = format!("Box::new(super::{module}::Migration)");
    assert!(
        source("migrator.rs").contains(&entry),
        "{}",
        source("migrator.rs")
    );
}

#[tokio::test]
async fn later_migration_does_what_differs() {
    let db = postgres().await;
    let manager = SchemaManager::new(&db);
    first::Migration.up(&manager).await.unwrap();
    db.execute_unprepared(OLD).await.unwrap();
    let folder = folder();
    let written = generated("second", true, folder.path(), &db).await;
    expect(&written, "second.rs");
    let decide = [
        "entries: `legacy` in the database only, `currency`, `note` in the entity only: if a column \
         was renamed, rename it (`ALTER TABLE … RENAME COLUMN`) instead of adding a new one; if none \
         was, add `drop_column` yourself",
        "currencies: column `digits`: type is integer, the entity wants smallint",
    ];
    let mut undecided = written.undecided.clone();
    undecided.sort_by_key(|line| !line.starts_with("entries"));
    assert_eq!(undecided, decide);
    // On the old database, with rows.
    let rows = "INSERT INTO accounts (id, tenant_id, number) VALUES (gen_random_uuid(), 'a', '1'); \
                INSERT INTO entries (id, tenant_id, account_id) \
                SELECT gen_random_uuid(), 'a', id FROM accounts";
    db.execute_unprepared(rows).await.unwrap();
    // The column that may have been renamed stays, with its values.
    let left = [
        decide[1],
        "entries: column `legacy` is in the database only",
    ];
    second::Migration.up(&manager).await.unwrap();
    assert_eq!(lines(&db).await, left);
    second::Migration.up(&manager).await.unwrap();
    second::Migration.down(&manager).await.unwrap();
    assert!(!manager.has_column("entries", "note").await.unwrap());
    second::Migration.up(&manager).await.unwrap();
    assert_eq!(lines(&db).await, left);
}

#[tokio::test]
async fn both_migrations_are_right_on_a_fresh_database() {
    let sqlite = testing::in_memory().await.unwrap().plain();
    for db in [postgres().await, sqlite] {
        let manager = SchemaManager::new(&db);
        first::Migration.up(&manager).await.unwrap();
        second::Migration.up(&manager).await.unwrap();
        assert_eq!(lines(&db).await, [""; 0]);
        let folder = folder();
        let written = generated("third", true, folder.path(), &db).await;
        assert_eq!(
            written,
            Generated {
                file: None,
                undecided: vec![]
            }
        );
        let files = fs::read_dir(folder.path().join("src")).unwrap().count();
        assert_eq!(files, 2);
        if db.get_database_backend() == DbBackend::Postgres {
            second::Migration.down(&manager).await.unwrap();
            first::Migration.down(&manager).await.unwrap();
            assert!(!manager.has_table("entries").await.unwrap());
        }
    }
}

#[tokio::test]
async fn later_migration_is_right_on_an_old_sqlite_database() {
    let db = testing::in_memory().await.unwrap().plain();
    let manager = SchemaManager::new(&db);
    first::Migration.up(&manager).await.unwrap();
    let old = "DROP INDEX idx_entries_note; ALTER TABLE entries DROP COLUMN note; \
               ALTER TABLE entries DROP COLUMN currency; DROP TRIGGER dotmac_guard_entries";
    db.execute_unprepared(old).await.unwrap();
    second::Migration.up(&manager).await.unwrap();
    assert_eq!(lines(&db).await, [""; 0]);
    second::Migration.down(&manager).await.unwrap();
    assert!(!manager.has_column("entries", "note").await.unwrap());
}

#[tokio::test]
async fn nothing_is_dropped_unless_asked_for() {
    let db = postgres().await;
    let manager = SchemaManager::new(&db);
    first::Migration.up(&manager).await.unwrap();
    let extra = "ALTER TABLE entries ADD COLUMN legacy text; \
                 CREATE INDEX by_hand ON entries (legacy)";
    db.execute_unprepared(extra).await.unwrap();
    let folder = folder();
    let written = generated("extra", false, folder.path(), &db).await;
    let told = [
        "entries: column `legacy` is in the database only",
        "entries: index `by_hand` is in the database only",
    ];
    assert_eq!(written.undecided, told);
    let text = fs::read_to_string(written.file.unwrap()).unwrap();
    for line in told {
        assert!(text.contains(&format!("// Decide: {line}.\n")), "{text}");
    }
    assert!(!text.contains("migrate::"), "{text}");
    assert!(!text.contains("use crate"), "{text}");
}

#[tokio::test]
async fn columns_are_dropped_where_none_is_new() {
    let db = postgres().await;
    let manager = SchemaManager::new(&db);
    first::Migration.up(&manager).await.unwrap();
    let extra = "ALTER TABLE entries ADD COLUMN legacy text";
    db.execute_unprepared(extra).await.unwrap();
    let folder = folder();
    let written = generated("clean", true, folder.path(), &db).await;
    assert_eq!(written.undecided, [""; 0]);
    let text = fs::read_to_string(written.file.unwrap()).unwrap();
    let call = "migrate::drop_column::<entry::Entity>(manager, \"legacy\").await?;";
    assert!(text.contains(call), "{text}");
    assert!(
        text.contains("// The values of `legacy` are lost"),
        "{text}"
    );
}

#[tokio::test]
async fn column_without_a_value_for_rows_is_left_to_decide() {
    let db = postgres().await;
    let manager = SchemaManager::new(&db);
    first::Migration.up(&manager).await.unwrap();
    let old = "ALTER TABLE currencies DROP COLUMN digits; \
               INSERT INTO currencies (id, code) VALUES (gen_random_uuid(), 'EUR')";
    db.execute_unprepared(old).await.unwrap();
    let folder = folder();
    let written = generated("digits", false, folder.path(), &db).await;
    assert_eq!(written.undecided.len(), 1, "{written:?}");
    assert!(
        written.undecided[0].contains("add_column_with_value"),
        "{written:?}"
    );
    // As the comment says: without a value it fails, and nothing is done.
    let add = add_column::<currency::Entity>(&manager, "digits").await;
    assert_eq!(add.unwrap_err().kind(), ErrorKind::NotNull);
    let updated = "SELECT updated_at::text FROM currencies";
    let before = text(updated, &db).await;
    for _ in 0..2 {
        add_column_with_value::<currency::Entity>(&manager, "digits", Expr::value(2))
            .await
            .unwrap();
    }
    assert_eq!(text("SELECT digits::text FROM currencies", &db).await, "2");
    assert_eq!(text(updated, &db).await, before);
    assert_eq!(lines(&db).await, [""; 0]);
}

#[tokio::test]
async fn table_of_tenants_is_not_opened_for_an_entity_that_forgot_them() {
    let db = postgres().await;
    let manager = SchemaManager::new(&db);
    first::Migration.up(&manager).await.unwrap();
    let tenants = "CREATE POLICY dotmac_tenant ON currencies USING (false)";
    db.execute_unprepared(tenants).await.unwrap();
    let folder = folder();
    let written = generated("forgotten", true, folder.path(), &db).await;
    assert_eq!(written.undecided.len(), 1, "{written:?}");
    assert!(written.undecided[0].contains("rls::remove"), "{written:?}");
    let text = fs::read_to_string(written.file.unwrap()).unwrap();
    assert!(!text.contains("install_shared"), "{text}");
}

#[tokio::test]
async fn value_for_rows_does_not_replace_the_default() {
    let db = postgres().await;
    let manager = SchemaManager::new(&db);
    first::Migration.up(&manager).await.unwrap();
    drop_column::<entry::Entity>(&manager, "currency")
        .await
        .unwrap();
    let value = Expr::value("DEM");
    add_column_with_value::<entry::Entity>(&manager, "currency", value)
        .await
        .unwrap();
    assert_eq!(lines(&db).await, [""; 0]);
}

#[tokio::test]
async fn column_that_the_entity_has_lost_is_not_added() {
    let db = testing::in_memory().await.unwrap().plain();
    let manager = SchemaManager::new(&db);
    first::Migration.up(&manager).await.unwrap();
    add_column::<entry::Entity>(&manager, "lost").await.unwrap();
    drop_column::<entry::Entity>(&manager, "lost")
        .await
        .unwrap();
    assert!(!manager.has_column("entries", "lost").await.unwrap());
}

#[tokio::test]
async fn empty_migration_needs_no_database() {
    let folder = folder();
    let request = Generate::new("clean up", folder.path());
    let written = generate::<Migrator>(&request, &DatabaseConnection::default()).await;
    let text = fs::read_to_string(written.unwrap().file.unwrap()).unwrap();
    assert!(
        text.contains("async fn up(&self, _manager: &SchemaManager)"),
        "{text}"
    );
    assert!(!text.contains("use dotmac_database"), "{text}");
}

#[tokio::test]
async fn bad_name_and_missing_migrator_write_nothing() {
    let folder = folder();
    let db = DatabaseConnection::default();
    let bad = Generate::new("add-note", folder.path());
    let error = generate::<Migrator>(&bad, &db).await.unwrap_err();
    assert!(
        matches!(error, GenerateError::InvalidName { .. }),
        "{error}"
    );
    fs::remove_file(folder.path().join("src/migrator.rs")).unwrap();
    let request = Generate::new("note", folder.path());
    let error = generate::<Migrator>(&request, &db).await.unwrap_err();
    assert!(matches!(error, GenerateError::NoMigrator { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path().join("src")).unwrap().count(), 1);
}

#[tokio::test]
async fn pending_migrations_are_applied_before_the_next_is_generated() {
    let db = testing::in_memory().await.unwrap().plain();
    let folder = folder();
    let request = Generate::new("note", folder.path()).difference(journal());
    let error = generate::<migration::Migrator>(&request, &db)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("m20260101_000001_roles"),
        "{error}"
    );
}

async fn text(sql: &str, db: &DatabaseConnection) -> String {
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    let row = db.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}
