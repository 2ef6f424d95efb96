//! Holds the house rules that neither the compiler nor clippy knows, over the sources of all crates.
//!
//! Each rule is a function from one file to the violations in it, so that the tests at the end can
//! show it a bad file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const CRATES: [&str; 5] = [
    "dotmac-database",
    "dotmac-database-derive",
    "migration",
    "examples",
    "tests",
];

const ROOT_ENTRIES: &str = "Cargo.toml Cargo.lock LICENSE CHANGELOG.md README.md rustfmt.toml \
    clippy.toml deny.toml .gitignore .gitattributes .ci .git .github .config dotmac-database \
    dotmac-database-derive migration examples tests target";

/// The modules of `dotmac-database/src` from the bottom up; a module uses strictly lower layers.
const LAYERS: [&[&str]; 8] = [
    &["error"],
    &["ident", "telemetry"],
    &["context"],
    &["config", "entity"],
    &["redis", "session"],
    &[
        "rls",
        "soft_delete",
        "history",
        "tenancy",
        "cache",
        "lock",
        "query",
    ],
    &["migrate", "web", "testing"],
    &["cli"],
];

/// Files that name modules of every layer: the crate's faces toward users and toward its macros.
const ABOVE_LAYERS: [&str; 4] = ["lib", "prelude", "private", "guide"];

const LIBRARY: &str = "dotmac-database/src/";
const MAX_LINES: usize = 600;

#[test]
fn first_line_says_why_the_file_exists() -> io::Result<()> {
    assert_tidy(first_line)
}

#[test]
fn no_file_outgrows_one_reading() -> io::Result<()> {
    assert_tidy(length)
}

#[test]
fn nothing_is_left_undone_or_ignored() -> io::Result<()> {
    assert_tidy(left_undone)
}

#[test]
fn mod_rs_holds_only_docs_mod_and_use() -> io::Result<()> {
    assert_tidy(mod_rs)
}

#[test]
fn every_re_export_is_named() -> io::Result<()> {
    assert_tidy(glob_re_export)
}

#[test]
fn modules_use_only_lower_layers() -> io::Result<()> {
    assert_tidy(layers)
}

#[test]
fn root_holds_only_what_belongs_there() -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root())? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    report(&root_entries(names));
    Ok(())
}

// The rules.

struct File {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
}

