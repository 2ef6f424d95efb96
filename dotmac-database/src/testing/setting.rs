//! The lines of `postgresql.conf`: this kit's, and those that a test asks for.

use super::error::TestingError;

/// Chosen for speed, mostly; whoever needs others gives them to `start_with`.
const DEFAULTS: [(&str, &str); 5] = [
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("max_connections", "200"),
    // For a replica that was stopped for a while.
    ("wal_keep_size", "256MB"),
];

/// What this type relies on.
const FIXED: [(&str, &str); 4] = [
    ("listen_addresses", "127.0.0.1"),
    // A socket's path is limited to about 100 bytes, and a temporary folder's may be longer.
    ("unix_socket_directories", ""),
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
];

/// Writes the lines of `postgresql.conf`; of a repeated setting the server takes the last.
pub(super) fn render(settings: &[(&str, &str)]) -> Result<String, TestingError> {
    for (name, _) in settings {
        check(name).map_err(|remedy| TestingError::Setting {
            name: (*name).to_owned(),
            remedy,
        })?;
    }
    let all = DEFAULTS.iter().chain(settings).chain(&FIXED);
    let lines: Vec<String> = all
        .map(|(name, value)| format!("{name} = {}\n", quote(value)))
        .collect();
    Ok(lines.concat())
}

fn check(name: &str) -> Result<(), &'static str> {
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
    let is_fixed = |fixed: &str| name.eq_ignore_ascii_case(fixed);
    if !is_name {
        Err("write its name as postgresql.conf does")
    } else if is_fixed("port") || FIXED.iter().any(|(fixed, _)| is_fixed(fixed)) {
        Err("leave it out, ThrowawayPostgres chooses it")
    } else {
        Ok(())
    }
}

/// Quotes a value as the server's `guc-file.l` reads it.
pub(super) fn quote(value: &str) -> String {
    let inside = value
        .replace('\\', r"\\")
        .replace('\'', "''")
        .replace('\n', r"\n");
    format!("'{inside}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_settings_win_over_defaults_and_are_quoted() {
        let lines = render(&[("fsync", "on"), ("app.motto", "it's\\\n")]).unwrap();
        assert!(lines.find("fsync = 'off'") < lines.find("fsync = 'on'"));
        assert!(lines.contains(r"app.motto = 'it''s\\\n'"), "{lines}");
    }

    #[test]
    fn chosen_setting_is_refused() {
        for name in ["port", "Listen_Addresses", "", "a = 1\nb", "include 'x'"] {
            let refused = render(&[(name, "1")]);
            assert!(
                matches!(refused, Err(TestingError::Setting { .. })),
                "{name}"
            );
        }
    }
}
