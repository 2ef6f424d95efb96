//! Batches of a select by keyset on the primary key, in constant memory.

use sea_orm::sea_query::SelectStatement;
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, Select, Value};

use super::keyset::Keyset;
use super::select::{TWICE, invalid, unordered};
use crate::error::{Error, Result};

/// What is still to be read.
pub struct Batches<E: EntityTrait> {
    query: SelectStatement,
    keyset: Keyset<E>,
    size: u64,
    last: Option<Vec<Option<Value>>>,
    ended: bool,
}

impl<E: EntityTrait> Batches<E> {
    pub fn new(select: Select<E>, size: u32) -> Result<Self> {
        Ok(Batches {
            query: unordered(select)?,
            keyset: Keyset::new(&[]),
            size: u64::from(size.max(1)),
            last: None,
            ended: false,
        })
    }

    /// The next rows; none at the end.
    async fn next<C: ConnectionTrait>(&mut self, db: &C) -> Result<Vec<E::Model>> {
        if self.ended {
            return Ok(Vec::new());
        }
        let mut query = self.query.clone();
        if let Some(last) = &self.last {
            query.cond_where(self.keyset.after(last));
        }
        self.keyset.order(&mut query);
        query.limit(self.size);
        let rows = db.query_all(&query).await?;
        self.ended = (rows.len() as u64) < self.size;
        let mut models = Vec::with_capacity(rows.len());
        for row in rows {
            let model = E::Model::from_query_result(&row, "")?;
            let place = Some(self.keyset.place_of(&model));
            if self.last == place {
                return Err(invalid::<E>(TWICE));
            }
            self.last = place;
            models.push(model);
        }
        Ok(models)
    }
}

pub async fn whole<E, C, W, X>(mut batches: Batches<E>, db: &C, mut work: W) -> Result<u64, X>
where
    E: EntityTrait,
    C: ConnectionTrait,
    W: AsyncFnMut(Vec<E::Model>) -> Result<(), X>,
    X: From<Error>,
{
    let mut count = 0;
    loop {
        let rows = batches.next(db).await?;
        if rows.is_empty() {
            return Ok(count);
        }
        count += rows.len() as u64;
        work(rows).await?;
    }
}

pub async fn each<E, C, W, X>(batches: Batches<E>, db: &C, mut work: W) -> Result<u64, X>
where
    E: EntityTrait,
    C: ConnectionTrait,
    W: AsyncFnMut(E::Model) -> Result<(), X>,
    X: From<Error>,
{
    let each = async |rows: Vec<E::Model>| {
        for row in rows {
            work(row).await?;
        }
        Ok(())
    };
    whole(batches, db, each).await
}
