//! Batches of a select by keyset on the primary key, in constant memory.

use sea_orm::sea_query::SelectStatement;
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, Select, Value};

use super::keyset::Keyset;
use super::select::{TWICE, invalid, unordered};
use crate::error::Result;

/// The rows of a select, batch by batch; see
/// [`SelectInParts::find_in_batches`](super::SelectInParts::find_in_batches).
///
/// Each batch is a query of its own. Of the rows that are inserted or deleted meanwhile those are seen
/// whose key lies ahead; all others are seen once.
#[must_use = "batches are read by `next`"]
pub struct Batches<E: EntityTrait> {
    query: Result<SelectStatement>,
    keyset: Keyset<E>,
    size: u64,
    last: Option<Vec<Option<Value>>>,
    ended: bool,
}

impl<E: EntityTrait> Batches<E> {
    pub(super) fn new(select: Select<E>, size: u32) -> Self {
        Batches {
            query: unordered(select),
            keyset: Keyset::new(&[]),
            size: u64::from(size.max(1)),
            last: None,
            ended: false,
        }
    }

    /// The next rows; nothing at the end.
    ///
    /// # Errors
    /// [`Error::InvalidSelect`](crate::Error::InvalidSelect): before any SQL for a select with an order
    /// or a limit of its own, and where a row comes twice. The database's.
    ///
    /// # Cancel safety
    /// After a dropped future the same batch is read again, and after an error as well.
    pub async fn next<C: ConnectionTrait>(&mut self, db: &C) -> Result<Option<Vec<E::Model>>> {
        if self.ended {
            return Ok(None);
        }
        let mut query = self.query.clone()?;
        if let Some(last) = &self.last {
            query.cond_where(self.keyset.after(last));
        }
        self.keyset.order(&mut query);
        query.limit(self.size);
        let rows = db.query_all(&query).await?;
        let ended = (rows.len() as u64) < self.size;
        let mut models = Vec::with_capacity(rows.len());
        let mut last = self.last.clone();
        for row in rows {
            let model = E::Model::from_query_result(&row, "")?;
            let place = Some(self.keyset.place_of(&model));
            if last == place {
                return Err(invalid::<E>(TWICE));
            }
            last = place;
            models.push(model);
        }
        // Not before all is well: a batch that failed is not passed over.
        self.last = last;
        self.ended = ended;
        Ok((!models.is_empty()).then_some(models))
    }
}