impl File {
    fn violation(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

fn first_line(file: &File) -> Vec<String> {
    let is_ui_case = file.path.contains("tests/ui/");
    let first = file.text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//!").unwrap_or_default().trim();
    if is_ui_case || !says.is_empty() {
        return Vec::new();
    }
    vec![file.violation(1, "no `//!` line: say in a sentence why the file exists")]
}

fn length(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    if lines <= MAX_LINES {
        return Vec::new();
    }
    let what = format!("{lines} lines, {MAX_LINES} are allowed: split it by its reasons to exist");
    vec![file.violation(lines, &what)]
}

fn left_undone(file: &File) -> Vec<String> {
    const WORDS: [(&str, &str); 4] = [
        ("todo!", "finish it"),
        ("unimplemented!", "write it, or take the path away"),
        ("dbg!", "take it out, or trace"),
        ("#[ignore", "make the test run, or take it out"),
    ];
    let code = code_of(&file.text);
    let found = |(word, remedy): (&str, &str)| -> Vec<String> {
        words(&code, word)
            .map(|at| file.violation(line_of(&code, at), &format!("`{word}`: {remedy}")))
            .collect()
    };
    WORDS.into_iter().flat_map(found).collect()
}

fn mod_rs(file: &File) -> Vec<String> {
    if !file.path.ends_with("/mod.rs") {
        return Vec::new();
    }
    let code = without_attributes(&code_of(&file.text));
    let mut violations = Vec::new();
    let mut at = 0;
    for chunk in code.split_inclusive(';') {
        let item = chunk.trim();
        let start = at + chunk.find(|it: char| !it.is_whitespace()).unwrap_or(0);
        at += chunk.len();
        let bare = without_visibility(item);
        let is_mod = bare.starts_with("mod ") && !bare.contains('{');
        if !item.is_empty() && !is_mod && !bare.starts_with("use ") {
            let head = item.lines().next().unwrap_or_default();
            let what = format!("`{head}` in a mod.rs: move it to a file named for what it does");
            violations.push(file.violation(line_of(&code, start), &what));
        }
    }
    violations
}

fn glob_re_export(file: &File) -> Vec<String> {
    let code = code_of(&file.text);
    let is_prelude = file.path == format!("{LIBRARY}prelude.rs");
    let is_glob = |at: usize| {
        let statement = statement_at(&code, at);
        let is_sea_orm = is_prelude && statement.contains("sea_orm::entity::prelude::*");
        statement.contains('*') && !is_sea_orm
    };
    words(&code, "pub use ")
        .filter(|at| is_glob(*at))
        .map(|at| file.violation(line_of(&code, at), "re-export by `*`: name each item"))
        .collect()
}

fn layers(file: &File) -> Vec<String> {
    let Some(module) = module_of(&file.path) else {
        return Vec::new();
    };
    let Some(own) = layer_of(module) else {
        let what = format!(
            "module `{module}` has no layer: add it to LAYERS in tests/tests/tidy.rs, below all \
             that use it"
        );
        return vec![file.violation(1, &what)];
    };
    let code = code_of(&file.text);
    let mut violations = Vec::new();
    for (at, name) in crate_paths(&code) {
        let what = match layer_of(name) {
            _ if name == module => continue,
            Some(layer) if layer < own => continue,
            Some(layer) => format!(
                "`{module}` (layer {own}) uses `crate::{name}` (layer {layer}): \
                 move what both need to a lower layer, or take it as an argument"
            ),
            None => format!(
                "`crate::{name}` is no module with a layer: name the item by its module, \
                 or add the module to LAYERS in tests/tests/tidy.rs"
            ),
        };
        violations.push(file.violation(line_of(&code, at), &what));
    }
    violations
}

fn root_entries(names: impl IntoIterator<Item = String>) -> Vec<String> {
    names
        .into_iter()
        .filter(|name| !ROOT_ENTRIES.split(' ').any(|it| it == name))
        .map(|name| format!("{name}:1: does not belong into the root: move it to a crate or .ci"))
        .collect()
}

// What the rules ask about a module.

/// The top-level module that a file of the library belongs to, if layers hold for it.
fn module_of(path: &str) -> Option<&str> {
    let below = path.strip_prefix(LIBRARY)?;
    let first = below.split('/').next()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (!ABOVE_LAYERS.contains(&module)).then_some(module)
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// Finds what follows `crate::`, in a group too; names of macros, which all live in the root, and
/// `$crate`, which a user's program resolves, are left out.
fn crate_paths(code: &str) -> Vec<(usize, &str)> {
    const PREFIX: &str = "crate::";
    let mut paths = Vec::new();
    for at in words(code, PREFIX) {
        let before = code.get(..at).unwrap_or_default();
        let after = code.get(at + PREFIX.len()..).unwrap_or_default();
        if before.ends_with('$') {
            continue;
        }
        let after_name = after.trim_start_matches(is_word);
        match after.trim_start().strip_prefix('{') {
            Some(group) => paths.extend(group_heads(group).into_iter().map(|name| (at, name))),
            None if after_name.starts_with('!') => {}
            None => paths.push((at, head(after))),
        }
    }
    paths
}

/// The first name of each path in `a::b, c::{d, e}}`, up to the closing brace.
fn group_heads(group: &str) -> Vec<&str> {
    let mut heads = Vec::new();
    let mut depth = 0_usize;
    let mut is_start = true;
    for (at, char) in group.char_indices() {
        match char {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => is_start = true,
            _ if is_start && !char.is_whitespace() => {
                is_start = false;
                heads.push(head(group.get(at..).unwrap_or_default()));
            }
            _ => {}
        }
    }
    heads
}

/// The name that the text begins with, or else its first character.
fn head(text: &str) -> &str {
    let end = text.find(|it| !is_word(it)).unwrap_or(text.len());
    let end = end.max(text.chars().next().map_or(0, char::len_utf8));
    text.get(..end).unwrap_or_default()
}

// What the rules ask about a text.

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Where the text stands, and is not the end of a longer name.
fn words<'a>(code: &'a str, text: &'a str) -> impl Iterator<Item = usize> + 'a {
    let starts = |at: usize| !code.get(..at).unwrap_or_default().ends_with(is_word);
    let found = code.match_indices(text).map(|(at, _)| at);
    found.filter(move |at| starts(*at))
}

fn line_of(code: &str, at: usize) -> usize {
    code.bytes().take(at).filter(|it| *it == b'\n').count() + 1
}

fn statement_at(code: &str, at: usize) -> &str {
    let rest = code.get(at..).unwrap_or_default();
    rest.split(';').next().unwrap_or_default()
}

fn without_visibility(item: &str) -> &str {
    let Some(rest) = item.strip_prefix("pub") else {
        return item;
    };
    match rest.strip_prefix('(').and_then(|it| it.split_once(')')) {
        Some((_, rest)) => rest.trim_start(),
        None => rest.trim_start(),
    }
}

/// Blanks `#[…]` and `#![…]`; the text must be free of strings.
fn without_attributes(code: &str) -> String {
    let mut depth = 0_usize;
    let mut is_marked = false;
    let blank = |char: char| {
        match char {
            '#' if depth == 0 => is_marked = true,
            '[' if is_marked || depth > 0 => depth += 1,
            ']' if depth > 0 => {
                depth -= 1;
                is_marked = false;
                return ' ';
            }
            _ => {}
        }
        if (is_marked || depth > 0) && char != '\n' {
            ' '
        } else {
            char
        }
    };
    code.chars().map(blank).collect()
}

/// Blanks comments, strings and characters, and keeps every line where it is.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let opaque = opaque_len(rest, code.ends_with(is_word));
        let len = opaque.unwrap_or(first.len_utf8());
        let (token, others) = rest.split_at_checked(len).unwrap_or((rest, ""));
        match opaque {
            Some(_) => code.extend(token.chars().map(|it| if it == '\n' { it } else { ' ' })),
            None => code.push_str(token),
        }
        rest = others;
    }
    code
}

/// How long the comment, string or character is that the text begins with, if it does.
fn opaque_len(text: &str, is_in_word: bool) -> Option<usize> {
    if text.starts_with("//") {
        Some(text.find('\n').unwrap_or(text.len()))
    } else if text.starts_with("/*") {
        // Nested ones are rare, and end too early here: that shows more code, not less.
        Some(text.find("*/").map_or(text.len(), |at| at + 2))
    } else if text.starts_with('"') {
        Some(string_len(text))
    } else if text.starts_with('\'') {
        char_len(text)
    } else if is_in_word {
        None
    } else {
        raw_string_len(text)
    }
}

fn string_len(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A quote that no other quote follows in its place begins a lifetime.
fn char_len(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next()?;
        let (end, _) = chars.find(|(_, it)| *it == '\'')?;
        return Some(end + 1);
    }
    let (end, second) = chars.next()?;
    (second == '\'').then_some(end + 1)
}

fn raw_string_len(text: &str) -> Option<usize> {
    let raw = text.strip_prefix(['b', 'c']).unwrap_or(text);
    let marked = raw.strip_prefix('r')?;
    let quoted = marked.trim_start_matches('#');
    let inside = quoted.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(marked.len() - quoted.len()));
    let until_end = inside.find(&end).map(|at| at + end.len());
    Some(text.len() - inside.len() + until_end.unwrap_or(inside.len()))
}

