//! `Glob`: a pattern of keys, as it is matched in Redis.

use super::key::KeyWriter;
use crate::error::{Error, Result};

/// The longest pattern, in bytes, as it is written.
const MAX_LEN: usize = 200;

/// A pattern of keys: components are separated by `:`, and `*` stands for any text, also over several
/// components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Reads a pattern; what is no `:` or `*` is written as in keys.
    ///
    /// # Errors
    /// [`Error::Config`] for one that is empty or too long.
    pub fn parse(pattern: &str) -> Result<Self> {
        let mut written = String::with_capacity(pattern.len());
        for (at, component) in pattern.split(':').enumerate() {
            if at > 0 {
                written.push(':');
            }
            for (at, text) in component.split('*').enumerate() {
                if at > 0 {
                    written.push('*');
                }
                let mut literal = KeyWriter::default();
                literal.component(text.as_bytes());
                written.push_str(literal.text());
            }
        }
        if pattern.is_empty() || written.len() > MAX_LEN {
            return Err(Error::Config {
                variable: "pattern",
                reason: format!(
                    "of keys must be 1 to {MAX_LEN} bytes, as they are written in keys"
                ),
            });
        }
        Ok(Glob(written))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_written_as_in_keys() {
        let written = |pattern| Glob::parse(pattern).map(|glob| glob.0).ok();
        assert_eq!(written("order:*:draft").as_deref(), Some("order:*:draft"));
        assert_eq!(written("a b*ü").as_deref(), Some("a%20b*%C3%BC"));
        assert_eq!(written("*").as_deref(), Some("*"));
        assert_eq!(written(""), None);
        assert_eq!(written(&"x".repeat(201)), None);
    }
}
