//! What is logged of statements, and that no value of theirs is.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tracing_subscriber::filter::LevelFilter;

use crate::support::{Shop, config};

/// What was logged, shared with the subscriber that writes it.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The lines of this thread's statements from now on, while the guard lives.
    pub fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines of one level with the documented target.
    fn statements(&self, level: &str) -> Vec<String> {
        let text = self.text();
        let lines = text.split("\n20").map(str::trim_start);
        lines
            .filter(|line| line.contains("sqlx::query:") && line.contains(level))
            .map(str::to_owned)
            .collect()
    }
}

/// The statement that a value goes through. No server makes a million rows in a millisecond.
const STATEMENT: &str = "SELECT $1::text, count(*) FROM generate_series(1, 1000000)";

/// Everything that is logged meanwhile.
async fn logged(config: DatabaseConfig) -> Log {
    let log = Log::default();
    let guard = log.capture();
    let db = Database::connect(config).await.unwrap();
    let nobody = RequestContext::without_tenant();
    let values = ["topsecret".into()];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, STATEMENT, values);
    let read = db.read(&nobody, async |tx| tx.query_one_raw(statement).await);
    read.await.unwrap();
    db.close().await;
    drop(guard);
    let text = log.text();
    assert!(!text.contains("topsecret"), "{text}");
    assert!(
        !text.contains("pa'ss") && !text.contains("pa%27ss"),
        "{text}"
    );
    log
}

#[tokio::test]
async fn nothing_is_logged_of_statements_unless_asked() {
    let shop = Shop::open().await;
    let log = logged(config(&shop.name)).await;
    assert!(!log.text().contains("sqlx::query"), "{}", log.text());
}

#[tokio::test]
async fn echo_logs_statements_at_debug_without_values() {
    let shop = Shop::open().await;
    let log = logged(config(&shop.name).echo(true)).await;
    let found = log.statements("DEBUG");
    let ours = |line: &String| line.contains(STATEMENT);
    assert!(found.iter().any(ours), "{}", log.text());
    assert_eq!(log.statements("WARN"), [""; 0]);
}

#[tokio::test]
async fn slow_statement_is_logged_as_a_warning_without_values() {
    let shop = Shop::open().await;
    let config = config(&shop.name).slow_statement(Duration::from_millis(1));
    let log = logged(config).await;
    let found = log.statements("WARN");
    let ours = |line: &&String| line.contains(STATEMENT) && line.contains("slow statement");
    assert_eq!(found.iter().filter(ours).count(), 1, "{}", log.text());
    assert_eq!(log.statements("DEBUG"), [""; 0]);
}

#[tokio::test]
async fn fast_statement_is_not_logged_as_a_slow_one() {
    let shop = Shop::open().await;
    let config = config(&shop.name)
        .echo(true)
        .slow_statement(Duration::from_secs(600));
    let log = logged(config).await;
    assert!(!log.statements("DEBUG").is_empty(), "{}", log.text());
    assert_eq!(log.statements("WARN"), [""; 0]);
}

#[tokio::test]
async fn misspelt_password_in_the_url_is_not_logged() {
    let log = Log::default();
    let guard = log.capture();
    let shop = Shop::open().await;
    let url = format!("{}?pasword=hunter2", crate::support::url(&shop.name));
    let db = Database::connect(DatabaseConfig::new(&url).unwrap()).await;
    db.unwrap().ping().await.unwrap();
    drop(guard);
    let text = log.text();
    assert!(text.contains("parameter=\"pasword\""), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}
