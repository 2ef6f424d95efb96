//! A look at SQL text: which tables does it name?
//!
//! This serves early, typed errors. It is no boundary: row-level security is.

/// The first of `tables` that `sql` names where SQL expects a table: after FROM, JOIN, INTO,
/// UPDATE, TABLE, ONLY or USING, or after a comma in a FROM list. Strings and comments are skipped.
pub fn mentions_table<'t>(sql: &str, tables: &[&'t str]) -> Option<&'t str> {
    let mut expect_table = false;
    let mut in_from = false;
    let mut tokens = Tokens { rest: sql }.peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::Word(word, quoted) => {
                let keyword = (!quoted).then(|| word.to_ascii_uppercase());
                match keyword.as_deref() {
                    Some(
                        "FROM" | "JOIN" | "INTO" | "UPDATE" | "TABLE" | "USING" | "TRUNCATE"
                        | "COPY",
                    ) => {
                        in_from = keyword.as_deref() == Some("FROM");
                        expect_table = true;
                        continue;
                    }
                    // Between the keyword and the table, as in `FROM LATERAL (…)`.
                    Some("ONLY" | "LATERAL") if expect_table => continue,
                    Some("WHERE" | "GROUP" | "ORDER" | "SET" | "VALUES" | "RETURNING" | "ON") => {
                        in_from = false;
                    }
                    _ if expect_table => {
                        // The last part of `schema.table` is the table.
                        if tokens.peek() == Some(&Token::Other('.')) {
                            tokens.next();
                            continue;
                        }
                        let found = tables.iter().find(|table| same(table, &word, quoted));
                        if let Some(table) = found {
                            return Some(table);
                        }
                    }
                    _ => {}
                }
                expect_table = false;
            }
            Token::Other(',') => expect_table = in_from,
            Token::Other('(') => {}
            Token::Other(_) => expect_table = false,
        }
    }
    None
}

/// The statements of `sql`, each as its words in upper case; strings and comments are left out.
pub fn statements(sql: &str) -> Vec<Vec<String>> {
    let mut statements = vec![Vec::new()];
    for token in (Tokens { rest: sql }) {
        match (token, statements.last_mut()) {
            (Token::Word(word, _), Some(statement)) => statement.push(word.to_ascii_uppercase()),
            (Token::Other(';'), _) => statements.push(Vec::new()),
            _ => {}
        }
    }
    statements
}

fn same(table: &str, word: &str, quoted: bool) -> bool {
    if quoted {
        table == word
    } else {
        table.eq_ignore_ascii_case(word)
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    /// An identifier or keyword, and whether it was quoted.
    Word(String, bool),
    Other(char),
}

struct Tokens<'s> {
    rest: &'s str,
}

impl Tokens<'_> {
    fn skip_past(&mut self, end: &str) {
        self.rest = self.rest.split_once(end).map_or("", |(_, rest)| rest);
    }

    fn take_while(&mut self, part: impl Fn(char) -> bool) -> String {
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken.to_owned()
    }

    /// A comment, and the comments inside of it.
    fn skip_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            if self.rest.starts_with("/*") {
                depth += 1;
            } else if self.rest.starts_with("*/") {
                depth -= 1;
            } else {
                let mut characters = self.rest.chars();
                if characters.next().is_none() {
                    return;
                }
                self.rest = characters.as_str();
                continue;
            }
            self.rest = self.rest.get(2..).unwrap_or_default();
            if depth == 0 {
                return;
            }
        }
    }

    /// An escape string (`E'…'`), in which a backslash takes the next character's meaning away.
    fn skip_escape_string(&mut self) {
        let mut characters = self.rest.char_indices().skip(1);
        let mut end = self.rest.len();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => drop(characters.next()),
                '\'' => {
                    end = at + 1;
                    break;
                }
                _ => {}
            }
        }
        self.rest = self.rest.get(end..).unwrap_or_default();
    }

    /// The text up to `quote`, which stands for itself where doubled.
    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        loop {
            text.push_str(&self.take_while(|c| c != quote));
            self.skip_past(&quote.to_string());
            if !self.rest.starts_with(quote) {
                return text;
            }
            text.push(quote);
            self.skip_past(&quote.to_string());
        }
    }
}

