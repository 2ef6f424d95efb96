//! Database URLs: driver suffixes off, secrets out.

use ::url::{ParseError, Url};

use crate::error::{Error, Result};

/// The parameters that sqlx reads, and `options[…]`.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// `url` in the form that sqlx takes.
pub fn normalize(url: &str) -> Result<String> {
    let Some((scheme, rest)) = url.trim().split_once(':') else {
        return Err(refused(
            "has no scheme: write `postgres://user:password@host/database`",
        ));
    };
    let (kind, _driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    match kind {
        "postgres" | "postgresql" => {
            let url = format!("postgres:{rest}");
            Ok(match known(&check(&url)?) {
                Some(known) => known.to_string(),
                None => url,
            })
        }
        "sqlite" => Ok(format!("sqlite:{rest}")),
        _ => Err(refused(
            "names another database: use `postgres://…` or `sqlite:…`",
        )),
    }
}

/// `url` without its password and without its query, for logs.
pub fn without_secrets(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) => {
            // Neither fails but on URLs that cannot have a password.
            let _ = url.set_password(None);
            url.set_query(None);
            url.set_fragment(None);
            url.to_string()
        }
        Err(_) => "<unreadable>".to_owned(),
    }
}

fn check(url: &str) -> Result<Url> {
    let url = Url::parse(url).map_err(|error| match error {
        ParseError::InvalidPort => refused(
            "has no valid port (1 to 65535), or special characters in user or password that are \
             not percent-encoded",
        ),
        _ => refused("is not a URL: percent-encode special characters in user and password"),
    })?;
    if url.port() == Some(0) {
        return Err(refused("has port 0: ports are 1 to 65535"));
    }
    // The rest of a password may be taken for either.
    if url.fragment().is_some() {
        return Err(refused("has a `#`: percent-encode it as `%23`"));
    }
    let is_key = |char: char| char.is_ascii_alphanumeric() || "_-.[]".contains(char);
    if url.query_pairs().any(|(key, _)| !key.chars().all(is_key)) {
        return Err(refused(
            "has a parameter that is none: percent-encode a `?` in user and password as `%3F`",
        ));
    }
    Ok(url)
}

/// The URL without parameters that sqlx does not know, which it would log with their values; `None`
/// where it knows all.
fn known(url: &Url) -> Option<Url> {
    let is_known = |key: &str| PARAMETERS.contains(&key) || key.starts_with("options[");
    let pairs = url.query_pairs().into_owned();
    let (known, unknown): (Vec<_>, Vec<_>) = pairs.partition(|(key, _)| is_known(key));
    if unknown.is_empty() {
        return None;
    }
    for (parameter, _) in unknown {
        tracing::warn!(parameter, "a parameter of the database's URL is not known");
    }
    let mut url = url.clone();
    url.set_query(None);
    if !known.is_empty() {
        url.query_pairs_mut().extend_pairs(known);
    }
    Some(url)
}

fn refused(reason: &str) -> Error {
    Error::Config {
        variable: "DATABASE_URL",
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_driver_suffix_is_taken_off() {
        let url = normalize("postgresql+asyncpg://u:p@h/d\n").expect("accepted");
        assert_eq!(url, "postgres://u:p@h/d");
    }

    #[test]
    fn other_databases_are_refused() {
        assert!(normalize("mysql://h/d").is_err());
        assert!(normalize("localhost").is_err());
    }

    #[test]
    fn parameter_that_the_driver_would_log_is_taken_out() {
        let url = normalize("postgres://h/d?pasword=secret&sslmode=require&options[jit]=on");
        let url = url.expect("accepted");
        assert_eq!(url, "postgres://h/d?sslmode=require&options%5Bjit%5D=on");
        let url = normalize("postgres://h/d?channel_binding=require").expect("accepted");
        assert_eq!(url, "postgres://h/d");
    }

    #[test]
    fn ports_are_those_of_tcp() {
        for url in ["postgres://h:0/d", "postgres://h:70000/d"] {
            let message = normalize(url).expect_err(url).to_string();
            assert!(message.contains("port"), "{message}");
        }
        assert!(normalize("postgres://[::1]:5433/d?sslmode=require").is_ok());
        assert!(normalize("postgres://u@%2Fvar%2Frun%2Fpostgresql/d").is_ok());
    }

    #[test]
    fn password_that_is_not_encoded_is_refused_and_not_shown() {
        for url in [
            "postgres://u:1#cret@h/d",
            "postgres://u:1?cret@h/d",
            "postgres://u:cr/et@h/d",
        ] {
            let message = normalize(url).expect_err(url).to_string();
            assert!(message.contains("percent-encode"), "{message}");
            assert!(!message.contains("cret"), "{message}");
        }
    }

    #[test]
    fn password_does_not_show() {
        let shown = without_secrets("postgres://u:secret@h/d?password=secret#secret");
        assert_eq!(shown, "postgres://u@h/d");
    }
}
