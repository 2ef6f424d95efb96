//! Search of texts in the words with which an index serves it under policies.
//!
//! A policy comes before everything that PostgreSQL does not trust with hidden rows, and it trusts
//! neither LIKE nor `lower` (<https://www.postgresql.org/docs/15/rules-privileges.html>): an index is then
//! of no use to them. `^@` is trusted, but finds its range only where the plan knows the prefix, which the
//! plan of a prepared statement may not.

use sea_orm::sea_query::{Alias, BinOper, Expr, ExprTrait, Func};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait};

use crate::entity::{case_insensitive, lowered};
use crate::ident::byte_order;

/// Conditions on columns of text that an index serves under row-level security.
///
/// They mean the same without their indexes, and read all rows of the tenant then.
///
/// # Differences from SeaORM
/// `starts_with` is LIKE, which no index serves under policies, and in which `%` and `_` are wildcards.
///
/// # Examples
/// ```
/// # use dotmac_database::prelude::*;
/// mod customer {
///     use dotmac_database::prelude::*;
///
///     #[dotmac_database::model]
///     #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel, TenantAware)]
///     pub struct Model {
///         #[dotmac(prefix_search)]
///         pub number: String,
///         #[dotmac(unique, case_insensitive)]
///         pub email: String,
///     }
/// }
///
/// # async fn example(tx: &Session) -> Result<(), Error> {
/// let like_this = customer::Column::Number.has_prefix("A-1", tx);
/// let listed = customer::Entity::find().filter(like_this).all(tx).await?;
///
/// let ada = customer::Column::Email.equals_ignoring_case("Ada@Example.com");
/// let found = customer::Entity::find().filter(ada).one(tx).await?;
/// # Ok(()) }
/// ```
pub trait SearchText: ColumnTrait {
    /// Whether the text begins with `prefix`, byte for byte: `%` and `_` mean themselves, and every text
    /// begins with the empty one. NULL does with none.
    ///
    /// `#[dotmac(prefix_search)]` on the field makes the index. `db` tells for which database the
    /// condition is. On PostgreSQL its encoding must be UTF8, which is the default.
    fn has_prefix<C: ConnectionTrait>(self, prefix: &str, db: &C) -> Expr {
        let collation = byte_order(db.get_database_backend());
        let column = self
            .into_expr()
            .binary(BinOper::Custom("COLLATE"), Expr::custom_keyword(collation));
        let from = column.clone().gte(prefix);
        match behind(prefix) {
            Some(end) => from.and(column.lt(end)),
            None => from,
        }
    }

    /// Whether the texts are the same but for the case of their letters, which the database folds by its
    /// `lower`: on PostgreSQL by the locale, on SQLite only A to Z.
    ///
    /// `#[dotmac(case_insensitive)]` on the field makes the column of lower case and its index.
    fn equals_ignoring_case(self, text: &str) -> Expr
    where
        Self::EntityName: EntityTrait,
    {
        let folded: Expr = match case_insensitive::<Self::EntityName>().contains(&self.as_str()) {
            true => Expr::col((self.entity_name(), Alias::new(lowered(self.as_str())))),
            false => Func::lower(self.into_expr()).into(),
        };
        folded.eq(Func::lower(text))
    }
}

impl<C: ColumnTrait> SearchText for C {}

/// The first text, in the order of bytes, behind all that begin with `prefix`; none where there is no
/// such text.
///
/// UTF-8 has the order of the characters' numbers.
fn behind(prefix: &str) -> Option<String> {
    let mut kept = prefix.chars();
    while let Some(last) = kept.next_back() {
        // Steps over the surrogates, which are no characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            return Some(format!("{}{next}", kept.as_str()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn end_of_a_range_is_the_next_character() {
        for (prefix, end) in [
            ("A-1", Some("A-2")),
            ("z", Some("{")),
            ("\u{7f}", Some("\u{80}")),
            ("\u{d7ff}", Some("\u{e000}")),
            ("a\u{10ffff}\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("", None),
        ] {
            assert_eq!(behind(prefix).as_deref(), end, "{prefix:?}");
        }
    }

    proptest! {
        #[test]
        fn range_holds_what_begins_with_the_prefix(prefix in text(), other in text(), rest in ".{0,3}") {
            for text in [other, format!("{prefix}{rest}")] {
                let is_in = text >= prefix && behind(&prefix).is_none_or(|end| text < end);
                prop_assert_eq!(is_in, text.starts_with(&prefix), "{:?} {:?}", text, prefix);
            }
        }
    }

    /// Short, of characters at the edges.
    fn text() -> impl Strategy<Value = String> {
        let edges = [
            'a',
            'b',
            '\u{7f}',
            '\u{80}',
            '\u{d7ff}',
            '\u{e000}',
            '\u{ffff}',
            '\u{10ffff}',
        ];
        proptest::collection::vec(proptest::sample::select(edges.to_vec()), 0..4)
            .prop_map(|chars| chars.into_iter().collect())
    }
}
