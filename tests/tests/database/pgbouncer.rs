//! I36: behind PgBouncer in transaction mode, with one server connection for all tenants.

use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use dotmac_database::ReplicaState;
use dotmac_database::prelude::*;
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::cluster::{Cluster, primary, until_state};
use crate::support::{PASSWORD, Shop, context, roles, server};

/// A PgBouncer of the test's own, gone with the value or with the process.
pub struct PgBouncer {
    guardian: Child,
    pub port: u16,
    /// Kept open, so that PgBouncer can go on writing to it.
    log: Option<Lines<BufReader<ChildStderr>>>,
}

impl PgBouncer {
    pub fn start(servers: u32) -> Self {
        Self::before(server().port(), servers)
    }

    /// One that does not refuse settings, by which a program would notice it.
    pub fn that_hides(servers: u32) -> Self {
        Self::ignoring("extra_float_digits,options", server().port(), servers)
    }

    /// In front of the server on this port.
    pub fn before(server: u16, servers: u32) -> Self {
        Self::ignoring("extra_float_digits", server, servers)
    }

    fn ignoring(ignored: &str, server: u16, servers: u32) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("dotmac-pgb-")
            .tempdir()
            .unwrap()
            .keep();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let at = folder.display();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\n\
             auth_file = {at}/users\npool_mode = transaction\ndefault_pool_size = {servers}\n\
             max_client_conn = 100\nlog_connections = 0\n\
             log_disconnections = 0\nlog_stats = 0\nignore_startup_parameters = {ignored}\n",
        );
        std::fs::write(folder.join("settings"), settings).unwrap();
        let users = format!("\"{}\" \"{PASSWORD}\"\n", roles().application);
        std::fs::write(folder.join("users"), users).unwrap();
        // Started by root, it wants another account. It is killed: with INT it would wait for
        // transactions, which nobody ends while the test's thread waits for it.
        let guard = "p=$(command -v pgbouncer || echo /usr/sbin/pgbouncer); \
            if [ \"$(id -u)\" = 0 ]; then chmod -R a+rX \"$1\"; set -- \"$1\" -u nobody; fi; \
            d=$1; shift; \"$p\" \"$@\" \"$d/settings\" >/dev/null & pid=$!; \
            cat; kill -KILL $pid; wait $pid; rm -rf \"$d\"";
        let mut bouncer = Command::new("sh")
            .args(["-c", guard, "guardian"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map(|guardian| PgBouncer {
                guardian,
                port,
                log: None,
            })
            .unwrap();
        // It says so when it is ready, and ends its output where it cannot start.
        let mut log = BufReader::new(bouncer.guardian.stderr.take().unwrap()).lines();
        let ready = log.any(|line| line.unwrap().contains("process up"));
        assert!(
            ready,
            "PgBouncer did not start: is `pgbouncer` installed? (tests/run does it)"
        );
        bouncer.log = Some(log);
        bouncer
    }

    pub fn config(&self, shop: &Shop) -> DatabaseConfig {
        let url = crate::support::url(&shop.name);
        let url = url.replace(&server().port().to_string(), &self.port.to_string());
        DatabaseConfig::new(&url)
            .unwrap()
            .pool_size(8)
            .max_overflow(0)
            .pgbouncer(true)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        if let Some(mut output) = self.guardian.stdout.take() {
            let _ = output.read_to_end(&mut Vec::new());
        }
        let _ = self.guardian.wait();
    }
}

