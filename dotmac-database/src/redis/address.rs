//! Where Redis is, as fred takes it: also by a socket of this machine, and encrypted.

use std::path::PathBuf;

use ::url::Url;
use fred::error::Error as FredError;
use fred::types::config::{Config, ServerConfig};

use crate::config::RedisConfig;
use crate::error::{Error, Result};

/// The configuration of fred for the place that a URL names.
pub fn parse(config: &RedisConfig) -> Result<Config> {
    let url = config.url();
    if url.starts_with("unix:") {
        return socket(url);
    }
    let Some(rest) = url.strip_prefix("rediss") else {
        return Config::from_url(url).map_err(refused);
    };
    // fred would connect without TLS where it was built without, and read the roots of the machine even
    // where there is a file of them.
    let mut parsed = Config::from_url(&format!("redis{rest}")).map_err(refused)?;
    encrypt(&mut parsed, config)?;
    Ok(parsed)
}

/// `unix:///run/redis.sock?db=1`; a password stands before a host, which is not looked at.
fn socket(url: &str) -> Result<Config> {
    let url = Url::parse(url).map_err(|_| reason("is not a URL"))?;
    let part = |text: &str| (!text.is_empty()).then(|| decoded(text)).transpose();
    let mut parsed = Config {
        server: ServerConfig::Unix {
            path: PathBuf::from(decoded(url.path())?),
        },
        username: part(url.username())?,
        password: part(url.password().unwrap_or_default())?,
        ..Config::default()
    };
    for (name, value) in url.query_pairs() {
        match &*name {
            "db" => {
                let database = value
                    .parse()
                    .map_err(|_| reason("has a `db` that is no number"));
                parsed.database = Some(database?);
            }
            _ => {
                return Err(reason(
                    "has a parameter that a socket does not take: `db` is the only one",
                ));
            }
        }
    }
    Ok(parsed)
}

fn decoded(text: &str) -> Result<String> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded
        .map(|it| it.into_owned())
        .map_err(|_| reason("is not UTF-8"))
}

#[cfg(feature = "tls-rustls")]
fn encrypt(parsed: &mut Config, config: &RedisConfig) -> Result<()> {
    parsed.tls = Some(super::tls::connector(config.ca_file())?);
    Ok(())
}

#[cfg(not(feature = "tls-rustls"))]
fn encrypt(_: &mut Config, _: &RedisConfig) -> Result<()> {
    Err(reason(
        "asks for TLS (`rediss`): build with the feature `tls-rustls`, or write `redis`",
    ))
}

/// A URL that fred does not take.
pub fn refused(error: FredError) -> Error {
    reason(&format!("cannot be used: {}", error.details()))
}

fn reason(reason: &str) -> Error {
    Error::Config {
        variable: "REDIS_URL",
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> Result<Config> {
        parse(&RedisConfig::new(url).expect("a URL"))
    }

    #[test]
    fn a_socket_is_a_path_a_password_and_a_database() {
        let config = parsed("unix://me:p%40ss@localhost/run/my%20redis.sock?db=3").expect("valid");
        let path = PathBuf::from("/run/my redis.sock");
        assert_eq!(config.server, ServerConfig::Unix { path });
        assert_eq!(config.username.as_deref(), Some("me"));
        assert_eq!(config.password.as_deref(), Some("p@ss"));
        assert_eq!(config.database, Some(3));
        for url in ["unix:///run/r.sock?db=x", "unix:///run/r.sock?dbb=1"] {
            let error = parsed(url).expect_err("refused");
            assert!(error.to_string().starts_with("`REDIS_URL` "), "{error}");
        }
    }

    #[cfg(feature = "tls-rustls")]
    #[test]
    fn an_encrypted_place_is_never_one_that_is_not() {
        for url in [
            "rediss://h:6380/1",
            "rediss-cluster://h:6380",
            "rediss-sentinel://h:1?sentinelServiceName=s",
        ] {
            assert!(parsed(url).expect(url).tls.is_some(), "{url}");
        }
        assert!(parsed("redis://h").expect("valid").tls.is_none());
    }

    #[cfg(not(feature = "tls-rustls"))]
    #[test]
    fn without_tls_an_encrypted_place_is_refused_and_not_connected_to_in_the_clear() {
        let error = parsed("rediss://h:6380").expect_err("refused");
        assert!(
            error.to_string().contains("feature `tls-rustls`"),
            "{error}"
        );
    }
}
