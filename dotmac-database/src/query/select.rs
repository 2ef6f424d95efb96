//! The ways to read a select in parts, as methods of every `Select<E>`.

use std::future::Future;

use sea_orm::sea_query::SelectStatement;
use sea_orm::{ConnectionTrait, EntityName, EntityTrait, QueryTrait, Select};

use super::batch::{self, Batches};
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

    /// Calls `work` with each row, in the order of the primary key; returns how many there were.
    ///
    /// Rows are read `size` at a time (at least 1), so that memory does not grow with their number.
    /// Between two batches the session is free: unlike with a stream, `work` may write in it.
    /// Each batch is a query of its own. A row that is inserted or deleted meanwhile is seen, or
    /// not, as its key lies ahead or behind; all others are seen once.
    ///
    /// # Errors
    /// The first error of `work`, which ends it; [`Error::InvalidSelect`] before any SQL, or where a
    /// row comes twice; the database's.
    ///
    /// # Cancel safety
    /// Dropping the future stops between two statements, or as a statement of the session does.
    fn find_each<C, W, X>(self, size: u32, db: &C, work: W) -> impl Future<Output = Result<u64, X>>
    where
        C: ConnectionTrait,
        W: AsyncFnMut(E::Model) -> Result<(), X>,
        X: From<Error>;

    /// As [`find_each`](Self::find_each), with a whole batch at a time.
    ///
    /// # Errors
    /// As [`find_each`](Self::find_each).
    fn find_in_batches<C, W, X>(
        self,
        size: u32,
        db: &C,
        work: W,
    ) -> impl Future<Output = Result<u64, X>>
    where
        C: ConnectionTrait,
        W: AsyncFnMut(Vec<E::Model>) -> Result<(), X>,
        X: From<Error>;
}

impl<E: EntityTrait> SelectInParts<E> for Select<E> {
    fn pages(self, key: &CursorKey) -> Pages<E> {
        Pages::new(self, key)
    }

    async fn find_each<C, W, X>(self, size: u32, db: &C, work: W) -> Result<u64, X>
    where
        C: ConnectionTrait,
        W: AsyncFnMut(E::Model) -> Result<(), X>,
        X: From<Error>,
    {
        batch::each(Batches::new(self, size)?, db, work).await
    }

    async fn find_in_batches<C, W, X>(self, size: u32, db: &C, work: W) -> Result<u64, X>
    where
        C: ConnectionTrait,
        W: AsyncFnMut(Vec<E::Model>) -> Result<(), X>,
        X: From<Error>,
    {
        batch::whole(Batches::new(self, size)?, db, work).await
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
