//! The order in which the objects of a schema can be made: each after those that it needs.

use std::collections::HashSet;

use crate::error::{Result, TenancyError};

/// An object that others may need, and the statement that makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    pub kind: Kind,
    pub name: String,
    pub sql: String,
    /// The keys of what it needs.
    pub needs: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Table,
    View,
    Other,
}

/// The objects in order: tables with what they need, and what comes after their rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ordered {
    pub early: Vec<Object>,
    /// Views, and what needs a view or the key of a table.
    pub late: Vec<Object>,
}

/// What a view needs that groups by a table's primary key.
const ANY_KEY: &str = "key";

/// Sorts them. What nothing forces apart stays in the order that it had.
///
/// # Errors
/// [`TenancyError::NotClonable`] for objects that need each other in a circle, and for a table that
/// needs a view: its rows could not be copied before.
pub fn in_order(objects: Vec<Object>) -> Result<Ordered> {
    let all: HashSet<String> = objects.iter().map(|object| object.key.clone()).collect();
    let mut ordered = Ordered::default();
    let (mut made, mut made_late) = (HashSet::new(), HashSet::new());
    let mut left = objects;
    while !left.is_empty() {
        let before = left.len();
        let mut waiting = Vec::new();
        for object in left {
            let is_made = |need: &String| made.contains(need) || !all.contains(need);
            if !object.needs.iter().all(is_made) {
                waiting.push(object);
                continue;
            }
            made.insert(object.key.clone());
            let is_late = |need: &String| need == ANY_KEY || made_late.contains(need);
            if object.kind != Kind::View && !object.needs.iter().any(is_late) {
                ordered.early.push(object);
                continue;
            }
            if object.kind == Kind::Table {
                return Err(refusal(&object, "a column of it needs a view"));
            }
            made_late.insert(object.key.clone());
            ordered.late.push(object);
        }
        if let Some(first) = waiting.first()
            && waiting.len() == before
        {
            return Err(refusal(first, "it needs an object that needs it"));
        }
        left = waiting;
    }
    Ok(ordered)
}

fn refusal(object: &Object, reason: &str) -> crate::error::Error {
    TenancyError::NotClonable {
        object: format!("\"{}\"", object.name),
        reason: reason.to_owned(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(key: &str, kind: Kind, needs: &[&str]) -> Object {
        Object {
            key: key.to_owned(),
            kind,
            name: key.to_owned(),
            sql: String::new(),
            needs: needs.iter().map(|&need| need.to_owned()).collect(),
        }
    }

    fn keys(objects: &[Object]) -> Vec<&str> {
        objects.iter().map(|object| object.key.as_str()).collect()
    }

    #[test]
    fn each_object_comes_after_what_it_needs() {
        let ordered = in_order(vec![
            object("f", Kind::Other, &["t"]),
            object("t", Kind::Table, &["e", "elsewhere"]),
            object("e", Kind::Other, &[]),
        ])
        .unwrap();
        assert_eq!(keys(&ordered.early), ["e", "t", "f"]);
    }

    #[test]
    fn what_needs_a_view_or_a_key_comes_late() {
        let ordered = in_order(vec![
            object("f", Kind::Other, &["v"]),
            object("g", Kind::Other, &["key"]),
            object("v", Kind::View, &["t"]),
            object("t", Kind::Table, &[]),
        ])
        .unwrap();
        assert_eq!(keys(&ordered.early), ["t"]);
        assert_eq!(keys(&ordered.late), ["g", "v", "f"]);
    }

    #[test]
    fn circles_and_tables_of_views_are_refused() {
        let circle = vec![
            object("a", Kind::Other, &["b"]),
            object("b", Kind::Other, &["a"]),
        ];
        assert!(in_order(circle).is_err());
        let of_view = vec![
            object("v", Kind::View, &[]),
            object("t", Kind::Table, &["v"]),
        ];
        assert!(in_order(of_view).is_err());
    }
}
