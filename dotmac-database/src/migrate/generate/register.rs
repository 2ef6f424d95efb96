//! Adds a migration to the migrator's source.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::GenerateError;

/// A file's new text.
pub struct Edit {
    pub path: PathBuf,
    pub text: String,
}

/// What has to be written so that the migrator has the migration.
pub fn edits(folder: &Path, module: &str) -> Result<Vec<Edit>, GenerateError> {
    let missing = || GenerateError::NoMigrator {
        directory: folder.to_owned(),
    };
    let mut files = Vec::new();
    for name in ["lib.rs", "mod.rs", "migrator.rs"] {
        let path = folder.join(name);
        if path.is_file() {
            let text = fs::read_to_string(&path).map_err(GenerateError::io(&path))?;
            files.push(Edit { path, text });
        }
    }
    let root = files
        .iter_mut()
        .find(|file| !file.path.ends_with("migrator.rs"))
        .ok_or_else(missing)?;
    root.text = with_module(&root.text, module);
    let root = root.path.clone();
    let list = files
        .iter_mut()
        .find(|file| file.text.contains("fn migrations()"))
        .ok_or_else(missing)?;
    let entry = if list.path == root {
        format!("Box::new({module}::Migration)")
    } else {
        format!("Box::new(super::{module}::Migration)")
    };
    list.text = with_entry(&list.text, &entry).ok_or_else(missing)?;
    let list = list.path.clone();
    files.retain(|file| file.path == root || file.path == list);
    Ok(files)
}

/// After the last migration's `mod` line, which has the greatest name; else after the last `mod`
/// line; else at the end.
fn with_module(text: &str, module: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let is_module = |line: &&str| line.starts_with("mod ") || line.starts_with("pub mod ");
    let is_migration = |line: &&str| {
        let name = line.trim_start_matches("pub ").trim_start_matches("mod ");
        let second = name.chars().nth(1);
        is_module(line) && name.starts_with('m') && second.is_some_and(|c| c.is_ascii_digit())
    };
    let last = |wanted: &dyn Fn(&&str) -> bool| lines.iter().rposition(wanted);
    let at = last(&is_migration)
        .or_else(|| last(&is_module))
        .map_or(lines.len(), |line| line + 1);
    let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
    lines.insert(at, format!("mod {module};"));
    lines.join("\n") + "\n"
}

/// At the end of the first `vec![…]` after `fn migrations()`.
fn with_entry(text: &str, entry: &str) -> Option<String> {
    let function = text.find("fn migrations()")?;
    let (before, body) = text.split_at(function);
    let open = body.find("vec![")? + "vec![".len();
    let (head, rest) = body.split_at(open);
    let (list, tail) = rest.split_at(end_of_list(rest)?);
    let entries = list.trim_end().trim_end_matches(',');
    if entries.trim().is_empty() && entry.len() <= ON_ONE_LINE {
        return Some(format!("{before}{head}{entry}{tail}"));
    }
    let entries = match entries.trim() {
        "" => String::new(),
        one if !entries.contains('\n') => format!("\n            {one},"),
        _ => format!("{entries},"),
    };
    Some(format!(
        "{before}{head}{entries}\n            {entry},\n        {tail}"
    ))
}

/// The longest list that rustfmt keeps on one line.
const ON_ONE_LINE: usize = 60;

/// Where the bracket closes that was opened before `text`.
fn end_of_list(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '[' => depth += 1,
            ']' if depth == 0 => return Some(at),
            ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{with_entry, with_module};

    #[test]
    fn module_stands_after_the_last_migration() {
        let text = "mod cli;\nmod m20260101_000001_a;\nmod migrator;\n\npub use cli::Cli;\n";
        assert_eq!(
            with_module(text, "m20260102_000000_b"),
            "mod cli;\nmod m20260101_000001_a;\nmod m20260102_000000_b;\nmod migrator;\n\n\
             pub use cli::Cli;\n",
        );
    }

    #[test]
    fn first_migration_stands_after_other_modules() {
        assert_eq!(with_module("//! A.\n", "m1_a"), "//! A.\nmod m1_a;\n");
        assert_eq!(
            with_module("pub mod entity;\n\npub use a::B;\n", "m1_a"),
            "pub mod entity;\nmod m1_a;\n\npub use a::B;\n",
        );
    }

    #[test]
    fn entry_stands_last_in_the_list() {
        let text = "fn migrations() -> Vec<X> {\n        vec![\n            Box::new(a::M),\n        ]\n}\n";
        assert_eq!(
            with_entry(text, "Box::new(b::M)").unwrap(),
            "fn migrations() -> Vec<X> {\n        vec![\n            Box::new(a::M),\n            \
             Box::new(b::M),\n        ]\n}\n",
        );
    }

    #[test]
    fn list_on_one_line_is_broken() {
        let wanted = "fn migrations() {\n        vec![\n            Box::new(a::M),\n            \
             Box::new(b::M),\n        ]\n}";
        let text = "fn migrations() {\n        vec![Box::new(a::M)]\n}";
        assert_eq!(with_entry(text, "Box::new(b::M)").unwrap(), wanted);
        let empty = "fn migrations() {\n        vec![]\n}";
        let first = "fn migrations() {\n        vec![Box::new(b::M)]\n}";
        assert_eq!(with_entry(empty, "Box::new(b::M)").unwrap(), first);
    }

    #[test]
    fn list_elsewhere_is_not_touched() {
        assert_eq!(with_entry("fn other() { vec![] }", "x"), None);
        assert_eq!(with_entry("fn migrations() { LIST }", "x"), None);
    }
}
