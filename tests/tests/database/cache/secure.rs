//! Redis behind TLS, with a certificate of the test's own, and behind a socket of this machine.

use dotmac_database::cache::CacheClient;
use dotmac_database::{ErrorKind, RedisConfig};

use super::server::{ThrowawayRedis, connected, free_port, patient, until};
use super::support::{Source, ask, orders};
use crate::tls::certify;

/// A Redis that also answers over TLS on another port, and the folder with its certificates.
fn encrypted(address: &str) -> (ThrowawayRedis, tempfile::TempDir, u16) {
    let folder = tempfile::tempdir().expect("a folder");
    certify(folder.path(), address);
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let port = free_port();
    let redis = ThrowawayRedis::start_with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &file("server.crt"),
        "--tls-key-file",
        &file("server.key"),
        "--tls-ca-cert-file",
        &file("ca.crt"),
        "--tls-auth-clients",
        "no",
    ]);
    (redis, folder, port)
}

async fn is_used(client: &CacheClient, redis: &ThrowawayRedis) {
    let source = Source::default();
    ask(&orders(client), &source).await;
    until(|| client.is_idle()).await;
    assert_ne!(redis.ask("DBSIZE"), ":0");
    ask(&orders(client), &source).await;
    assert_eq!(source.loads(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_authority_is_named_is_spoken_to_over_tls() {
    let (redis, folder, port) = encrypted("127.0.0.1");
    let config = RedisConfig::new(&format!("rediss://127.0.0.1:{port}")).expect("valid");
    let config = config.with_ca_file(folder.path().join("ca.crt"));
    let client = connected(&config, patient()).await;
    is_used(&client, &redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_proves_nothing_is_not_spoken_to() {
    // Of an authority that nobody has named, and with the certificate of another address.
    for (address, names_authority) in [("127.0.0.1", false), ("127.0.0.9", true)] {
        let (redis, folder, port) = encrypted(address);
        let config = RedisConfig::new(&format!("rediss://127.0.0.1:{port}")).expect("valid");
        let other = tempfile::tempdir().expect("a folder");
        certify(other.path(), address);
        let authority = if names_authority { &folder } else { &other };
        let config = config.with_ca_file(authority.path().join("ca.crt"));
        let client = CacheClient::connect_with(&config, patient()).expect("is made");
        let source = Source::default();
        ask(&orders(&client), &source).await;
        assert!(!client.answers().await && !client.is_coherent());
        assert_eq!(redis.ask("DBSIZE"), ":0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_authorities_is_refused_at_connect() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").expect("writes");
    let config = RedisConfig::new("rediss://127.0.0.1:1").expect("valid");
    for file in [empty, folder.path().join("missing.pem")] {
        let error = CacheClient::connect(&config.clone().with_ca_file(file));
        let error = error.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with("`REDIS_CA_FILE` "), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_of_this_machine_is_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("redis.sock");
    let socket = socket.to_string_lossy();
    let redis = ThrowawayRedis::start_with(&["--unixsocket", &socket]);
    let config = RedisConfig::new(&format!("unix://{socket}?db=2")).expect("valid");
    let client = connected(&config, patient()).await;
    let source = Source::default();
    ask(&orders(&client), &source).await;
    until(|| client.is_idle()).await;
    assert_eq!(redis.ask("DBSIZE"), ":0", "it is in another database");
    assert!(
        redis.info("keyspace").contains("db2:keys=4"),
        "{}",
        redis.info("keyspace")
    );
}
