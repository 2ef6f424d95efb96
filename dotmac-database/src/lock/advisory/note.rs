//! What a connection tells about the holder of its lock: PostgreSQL knows its number only.
//!
//! The note is the beginning of the statement that takes the lock, which `pg_stat_activity` shows for as long as
//! the connection runs no other.

use serde::{Deserialize, Serialize};

use crate::context::OwnerName;
use crate::ident::literal;
use crate::lock::backend::{Bid, Holder};

/// How the statement of a holder begins.
pub const BEGINNING: &str = "SET dotmac.holder = ";

/// PostgreSQL keeps 1,023 bytes of a statement unless it is told otherwise.
const MOST: usize = 1_000;

#[derive(Serialize, Deserialize)]
struct Note {
    owner: String,
    holder: Holder,
}

/// The statement that leaves the note; it begins what takes the lock.
pub fn write(bid: &Bid) -> String {
    let mut note = Note {
        owner: bid.name.owner().as_str().to_owned(),
        holder: bid.holder.clone(),
    };
    let whole = statement(&note);
    if whole.len() <= MOST {
        return whole;
    }
    // Rather without the request than cut off.
    note.holder.request_id = None;
    statement(&note)
}

fn statement(note: &Note) -> String {
    // Texts and numbers always have JSON.
    let json = serde_json::to_string(note).unwrap_or_default();
    format!("{BEGINNING}{};", literal(&json))
}

/// Whose lock, and who holds it, where the statement begins with a note.
pub fn read(statement: &str) -> Option<(OwnerName, Holder)> {
    let json = leading_literal(statement.strip_prefix(BEGINNING)?)?;
    let note: Note = serde_json::from_str(&json).ok()?;
    Some((OwnerName::parse(&note.owner)?, note.holder))
}

/// The text of the literal that the SQL begins with, as [`literal`] writes it.
fn leading_literal(sql: &str) -> Option<String> {
    let plain = sql.strip_prefix('E');
    let mut characters = plain.unwrap_or(sql).strip_prefix('\'')?.chars();
    let mut text = String::new();
    loop {
        match characters.next()? {
            '\'' if characters.next() != Some('\'') => return Some(text),
            '\'' => text.push('\''),
            '\\' if plain.is_some() => text.push(characters.next()?),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::Utc;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::lock::name::LockName;

    fn bid(name: &str, request_id: &str) -> Bid {
        Bid {
            name: LockName::new(OwnerName::of(None), &name.into()),
            token: Uuid::nil(),
            ttl: Duration::from_secs(1),
            holder: Holder {
                name: name.to_owned(),
                fence: None,
                host: "here".to_owned(),
                process: 7,
                request_id: Some(request_id.to_owned()),
                since: Utc::now(),
            },
        }
    }

    #[test]
    fn note_that_is_too_long_goes_without_the_request() {
        let bid = bid("import", &"r".repeat(MOST));
        let (_, holder) = read(&write(&bid)).expect("is a note");
        assert_eq!(holder.name, "import");
        assert_eq!(holder.request_id, None);
    }

    #[test]
    fn statement_without_a_note_tells_nothing() {
        for statement in [
            "",
            "SELECT 1",
            "SET dotmac.holder = 'x';",
            "SET dotmac.holder = '{",
        ] {
            assert_eq!(read(statement), None, "{statement}");
        }
    }

    proptest! {
        #[test]
        fn note_reads_back_to_the_letter(name in "[^\0]{1,40}", request in r#"['"\\;]{0,20}"#) {
            let bid = bid(&name, &request);
            let statement = format!("{}DO 1; SELECT ';'", write(&bid));
            prop_assert_eq!(read(&statement), Some((OwnerName::of(None), bid.holder)));
        }
    }
}