/// The opening of a dollar-quoted string (`$$`, `$tag$`), if `sql` begins with one.
fn dollar_tag(sql: &str) -> Option<&str> {
    let body = sql.strip_prefix('$')?;
    let end = body.find('$')?;
    let tag = body.get(..end)?;
    let named = !tag.starts_with(|c: char| c.is_ascii_digit())
        && tag.chars().all(|c| begins_word(c) || c.is_ascii_digit());
    named.then(|| sql.get(..end + 2)).flatten()
}

/// Whether a name can begin with it: PostgreSQL takes every byte beyond ASCII for a letter.
fn begins_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// What PostgreSQL skips between words; spaces beyond ASCII are letters to it.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            self.rest = self.rest.trim_start_matches(is_space);
            let first = self.rest.chars().next()?;
            if self.rest.starts_with("--") {
                self.take_while(|c| !matches!(c, '\n' | '\r'));
            } else if self.rest.starts_with("/*") {
                self.skip_comment();
            } else if let Some(tag) = dollar_tag(self.rest) {
                self.rest = self.rest.get(tag.len()..).unwrap_or_default();
                self.skip_past(tag);
            } else if first == '\'' {
                self.rest = self.rest.get(1..).unwrap_or_default();
                self.quoted('\'');
            } else if matches!(first, '"' | '`') {
                self.rest = self.rest.get(1..).unwrap_or_default();
                return Some(Token::Word(self.quoted(first), true));
            } else if begins_word(first) {
                let word = self.take_while(|c| begins_word(c) || c.is_ascii_digit() || c == '$');
                if word.eq_ignore_ascii_case("u") && self.rest.starts_with("&\"") {
                    self.rest = self.rest.get(1..).unwrap_or_default();
                    return Some(Token::Word("U&".to_owned(), false));
                }
                if word.eq_ignore_ascii_case("e") && self.rest.starts_with('\'') {
                    self.skip_escape_string();
                    continue;
                }
                return Some(Token::Word(word, false));
            } else {
                self.rest = self.rest.get(first.len_utf8()..).unwrap_or_default();
                return Some(Token::Other(first));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mentions_table;

    const TABLES: &[&str] = &["orders", "users"];

    #[track_caller]
    fn finds(sql: &str, table: Option<&str>) {
        assert_eq!(mentions_table(sql, TABLES), table, "{sql}");
    }

    #[test]
    fn finds_tables_where_sql_expects_them() {
        finds(r#"SELECT "orders"."id" FROM "orders""#, Some("orders"));
        finds("select 1 from public.orders o", Some("orders"));
        finds(r#"INSERT INTO "users" ("id") VALUES ($1)"#, Some("users"));
        finds(r#"UPDATE "users" SET "x" = 1"#, Some("users"));
        finds("DELETE FROM ONLY orders", Some("orders"));
        finds("SELECT * FROM products p, orders o", Some("orders"));
        finds(
            "SELECT * FROM products LEFT JOIN ORDERS ON true",
            Some("orders"),
        );
        finds("SELECT (SELECT count(*) FROM users)", Some("users"));
        finds("/* x */ TRUNCATE TABLE orders -- y", Some("orders"));
    }

    #[test]
    fn escape_string_does_not_hide_what_follows() {
        assert_eq!(super::statements(r"SELECT E'\'' ; COMMIT --'").len(), 2);
        assert_eq!(super::statements(r"SELECT E'\' ; COMMIT'").len(), 1);
    }

    #[test]
    fn does_not_take_columns_strings_and_comments_for_tables() {
        finds(r#"SELECT "p"."orders" FROM "products" AS "p""#, None);
        finds("SELECT 'FROM orders' FROM products", None);
        finds("SELECT 1 FROM products -- FROM orders", None);
        finds(r#"INSERT INTO "products" ("orders") VALUES ($1)"#, None);
        finds(r#"UPDATE "products" SET "orders" = 1"#, None);
        finds("SELECT 1 FROM order_lines, x.products", None);
    }
}
