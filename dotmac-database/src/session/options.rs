//! What a connection is opened with.

use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::sqlite::SqliteConnectOptions;

use crate::config::DatabaseConfig;
use crate::error::{Error, Result};

/// The options of connections to the PostgreSQL server at `url`.
pub fn postgres(config: &DatabaseConfig, url: &str) -> Result<PgConnectOptions> {
    let mut options = PgConnectOptions::from_str(url).map_err(unreadable)?;
    check_tls(options.get_ssl_mode(), cfg!(feature = "tls-rustls"))?;
    // The brackets belong to the URL: no certificate has them.
    let address = options.get_host().strip_prefix('[');
    if let Some(address) = address.and_then(|it| it.strip_suffix(']')) {
        options = options.clone().host(address);
    }
    let name = config.application_name.as_deref();
    let name = name.or(options.get_application_name());
    let name = name.unwrap_or("dotmac-app").to_owned();
    options = options.application_name(&name);
    // PgBouncer refuses startup parameters that it does not know.
    options = match config.pgbouncer {
        true => options.statement_cache_capacity(0),
        // The gate reads SQL as the standard does.
        false => options
            .options([("standard_conforming_strings", "on")])
            .options(settings(config)),
    };
    Ok(log(options, config))
}

/// Behind PgBouncer, what a transaction sets for itself: it is gone before another client comes.
pub fn transaction_settings(config: &DatabaseConfig) -> String {
    match config.pgbouncer {
        true => settings(config)
            .into_iter()
            .map(|(name, value)| format!("SET LOCAL {name} = {value};"))
            .collect(),
        false => String::new(),
    }
}

/// The options of connections to SQLite.
pub fn sqlite(config: &DatabaseConfig) -> Result<SqliteConnectOptions> {
    let mut options = SqliteConnectOptions::from_str(config.url()).map_err(unreadable)?;
    if let Some(timeout) = config.lock_timeout {
        options = options.busy_timeout(timeout);
    }
    Ok(log(options, config))
}

/// PostgreSQL's settings by name; times are in milliseconds.
fn settings(config: &DatabaseConfig) -> Vec<(&'static str, String)> {
    let times = [
        ("statement_timeout", config.statement_timeout),
        ("lock_timeout", config.lock_timeout),
        (
            "idle_in_transaction_session_timeout",
            config.idle_in_transaction_timeout,
        ),
    ];
    let set = |(name, time): (_, Option<Duration>)| Some((name, time?.as_millis().to_string()));
    let jit = ("jit", "off".to_owned());
    std::iter::once(jit)
        .chain(times.into_iter().filter_map(set))
        .collect()
}

/// Refuses at once what sqlx would refuse after connecting, by another name.
fn check_tls(mode: PgSslMode, available: bool) -> Result<()> {
    match mode {
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull if !available => {
            Err(Error::Config {
                variable: "DATABASE_URL",
                reason: "asks for TLS by `sslmode`: enable the feature `tls-rustls` of \
                         dotmac-database"
                    .to_owned(),
            })
        }
        _ => Ok(()),
    }
}

fn unreadable(error: sqlx::Error) -> Error {
    Error::Config {
        variable: "DATABASE_URL",
        reason: format!("cannot be read: {error}"),
    }
}

// sqlx logs the text of statements, never their values.
fn log<O: ConnectOptions>(options: O, config: &DatabaseConfig) -> O {
    let mut options = options.disable_statement_logging();
    if config.echo {
        options = options.log_statements(log::LevelFilter::Debug);
    }
    match config.slow_statement {
        Some(from) => options.log_slow_statements(log::LevelFilter::Warn, from),
        None if config.echo => options.log_slow_statements(log::LevelFilter::Debug, Duration::MAX),
        None => options,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str) -> DatabaseConfig {
        DatabaseConfig::new(url).expect("valid")
    }

    fn opened(config: &DatabaseConfig) -> Result<PgConnectOptions> {
        postgres(config, config.url())
    }

    #[test]
    fn tls_without_its_feature_is_refused() {
        for mode in [
            PgSslMode::Require,
            PgSslMode::VerifyCa,
            PgSslMode::VerifyFull,
        ] {
            let message = check_tls(mode, false).expect_err("refused").to_string();
            assert!(message.contains("feature `tls-rustls`"), "{message}");
            assert!(check_tls(mode, true).is_ok());
        }
        assert!(check_tls(PgSslMode::Prefer, false).is_ok());
        let url = config("postgres://h/d?sslmode=require");
        assert_eq!(opened(&url).is_ok(), cfg!(feature = "tls-rustls"));
    }

    #[test]
    fn unknown_value_in_the_url_is_a_config_error() {
        let error = opened(&config("postgres://u:hunter2@h/d?sslmode=perhaps"));
        let message = error.expect_err("refused").to_string();
        assert!(
            message.starts_with("`DATABASE_URL` cannot be read"),
            "{message}"
        );
        assert!(!message.contains("hunter2"), "{message}");
        assert!(sqlite(&config("sqlite:x.db?mode=perhaps")).is_err());
    }

    #[test]
    fn application_name_of_the_url_wins_over_the_default_only() {
        let named = "postgres://h/d?application_name=url";
        let of = |config: &DatabaseConfig| {
            let options = opened(config).expect("read");
            options.get_application_name().map(str::to_owned)
        };
        assert_eq!(of(&config(named)).as_deref(), Some("url"));
        let built = config(named).application_name("builder");
        assert_eq!(of(&built).as_deref(), Some("builder"));
    }

    #[test]
    fn brackets_of_an_address_stay_in_the_url() {
        let options = opened(&config("postgres://[::1]:5433/d")).expect("read");
        assert_eq!(options.get_host(), "::1");
    }

    #[test]
    fn settings_go_with_the_connection_or_with_the_transaction() {
        let direct = config("postgres://h/d").lock_timeout(Duration::from_secs(2));
        assert_eq!(transaction_settings(&direct), "");
        let options = opened(&direct).expect("read");
        let sent = options.get_options().unwrap_or_default().to_owned();
        assert!(
            sent.ends_with("-c jit=off -c statement_timeout=60000 -c lock_timeout=2000"),
            "{sent}"
        );
        let bounced = direct.pgbouncer(true).statement_timeout(None);
        let set = transaction_settings(&bounced);
        assert_eq!(set, "SET LOCAL jit = off;SET LOCAL lock_timeout = 2000;");
    }
}
