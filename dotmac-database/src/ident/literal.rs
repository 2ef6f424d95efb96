//! String literals that mean the same text under every setting of the server.

/// A PostgreSQL string literal for `text`, whatever `standard_conforming_strings` says.
///
/// A text with a backslash is written as an escape string (`E'…'`), in which a backslash is always
/// special and always doubled (PostgreSQL manual, 4.1.2.2). NUL cannot be part of a PostgreSQL
/// string; callers refuse it before.
pub fn literal(text: &str) -> String {
    let mut sql = String::with_capacity(text.len() + 3);
    if text.contains('\\') {
        sql.push('E');
    }
    sql.push('\'');
    for character in text.chars() {
        if matches!(character, '\'' | '\\') {
            sql.push(character);
        }
        sql.push(character);
    }
    sql.push('\'');
    sql
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::literal;

    /// Reads a literal back as PostgreSQL's scanner does.
    fn read(sql: &str) -> Option<String> {
        let (escapes, body) = match sql.strip_prefix('E') {
            Some(rest) => (true, rest),
            None => (false, sql),
        };
        let body = body.strip_prefix('\'')?.strip_suffix('\'')?;
        let mut text = String::new();
        let mut characters = body.chars();
        while let Some(character) = characters.next() {
            match character {
                '\'' => (characters.next()? == '\'').then(|| text.push('\''))?,
                // With escapes off and `standard_conforming_strings` off, a backslash would be
                // special: it must not occur.
                '\\' if !escapes => return None,
                '\\' => (characters.next()? == '\\').then(|| text.push('\\'))?,
                other => text.push(other),
            }
        }
        Some(text)
    }

    proptest! {
        #[test]
        fn i04_literal_reads_back_to_the_letter(text in "[^\0]*") {
            prop_assert_eq!(read(&literal(&text)), Some(text));
        }

        #[test]
        fn i04_quotes_and_backslashes_read_back(text in r"['\\$;\-a]*") {
            prop_assert_eq!(read(&literal(&text)), Some(text));
        }
    }
}
