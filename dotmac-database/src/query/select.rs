//! The ways to read a select in parts, as methods of every `Select<E>`.

use std::future::Future;

use sea_orm::sea_query::SelectStatement;
use sea_orm::{ConnectionTrait, EntityName, EntityTrait, QueryTrait, Select};

use super::batch::Batches;
use super::cursor::CursorKey;
use super::page::Pages;
use crate::error::{Error, Result};

/// Reads the rows of a select in parts: pages for clients, batches for jobs.
///
/// Filters, joins and scopes of the select hold: deleted rows stay hidden. The select may have no
/// order, limit or offset of its own, and must yield each row once: where a join multiplies rows, add
/// `distinct()`, or filter by a sub-query.
pub trait SelectInParts<E: EntityTrait>: Sized {
    /// Pages by keyset, in the order of the primary key until one is given.
    fn pages(self, key: &CursorKey) -> Pages<E>;

    /// Batches of `size` rows, at least 1, in the order of the primary key.
    ///
    /// Memory does not grow with the number of rows, and between two batches the session is free:
    /// unlike with a stream, whoever reads may write in it.
    fn find_in_batches(self, size: u32) -> Batches<E>;

    /// Calls `work` with each row of the batches; returns how many there were.
    ///
    /// `work` may use the session. Where it changes variables around it across an await, loop over
    /// [`find_in_batches`](Self::find_in_batches) instead.
    ///
    /// # Errors
    /// The first error of `work`, which ends it, and those of [`Batches::next`].
    ///
    /// # Cancel safety
    /// Dropping the future stops between two rows, or as a statement of the session does.
    fn find_each<C, W, F, X>(
        self,
        size: u32,
        db: &C,
        work: W,
    ) -> impl Future<Output = Result<u64, X>>
    where
        C: ConnectionTrait,
        W: FnMut(E::Model) -> F,
        F: Future<Output = Result<(), X>>,
        X: From<Error>;
}

impl<E: EntityTrait> SelectInParts<E> for Select<E> {
    fn pages(self, key: &CursorKey) -> Pages<E> {
        Pages::new(self, key)
    }

    fn find_in_batches(self, size: u32) -> Batches<E> {
        Batches::new(self, size)
    }

    async fn find_each<C, W, F, X>(self, size: u32, db: &C, mut work: W) -> Result<u64, X>
    where
        C: ConnectionTrait,
        W: FnMut(E::Model) -> F,
        F: Future<Output = Result<(), X>>,
        X: From<Error>,
    {
        let mut batches = self.find_in_batches(size);
        let mut count = 0;
        while let Some(rows) = batches.next(db).await? {
            for row in rows {
                count += 1;
                work(row).await?;
            }
        }
        Ok(count)
    }
}

/// The statement of a select that has no order and no limits of its own.
pub fn unordered<E: EntityTrait>(select: Select<E>) -> Result<SelectStatement> {
    let query = QueryTrait::into_query(select);
    let mut bare = query.clone();
    bare.clear_order_by();
    if bare != query {
        return Err(invalid::<E>("it has an order of its own"));
    }
    bare.reset_limit().reset_offset();
    if bare != query {
        return Err(invalid::<E>("it has a limit or an offset of its own"));
    }
    Ok(query)
}

/// The error for a select that cannot be read in parts.
pub fn invalid<E: EntityTrait>(reason: &'static str) -> Error {
    Error::InvalidSelect {
        entity: EntityName::table_name(&E::default()).to_owned(),
        reason,
    }
}

/// What a row that comes twice tells.
pub const TWICE: &str = "it yields a row twice: a join multiplies rows, which `distinct()` or a \
                         sub-query does not";
