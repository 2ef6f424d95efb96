//! Pages of a select by keyset, with cursors for the next and the previous one.

use sea_orm::sea_query::{NullOrdering, SelectStatement};
use sea_orm::{
    ConnectionTrait, EntityName, EntityTrait, FromQueryResult, IdenStatic, ModelTrait, Select,
};
use serde::Serialize;

use super::cursor::{Binding, CursorKey};
use super::keyset::{KeyColumn, Keyset};
use super::scalar::{Scalar, is_scalar};
use super::select::{TWICE, invalid, unordered};
use crate::context::RequestContext;
use crate::error::{Error, Result};

/// A page of rows. It serializes as it is, for an answer to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page<M> {
    /// The rows, in the order of the query, whichever way the page was reached.
    pub rows: Vec<M>,
    /// The cursor of the first row, for the page before it; none where there are no rows.
    pub start: Option<String>,
    /// The cursor of the last row, for the page after it; none where there are no rows.
    pub end: Option<String>,
    /// Whether rows follow. On the way back it is `true` without a look: the page came from there.
    pub has_next: bool,
    /// Whether rows come before. On the way forward it is `true` but for the first page, without a
    /// look.
    pub has_previous: bool,
}

impl<M> Page<M> {
    /// The same page with other rows, one for each: what a client may see of them.
    pub fn map<T>(self, row: impl FnMut(M) -> T) -> Page<T> {
        Page {
            rows: self.rows.into_iter().map(row).collect(),
            start: self.start,
            end: self.end,
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}

/// A select that is read by pages; see [`SelectInParts::pages`](super::SelectInParts::pages).
///
/// The columns are of the entity, in any directions; the primary key completes them in the direction
/// of the last one, so that no row is skipped or comes twice, whatever is inserted or deleted between
/// two pages. A page is one query, and costs the same at the end of the table as at its beginning,
/// where an index on the tenant, the columns and the key exists; of mixed directions the index is used
/// up to the first change, and not at all for a nullable first column with NULLs last, unless the
/// page is among the NULLs.
///
/// # Guarantees
/// A cursor is refused ([`Error::InvalidCursor`]) by any other tenant, entity, order, filter and key.
/// So a filter must not change from page to page: give it the time of the first page, not "now".
///
/// # What is not guaranteed
/// A cursor is authenticated and not encrypted: whoever holds it can read the values that the columns
/// of the order have in one row, which its session was allowed to read. The order itself tells as
/// much, so order by nothing that a client must not learn, and keep cursors out of logs as you do with
/// rows.
///
/// On SQLite times are texts, compared as texts: rows that other programs wrote, in another form of
/// text than SeaORM's, may be skipped where the order is by such a time.
///
/// # Differences from SeaORM
/// `cursor_by` takes values and trusts them, compares all columns in one direction, loses rows with
/// NULL, and knows nothing of tenants.
#[must_use = "a query does nothing unless it is executed"]
pub struct Pages<E: EntityTrait> {
    select: Select<E>,
    key: CursorKey,
    order: Vec<KeyColumn<E>>,
    size: u32,
    after: Option<String>,
    before: Option<String>,
    last: bool,
}

/// Where a page begins, and in which direction it is read.
enum Place {
    First,
    After(String),
    Before(String),
    Last,
}

impl<E: EntityTrait> Pages<E> {
    /// The largest page, in rows.
    pub const MAX_SIZE: u32 = 1_000;

    pub(super) fn new(select: Select<E>, key: &CursorKey) -> Self {
        Pages {
            select,
            key: key.clone(),
            order: Vec::new(),
            size: 50,
            after: None,
            before: None,
            last: false,
        }
    }

    /// Then by this column, ascending, NULLs last.
    pub fn asc(self, column: E::Column) -> Self {
        self.by(KeyColumn::new(column, false, None))
    }

    /// Then by this column, descending, NULLs first.
    pub fn desc(self, column: E::Column) -> Self {
        self.by(KeyColumn::new(column, true, None))
    }

    /// Then by this column, ascending, NULLs where they are wanted.
    pub fn asc_with_nulls(self, column: E::Column, nulls: NullOrdering) -> Self {
        self.by(KeyColumn::new(column, false, Some(nulls)))
    }

    /// Then by this column, descending, NULLs where they are wanted.
    pub fn desc_with_nulls(self, column: E::Column, nulls: NullOrdering) -> Self {
        self.by(KeyColumn::new(column, true, Some(nulls)))
    }

    fn by(mut self, column: KeyColumn<E>) -> Self {
        self.order.push(column);
        self
    }

    /// How many rows a page has: 50 by default, and from 1 to [`MAX_SIZE`](Self::MAX_SIZE) whatever is
    /// asked for.
    pub fn size(mut self, rows: u32) -> Self {
        self.size = rows.clamp(1, Self::MAX_SIZE);
        self
    }

    /// The page after this cursor, if there is one: as it came in the request.
    pub fn after(mut self, cursor: Option<&str>) -> Self {
        self.after = cursor.map(str::to_owned);
        self
    }

    /// The page before this cursor, if there is one.
    pub fn before(mut self, cursor: Option<&str>) -> Self {
        self.before = cursor.map(str::to_owned);
        self
    }

    /// The last page.
    pub fn last(mut self) -> Self {
        self.last = true;
        self
    }

    /// Reads the page.
    ///
    /// # Errors
    /// Before any SQL: [`Error::InvalidCursor`], also where a request names more than one place;
    /// [`Error::InvalidSelect`] for a select with an order or a limit of its own, or a column whose
    /// type has no order that a cursor can carry. [`Error::InvalidSelect`] where a row comes twice. The
    /// database's.
    ///
    /// # Cancel safety
    /// As a statement of the session.
    pub async fn page<C: ConnectionTrait>(self, db: &C) -> Result<Page<E::Model>> {
        let place = place(self.after, self.before, self.last)?;
        let query = unordered(self.select)?;
        let keyset = Keyset::new(&self.order);
        if keyset
            .columns()
            .iter()
            .any(|key| !is_scalar::<E>(key.column))
        {
            return Err(invalid::<E>(
                "a column of the order has a type that a cursor cannot carry",
            ));
        }
        let context = RequestContext::of_connection(db);
        let tenant = context.as_ref().and_then(|context| context.tenant_id());
        let statement = db.get_database_backend().build(&query);
        let binding = Binding::new(tenant, &describe(&keyset), &statement);
        let open = |cursor: &str| self.key.open(&binding, cursor);
        let (from, backward) = match &place {
            Place::First => (None, false),
            Place::After(cursor) => (Some(open(cursor)?), false),
            Place::Before(cursor) => (Some(open(cursor)?), true),
            Place::Last => (None, true),
        };
        let reversed = keyset.reversed();
        let read = if backward { &reversed } else { &keyset };
        let (mut rows, more) = fetch(query, read, from.as_deref(), self.size, db).await?;
        if backward {
            rows.reverse();
        }
        let seal = |row: &E::Model| self.key.seal(&binding, &scalars(&keyset, row)?);
        Ok(Page {
            start: rows.first().map(seal).transpose()?,
            end: rows.last().map(seal).transpose()?,
            has_next: if backward { from.is_some() } else { more },
            has_previous: if backward { more } else { from.is_some() },
            rows,
        })
    }
}

fn place(after: Option<String>, before: Option<String>, last: bool) -> Result<Place> {
    match (after, before, last) {
        (None, None, false) => Ok(Place::First),
        (Some(cursor), None, false) => Ok(Place::After(cursor)),
        (None, Some(cursor), false) => Ok(Place::Before(cursor)),
        (None, None, true) => Ok(Place::Last),
        _ => Err(Error::InvalidCursor),
    }
}

/// The rows from a place on, and whether there are more.
async fn fetch<E: EntityTrait, C: ConnectionTrait>(
    mut query: SelectStatement,
    keyset: &Keyset<E>,
    from: Option<&[Option<sea_orm::Value>]>,
    size: u32,
    db: &C,
) -> Result<(Vec<E::Model>, bool)> {
    if let Some(from) = from {
        query.cond_where(keyset.after(from));
    }
    keyset.order(&mut query);
    query.limit(u64::from(size) + 1);
    let mut rows = Vec::new();
    let mut last = None;
    for row in db.query_all(&query).await? {
        let row = E::Model::from_query_result(&row, "")?;
        let place = Some(keyset.place_of(&row));
        if last == place {
            return Err(invalid::<E>(TWICE));
        }
        last = place;
        rows.push(row);
    }
    let more = rows.len() > size as usize;
    rows.truncate(size as usize);
    Ok((rows, more))
}

/// The entity and its order, for the cursor.
fn describe<E: EntityTrait>(keyset: &Keyset<E>) -> Vec<String> {
    let entity = E::default();
    let mut parts = vec![
        EntityName::schema_name(&entity)
            .unwrap_or_default()
            .to_owned(),
        EntityName::table_name(&entity).to_owned(),
    ];
    parts.extend(keyset.columns().iter().map(|key| {
        format!(
            "{} {} {:?} {:?}",
            key.column.as_str(),
            key.descending,
            key.nulls,
            E::Model::get_value_type(key.column),
        )
    }));
    parts
}

fn scalars<E: EntityTrait>(keyset: &Keyset<E>, row: &E::Model) -> Result<Vec<Option<Scalar>>> {
    let scalar = |value: Option<sea_orm::Value>| match value {
        Some(value) => match Scalar::from_value(&value) {
            Some(scalar) => Ok(Some(scalar)),
            None => Err(invalid::<E>(
                "a column of the order has a value of an unexpected type",
            )),
        },
        None => Ok(None),
    };
    keyset.place_of(row).into_iter().map(scalar).collect()
}