// The files.

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[track_caller]
fn assert_tidy(rule: fn(&File) -> Vec<String>) -> io::Result<()> {
    let mut files = Vec::new();
    for name in CRATES {
        collect(name, &mut files)?;
    }
    // A rule that sees no files would hold for ever.
    assert!(
        files
            .iter()
            .any(|file| file.path == format!("{LIBRARY}lib.rs"))
    );
    let violations: Vec<String> = files.iter().flat_map(rule).collect();
    report(&violations);
    Ok(())
}

#[track_caller]
fn report(violations: &[String]) {
    let list = violations.join("\n");
    assert!(
        violations.is_empty(),
        "the house rules do not hold:\n{list}"
    );
}

fn collect(folder: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(root().join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && name != "target" && !name.starts_with('.') {
            collect(&path, files)?;
        } else if entry.path().extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(entry.path())?;
            files.push(File { path, text });
        }
    }
    Ok(())
}

/// Proves that each rule can fail, and that it passes over what only looks like a violation.
mod rules {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        let (path, text) = (path.to_owned(), text.to_owned());
        File { path, text }
    }

    #[track_caller]
    fn assert_lines(rule: fn(&File) -> Vec<String>, path: &str, text: &str, lines: &[usize]) {
        let found = rule(&file(path, text));
        let places: Vec<String> = lines.iter().map(|it| format!("{path}:{it}: ")).collect();
        let fit = |(found, place): (&String, &String)| found.starts_with(place.as_str());
        let all_fit = found.iter().zip(&places).all(fit);
        assert!(
            all_fit && found.len() == places.len(),
            "{found:#?}, not at {lines:?}"
        );
    }

    #[test]
    fn first_line_without_a_sentence_fails() {
        assert_lines(first_line, "a.rs", "//! Why.\n", &[]);
        assert_lines(first_line, "tests/ui/a.rs", "fn main() {}", &[]);
        for text in ["", "use a;", "//!", "// Why.", "\n//! Why."] {
            assert_lines(first_line, "a.rs", text, &[1]);
        }
    }

    #[test]
    fn long_file_fails() {
        assert_lines(length, "a.rs", &"x\n".repeat(600), &[]);
        assert_lines(length, "a.rs", &"x\n".repeat(601), &[601]);
    }

    #[test]
    fn unfinished_code_fails() {
        let text = "fn a() {\n todo!()\n}\n#[ignore = \"slow\"]\nfn b() { dbg!(1); }";
        assert_lines(left_undone, "a.rs", text, &[2, 5, 4]);
        assert_lines(left_undone, "a.rs", "a(\nunimplemented!(\"x\"))", &[2]);
        let text = "// todo!()\nlet a = \"dbg!(1)\"; /* dbg!( */ my_todo!();";
        assert_lines(left_undone, "a.rs", text, &[]);
    }

    #[test]
    fn logic_in_mod_rs_fails() {
        let text = "//! Docs; of it.\n#![a(b = [1; 2])]\n\nmod a;\npub(crate) mod b;\n\
                    #[cfg(unix)]\npub use a::{\n    B,\n    C,\n};\nuse b::D;\n";
        assert_lines(mod_rs, "x/mod.rs", text, &[]);
        let items = [
            "pub fn a() { b(); }",
            "impl A {}",
            "pub(super) struct A;",
            "enum A { B }",
            "macro_rules! a { () => {}; }",
            "mod a { fn b() {} }",
        ];
        for item in items {
            let text = format!("mod z;\n\n#[b]\n{item}");
            assert!(!mod_rs(&file("x/mod.rs", &text)).is_empty(), "{item}");
            assert_lines(mod_rs, "x/other.rs", &text, &[]);
        }
        assert_lines(
            mod_rs,
            "x/mod.rs",
            "mod z;\n\n#[b]\nstruct A;\nuse c;\n",
            &[4],
        );
    }

    #[test]
    fn glob_re_export_fails() {
        let text = "use a::*;\npub use b::{\n    c, d::*\n};\npub use e::F;";
        assert_lines(glob_re_export, "a.rs", text, &[2]);
        let text = "pub use sea_orm::entity::prelude::*;\npub use b::*;";
        assert_lines(glob_re_export, "a.rs", text, &[1, 2]);
        assert_lines(glob_re_export, "dotmac-database/src/prelude.rs", text, &[2]);
    }

    #[test]
    fn upward_and_sideward_use_fails() {
        let path = "dotmac-database/src/session/pool.rs";
        let fine = "use crate::{context::{A, cache}, error::B};\nuse crate::session::C;\n\
                    // crate::cache\nlet a = \"crate::cache\"; crate::mac!(); $crate::cache; x_crate::web;\n";
        assert_lines(layers, path, fine, &[]);
        let bad = "use crate::{\n    error::B,\n    cache::{A, B},\n    rls::{X}\n};\n\
                   fn a(b: crate::web::C) {}\nuse crate::Error;\nuse crate::*;";
        assert_lines(layers, path, bad, &[1, 1, 6, 7, 8]);
        assert_lines(
            layers,
            "dotmac-database/src/rls.rs",
            "use crate::cache::A;",
            &[1],
        );
        assert_lines(
            layers,
            "dotmac-database/src/error.rs",
            "use crate::ident::A;",
            &[1],
        );
        for exempt in ["lib.rs", "prelude.rs", "private.rs", "private/a.rs"] {
            let path = format!("{LIBRARY}{exempt}");
            assert_lines(layers, &path, "pub use crate::cache::A;", &[]);
        }
    }

    #[test]
    fn module_without_layer_fails() {
        let found = layers(&file("dotmac-database/src/shiny/mod.rs", "mod a;"));
        assert!(found.concat().contains("add it to LAYERS"), "{found:?}");
    }

    #[test]
    fn stray_root_entry_fails() {
        let names = ["Cargo.toml", "notes.txt", "target"].map(String::from);
        let found = root_entries(names);
        assert!(matches!(found.as_slice(), [one] if one.starts_with("notes.txt:1: ")));
    }

    #[test]
    fn code_is_told_from_comments_strings_and_characters() {
        let cases = [
            ("a // b\nc", "a _\nc"),
            ("a /* b\n \" */ d", "a _\n_ d"),
            (r#"a("b\"c", d)"#, "a(_, d)"),
            ("a(r#\"b\"c\"#, d)", "a(_, d)"),
            ("r#type br\"\\\" c", "r#type _ c"),
            (
                r"a('\'', '\u{2a}', '\\', 'b', '/') // x",
                "a(_, _, _, _, _) _",
            ),
            (
                "fn a<'b>(c: &'b str, '\"') {}",
                "fn a<'b>(c: &'b str, _) {}",
            ),
        ];
        let squeeze = |text: &str| text.replace([' ', '_'], "");
        for (text, code) in cases {
            assert_eq!(squeeze(&code_of(text)), squeeze(code), "{text}");
        }
    }
}