#[tokio::test]
async fn i36_sessions_of_many_tenants_share_one_server_connection_without_crossing() {
    let shop = Shop::open().await;
    let bouncer = PgBouncer::start(1);
    let db = Database::connect(bouncer.config(&shop)).await.unwrap();
    let shop = Arc::new(shop);
    let sessions: usize = match std::env::var_os("DOTMAC_SOAK") {
        Some(_) => 10_000,
        None => 800,
    };
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let (db, shop) = (db.clone(), Arc::clone(&shop));
            tokio::spawn(async move {
                for n in 0..sessions / 8 {
                    let (tenant, other) = match (task + n) % 2 {
                        0 => ("acme", &shop.b),
                        _ => ("beta", &shop.a),
                    };
                    let context = context(tenant);
                    db.write(&context, async |tx| {
                        let orders = order::Entity::find().all(tx).await?;
                        assert_eq!(orders.len(), 1);
                        assert_eq!(orders[0].tenant_id, tenant);
                        assert_ne!(Some(tenant), other.tenant_id().map(|id| id.as_str()));
                        // Statements of other shapes meet each other on the one connection.
                        let nested = tx.nested()?;
                        let sql = format!("SELECT {n} AS n, tenant_id FROM orders");
                        nested.execute_unprepared(&sql).await?;
                        nested.commit().await?;
                        let total = order::Entity::find()
                            .select_only()
                            .column(order::Column::TotalCents)
                            .into_tuple::<i64>()
                            .one(tx)
                            .await?;
                        assert_eq!(total, Some(10));
                        Ok::<_, Error>(())
                    })
                    .await
                    .unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn settings_hold_for_the_transaction_and_not_for_the_next_client() {
    let shop = Shop::open().await;
    let bouncer = PgBouncer::start(1);
    let open = |timeout| {
        let config = bouncer.config(&shop).statement_timeout(timeout);
        let config = config.lock_timeout(Duration::from_secs(2));
        Database::connect(config.application_name("bounced"))
    };
    let short = open(Duration::from_millis(7_500)).await.unwrap();
    let long = open(Duration::from_secs(50)).await.unwrap();
    let sql = "SELECT concat_ws(' ', current_setting('statement_timeout'), \
               current_setting('lock_timeout'), current_setting('jit'), \
               current_setting('application_name'))";
    let mut found = Vec::new();
    for db in [&short, &long, &short] {
        let read = db.write(&shop.a, async |tx| {
            let statement = Statement::from_string(DbBackend::Postgres, sql);
            tx.query_one_raw(statement).await
        });
        let row = read.await.unwrap().unwrap();
        found.push(row.try_get_by_index::<String>(0).unwrap());
    }
    let expected = [
        "7500ms 2s off bounced",
        "50s 2s off bounced",
        "7500ms 2s off bounced",
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn start_check_meets_one_server_only() {
    let shop = Shop::open().await;
    let bouncer = PgBouncer::start(2);
    let db = Database::connect(bouncer.config(&shop)).await.unwrap();
    let checks: Vec<_> = (0..50)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.check().await })
        })
        .collect();
    for check in checks {
        check.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_outlives_its_transaction_is_refused_by_the_name_of_pgbouncer() {
    let shop = Shop::open().await;
    let bouncer = PgBouncer::start(1);
    let db = Database::connect(bouncer.config(&shop)).await.unwrap();
    for sql in [
        "LISTEN news",
        "SET work_mem = '1MB'",
        "SELECT pg_advisory_lock(1)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "CREATE TEMPORARY TABLE t (n int)",
    ] {
        let refused = db.write(&shop.a, async |tx| tx.execute_unprepared(sql).await);
        let refused = Error::from(refused.await.map(drop).expect_err(sql));
        assert_eq!(refused.kind(), ErrorKind::Unsupported, "{sql}");
        assert!(refused.to_string().contains("PgBouncer"), "{refused}");
    }
    let held = db.write(&shop.a, async |tx| {
        tx.execute_unprepared("SET LOCAL work_mem = '1MB'").await?;
        tx.execute_unprepared("SELECT pg_advisory_xact_lock(1)")
            .await
    });
    held.await.unwrap();
    // It would prepare by name, and run what another client named so.
    assert!(db.plain().execute_unprepared("SELECT 1").await.is_err());
    db.ping().await.unwrap();
}

#[tokio::test]
async fn program_that_does_not_know_of_pgbouncer_does_not_start() {
    let shop = Shop::open().await;
    let bouncer = PgBouncer::start(1);
    let refused = Database::connect(bouncer.config(&shop).pgbouncer(false)).await;
    let refused = refused.expect_err("PgBouncer refuses our settings");
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(cause.contains("unsupported startup parameter"), "{cause}");
}

#[tokio::test]
async fn i36_i38_sessions_share_one_connection_to_a_replica_without_crossing() {
    let cluster = Cluster::open().await;
    let replica = Cluster::shared_replica().await;
    let (first, second) = (
        PgBouncer::before(primary().port(), 1),
        PgBouncer::before(replica.port(), 1),
    );
    let url = |port| {
        format!(
            "postgres://{}:pa%27ss@127.0.0.1:{port}/{}",
            roles().application,
            cluster.name
        )
    };
    let config = DatabaseConfig::new(&url(first.port))
        .unwrap()
        .pgbouncer(true);
    let config = config
        .pool_size(8)
        .max_overflow(0)
        .replica(&url(second.port))
        .unwrap();
    let config = config.replica_max_lag(Duration::from_secs(600));
    let db = Database::connect(config).await.unwrap();
    until_state(&db, ReplicaState::Fit).await;
    let sessions: usize = match std::env::var_os("DOTMAC_SOAK") {
        Some(_) => 10_000,
        None => 800,
    };
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let db = db.clone();
            tokio::spawn(async move {
                for n in 0..sessions / 8 {
                    let tenant = ["acme", "beta"][(task + n) % 2];
                    let read = db
                        .read(&context(tenant), async |tx| {
                            let orders = order::Entity::find().all(tx).await?;
                            assert_eq!(orders.len(), 1);
                            assert_eq!(orders[0].tenant_id, tenant);
                            let sql = format!("SELECT {n} AS n, tenant_id FROM orders");
                            tx.execute_unprepared(&sql).await
                        })
                        .await;
                    read.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let reads = db.statistics().replicas[0].reads;
    println!("{reads} of {sessions} sessions on the replica, without crossing");
    assert!(reads > sessions as u64 / 2, "{reads}");
}
