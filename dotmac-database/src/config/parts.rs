//! The database's URL from the environment: whole, or put together from its parts.

use std::net::Ipv6Addr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::environment::{Read, refused, set};
use crate::error::Result;

/// The database's URL from `DATABASE_URL`, else from `DB_HOST`, `DB_PORT`, `DB_NAME`, `DB_USER` and
/// `DB_PASSWORD`, whose values are percent-encoded; none where neither is set.
///
/// # Errors
/// [`ErrorKind::Config`](crate::ErrorKind::Config) for a host or a port that cannot be one.
pub fn database_url(read: Read<'_>) -> Result<Option<String>> {
    if let Some(url) = set(read, "DATABASE_URL")? {
        return Ok(Some(url));
    }
    let Some(host) = set(read, "DB_HOST")? else {
        return Ok(None);
    };
    let host = self::host(host.trim())?;
    let port = set(read, "DB_PORT")?.map_or(Ok(5432), |port| self::port(port.trim()))?;
    let part = |value: Option<String>| encoded(value.as_deref().unwrap_or("postgres"));
    let user = part(set(read, "DB_USER")?);
    let name = part(set(read, "DB_NAME")?);
    let password = set(read, "DB_PASSWORD")?
        .map(|password| format!(":{}", encoded(&password)))
        .unwrap_or_default();
    Ok(Some(format!(
        "postgres://{user}{password}@{host}:{port}/{name}"
    )))
}

/// A name, an address, or the folder of a Unix socket.
fn host(host: &str) -> Result<String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<Ipv6Addr>().is_ok() {
        return Ok(format!("[{bare}]"));
    }
    if host.starts_with('/') {
        return Ok(encoded(host));
    }
    let is_name = |char: char| char.is_alphanumeric() || matches!(char, '.' | '-' | '_');
    match host.chars().all(is_name) {
        true => Ok(host.to_owned()),
        false => Err(refused(
            "DB_HOST",
            "must be a host's name or address, or the folder of a socket; the port belongs into \
             `DB_PORT`",
        )),
    }
}

fn port(port: &str) -> Result<u16> {
    match port.parse() {
        Ok(0) | Err(_) => Err(refused("DB_PORT", "must be a number from 1 to 65535")),
        Ok(port) => Ok(port),
    }
}

fn encoded(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::str::FromStr;

    use sqlx::postgres::PgConnectOptions;

    use super::*;

    fn url(variables: &[(&str, &str)]) -> Result<Option<String>> {
        database_url(&|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn parts_are_percent_encoded() {
        let url = url(&[
            ("DB_HOST", "h"),
            ("DB_USER", "a@b"),
            ("DB_PASSWORD", "p/w:#"),
        ]);
        let url = url.expect("valid").expect("set");
        assert_eq!(url, "postgres://a%40b:p%2Fw%3A%23@h:5432/postgres");
    }

    #[test]
    fn whole_url_wins_over_its_parts() {
        let url = url(&[("DATABASE_URL", "postgres://a@b/c"), ("DB_HOST", "h:1")]);
        assert_eq!(url.expect("valid").as_deref(), Some("postgres://a@b/c"));
    }

    #[test]
    fn empty_variables_are_not_set() {
        let set = [("DATABASE_URL", ""), ("DB_HOST", "h"), ("DB_PASSWORD", "")];
        let found = url(&set).expect("valid");
        assert_eq!(
            found.as_deref(),
            Some("postgres://postgres@h:5432/postgres")
        );
        assert_eq!(url(&[("DB_HOST", "")]).expect("valid"), None);
    }

    #[test]
    fn address_and_socket_reach_the_driver() {
        for host in ["::1", "[::1]"] {
            let url = url(&[("DB_HOST", host), ("DB_PORT", "5433")]).expect("valid");
            assert_eq!(
                url.as_deref(),
                Some("postgres://postgres@[::1]:5433/postgres")
            );
        }
        let url = url(&[("DB_HOST", "/var/run/my pg"), ("DB_NAME", "a/b")]).expect("valid");
        let options = PgConnectOptions::from_str(&url.expect("set")).expect("read");
        let socket = options.get_socket().expect("a socket");
        assert_eq!(socket.to_str(), Some("/var/run/my pg"));
        assert_eq!(options.get_database(), Some("a/b"));
    }

    #[test]
    fn wrong_part_names_its_variable() {
        for (variable, value) in [
            ("DB_HOST", "h:5433"),
            ("DB_HOST", "u@h"),
            ("DB_PORT", "0"),
            ("DB_PORT", "70000"),
            ("DB_PORT", "pg"),
        ] {
            let mut variables = vec![(variable, value)];
            variables.push(("DB_HOST", "h"));
            let error = url(&variables).expect_err(value);
            let expected = format!("`{variable}` must be");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
}
