//! Rows of a query as they arrive.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{BoxStream, Stream, StreamExt, TryStreamExt};
use sea_orm::{DbErr, QueryResult, Statement};

use super::ledger::LevelId;
use super::unit::{Sql, Unit};
use crate::error::{Error, is_stale_plan};

/// A stream of rows; while it is open, its session takes no other statement.
pub struct SessionStream<'s> {
    rows: BoxStream<'s, Result<QueryResult, DbErr>>,
}

impl<'s> SessionStream<'s> {
    pub(super) async fn open(
        unit: &'s Unit,
        level: LevelId,
        statement: Statement,
    ) -> Result<Self, DbErr> {
        let slot = unit.enter(level, Sql::of(&statement)).await?;
        let open = Open::new(unit);
        let rows = async_stream::stream! {
            // Both are given up when the last row was read, or when the stream is dropped.
            let mut slot = slot;
            let _open = open;
            slot.seen();
            let Some((wire, cut)) = slot.running() else {
                yield Err(Error::Ended.into());
                return;
            };
            let mut rows = wire.fetch(&statement);
            loop {
                match cut.or(rows.try_next()).await {
                    Ok(Some(row)) => yield Ok(row),
                    Ok(None) => {
                        unit.ledger().answered(None);
                        break;
                    }
                    Err(error) => {
                        drop(rows);
                        if is_stale_plan(&error) {
                            unit.outdate(&mut slot);
                        }
                        yield unit.settle(Err(error), DbErr::Query);
                        break;
                    }
                }
            }
        };
        Ok(SessionStream { rows: rows.boxed() })
    }
}

impl Stream for SessionStream<'_> {
    type Item = Result<QueryResult, DbErr>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.rows.poll_next_unpin(cx)
    }
}

/// Marks the unit as streaming for as long as it lives.
struct Open<'u>(&'u Unit);

impl<'u> Open<'u> {
    fn new(unit: &'u Unit) -> Self {
        unit.ledger().set_streaming(true);
        Open(unit)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.ledger().set_streaming(false);
    }
}
