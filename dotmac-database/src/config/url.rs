//! Database URLs: driver suffixes off, secrets out.

use ::url::Url;

use crate::error::{Error, Result};

/// `url` in the form that sqlx takes.
pub fn normalize(url: &str) -> Result<String> {
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err(refused(
            "has no scheme: write `postgres://user:password@host/database`",
        ));
    };
    let (kind, _driver) = scheme.split_once('+').unwrap_or((scheme, ""));
    let kind = match kind {
        "postgres" | "postgresql" => "postgres",
        "sqlite" => "sqlite",
        _ => {
            return Err(refused(
                "names another database: use `postgres://…` or `sqlite:…`",
            ));
        }
    };
    let url = format!("{kind}:{rest}");
    if kind == "postgres" && Url::parse(&url).is_err() {
        return Err(refused(
            "is not a URL: percent-encode special characters in user and password",
        ));
    }
    Ok(url)
}

/// `url` without its password and without its query, for logs.
pub fn without_secrets(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) => {
            // Neither fails but on URLs that cannot have a password.
            let _ = url.set_password(None);
            url.set_query(None);
            url.to_string()
        }
        Err(_) => "<unreadable>".to_owned(),
    }
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
        let url = normalize("postgresql+asyncpg://u:p@h/d").expect("accepted");
        assert_eq!(url, "postgres://u:p@h/d");
    }

    #[test]
    fn other_databases_are_refused() {
        assert!(normalize("mysql://h/d").is_err());
        assert!(normalize("localhost").is_err());
    }

    #[test]
    fn password_does_not_show() {
        let shown = without_secrets("postgres://u:secret@h/d?password=secret");
        assert_eq!(shown, "postgres://u@h/d");
    }
}
