//! Bulk insert: any number of rows, stamped like single ones, all or nothing.

use sea_orm::sea_query::Query;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult,
    IdenStatic, Iterable, PrimaryKeyToColumn, PrimaryKeyTrait, QueryResult,
};

use super::chunk::{Column, Group, group};
use crate::entity::{Featured, stamp};
use crate::error::Result;
use crate::session::Session;

type Model<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;
type PrimaryKey<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::PrimaryKey;
type Key<A> = <PrimaryKey<A> as PrimaryKeyTrait>::ValueType;

/// Gives every entity under `#[dotmac_database::model]` an insert of many rows.
pub trait InsertBulk: Featured {
    /// Inserts these rows, however many they are.
    fn insert_bulk<I>(rows: I) -> BulkInsert<Self::ActiveModel>
    where
        I: IntoIterator<Item = Self::ActiveModel>,
    {
        BulkInsert {
            rows: rows.into_iter().collect(),
        }
    }
}

impl<E: Featured> InsertBulk for E {}

/// An insert of many rows, all or nothing.
///
/// The rows are stamped as by `insert`: the tenant is checked and set, keys are made, audit columns
/// filled. One row of another tenant refuses all, before any SQL. Then they go out in statements of
/// bounded size, inside a savepoint of the session: where one fails, none of the rows stays, and the
/// session goes on.
///
/// # Differences from SeaORM
/// `insert_many` writes NULL into a column that this row leaves out and another one sets; here it
/// gets its default: rows that set the same columns travel together, and so a key that the database
/// counts may count by these groups. `insert_many` fails beyond the parameters of a statement. As
/// with it, the user's own hooks (`before_save`, `after_save`) do not run.
#[derive(Debug, Clone)]
#[must_use = "a statement does nothing unless it is executed"]
pub struct BulkInsert<A> {
    rows: Vec<A>,
}

impl<A> BulkInsert<A>
where
    A: ActiveModelTrait,
    A::Entity: Featured,
{
    /// Inserts the rows; returns how many the database says were inserted.
    ///
    /// # Errors
    /// [`Error::MissingTenant`](crate::Error::MissingTenant) and
    /// [`Error::ForeignTenant`](crate::Error::ForeignTenant) before any SQL;
    /// [`Error::Busy`](crate::Error::Busy) while a nested session is open; the database's.
    ///
    /// # Cancel safety
    /// Dropping the future undoes all rows, as with a nested session.
    pub async fn exec(self, db: &Session) -> Result<u64> {
        let groups = self.stamped(db)?;
        let nested = db.nested()?;
        let mut inserted = 0;
        for group in groups {
            for chunk in group.into_chunks(None, nested.backend()) {
                inserted += nested.execute_raw(chunk.statement).await?.rows_affected();
            }
        }
        nested.commit().await?;
        Ok(inserted)
    }

    /// Inserts the rows; returns them as they are then, in the order in which they were given.
    ///
    /// # Errors
    /// As [`exec`](Self::exec), and [`DbErr::RecordNotInserted`] where a trigger dropped a row.
    ///
    /// # Cancel safety
    /// As [`exec`](Self::exec).
    pub async fn exec_with_returning(self, db: &Session) -> Result<Vec<Model<A>>> {
        let columns: Vec<_> = Column::<A>::iter().collect();
        let decode = |row: &QueryResult| Model::<A>::from_query_result(row, "");
        self.returning(&columns, decode, db).await
    }

    /// Inserts the rows; returns their keys, in the order in which they were given.
    ///
    /// # Errors
    /// As [`exec_with_returning`](Self::exec_with_returning).
    ///
    /// # Cancel safety
    /// As [`exec`](Self::exec).
    pub async fn exec_with_returning_keys(self, db: &Session) -> Result<Vec<Key<A>>> {
        let columns: Vec<_> = PrimaryKey::<A>::iter()
            .map(|key| key.into_column())
            .collect();
        let names: Vec<_> = columns.iter().map(|key| key.as_str().to_owned()).collect();
        let decode = |row: &QueryResult| row.try_get_many("", &names);
        self.returning(&columns, decode, db).await
    }

    async fn returning<T>(
        self,
        columns: &[Column<A>],
        decode: impl Fn(&QueryResult) -> Result<T, DbErr>,
        db: &Session,
    ) -> Result<Vec<T>> {
        let groups = self.stamped(db)?;
        let nested = db.nested()?;
        let backend = nested.backend();
        let exprs = columns
            .iter()
            .map(|column| column.select_as(column.into_returning_expr(backend)));
        let returning = Query::returning().exprs(exprs);
        let mut answers = Vec::new();
        for group in groups {
            for chunk in group.into_chunks(Some(returning.clone()), backend) {
                let rows = nested.query_all_raw(chunk.statement).await?;
                // A row that a trigger dropped would give its place to another one.
                if rows.len() != chunk.positions.len() {
                    return Err(DbErr::RecordNotInserted.into());
                }
                for (position, row) in chunk.positions.into_iter().zip(&rows) {
                    answers.push((position, decode(row)?));
                }
            }
        }
        nested.commit().await?;
        answers.sort_unstable_by_key(|(position, _)| *position);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    fn stamped(self, db: &Session) -> Result<Vec<Group<A>>> {
        let stamped = self.rows.into_iter();
        let stamped = stamped.map(|row| stamp::before_save(row, db, true));
        let rows = stamped.collect::<Result<Vec<A>, DbErr>>()?;
        Ok(group(rows))
    }
}
