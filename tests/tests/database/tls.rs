//! Encrypted connections, to a server with a certificate of the test's own.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use dotmac_database::StartCheck;
use dotmac_database::prelude::*;
use dotmac_database::testing::ThrowawayPostgres;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

/// A certificate authority `ca.crt`, and the certificate `server.crt` for 127.0.0.1 that it signed.
/// The second name lets a test connect to an address that the certificate does not name.
const CERTIFICATES: &str = r#"
set -e
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-authority \
    -addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.crt
openssl req -newkey rsa:2048 -nodes -subj /CN=server -keyout server.key -out server.csr
printf 'subjectAltName=IP:%s\nbasicConstraints=CA:FALSE\n' "$1" >server.ext
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 \
    -extfile server.ext -out server.crt
"#;

pub fn certify(folder: &Path, address: &str) {
    let made = Command::new("sh")
        .args(["-c", CERTIFICATES, "certify", address])
        .current_dir(folder)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "is `openssl` installed? {log}");
}

/// The server takes its key from a file of its own account only.
fn hand_over(file: &str, from: &Path, server: &ThrowawayPostgres) {
    let target = server.data_dir().join(file);
    std::fs::copy(from.join(file), &target).unwrap();
    let owner = std::fs::metadata(server.data_dir()).unwrap();
    chown(&target, Some(owner.uid()), Some(owner.gid())).unwrap();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).unwrap();
}

async fn with_certificate(folder: &Path, address: &str) -> ThrowawayPostgres {
    let server = tokio::task::spawn_blocking(ThrowawayPostgres::start);
    let server = server.await.unwrap().unwrap();
    certify(folder, address);
    for file in ["server.crt", "server.key"] {
        hand_over(file, folder, &server);
    }
    let admin = sea_orm::Database::connect(server.superuser_url()).await;
    let admin = admin.unwrap();
    for sql in ["ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"] {
        admin.execute_unprepared(sql).await.unwrap();
    }
    // The server reads its settings in its own time.
    let on = "SELECT 1 WHERE current_setting('ssl') = 'on'";
    let on = Statement::from_string(DbBackend::Postgres, on);
    while admin.query_one_raw(on.clone()).await.unwrap().is_none() {}
    admin.close().await.unwrap();
    server
}

async fn connect(url: &str) -> Result<Database, Error> {
    let config = DatabaseConfig::new(url)?.start_check(StartCheck::SkippedUnprotected);
    Database::connect(config).await
}

async fn is_encrypted(db: &Database) -> bool {
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let nobody = RequestContext::without_tenant();
    let row = db.read(&nobody, async |tx| {
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        tx.query_one_raw(statement).await
    });
    row.await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn connection_is_encrypted_and_the_server_proved() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_certificate(folder.path(), "127.0.0.1").await;
    let url = server.superuser_url();
    let root = folder.path().join("ca.crt");
    let root = root.display();

    let plain = connect(&format!("{url}?sslmode=disable")).await.unwrap();
    assert!(!is_encrypted(&plain).await);
    for query in [
        "sslmode=require".to_owned(),
        format!("sslmode=verify-ca&sslrootcert={root}"),
        format!("sslmode=verify-full&sslrootcert={root}"),
    ] {
        let db = connect(&format!("{url}?{query}")).await.expect(&query);
        assert!(is_encrypted(&db).await, "{query}");
    }
    // Its authority is not one of the world's.
    let unknown = connect(&format!("{url}?sslmode=verify-full")).await;
    let error = unknown.expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error:?}");
}

#[tokio::test]
async fn certificate_of_another_host_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = with_certificate(folder.path(), "127.0.0.9").await;
    let url = server.superuser_url();
    let root = folder.path().join("ca.crt");
    let query = format!("sslmode=verify-ca&sslrootcert={}", root.display());
    let db = connect(&format!("{url}?{query}")).await.expect("trusted");
    assert!(is_encrypted(&db).await);
    let query = format!("sslmode=verify-full&sslrootcert={}", root.display());
    assert!(connect(&format!("{url}?{query}")).await.is_err());
}

#[tokio::test]
async fn server_without_tls_is_refused_where_tls_is_required() {
    let url = crate::support::server().superuser_url();
    let error = connect(&format!("{url}?sslmode=require")).await;
    let error = error.expect_err("refused");
    assert!(
        format!("{error:?}").contains("does not support TLS"),
        "{error:?}"
    );
}
