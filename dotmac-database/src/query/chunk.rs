//! Rows of one shape, cut into INSERT statements of bounded size.

use sea_orm::sea_query::{Expr, InsertStatement, ReturningClause, Values};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, DbBackend, EntityName, EntityTrait, Iterable,
    Statement, Value,
};

pub type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;

/// Keeps a statement's text and plan from growing with the number of rows; not tuned.
const MAX_ROWS: usize = 1_000;

/// Rows that set the same columns.
pub struct Group<A: ActiveModelTrait> {
    /// Of all columns of the entity, which are set.
    shape: Vec<bool>,
    columns: Vec<Column<A>>,
    rows: Vec<Row>,
}

struct Row {
    /// Where it was among all rows.
    position: usize,
    values: Vec<Value>,
}

/// A statement, and where its rows were among all.
pub struct Chunk {
    pub positions: Vec<usize>,
    pub statement: Statement,
}

/// Puts those rows together that set the same columns.
///
/// A column that a row does not set must get its default, and only PostgreSQL has a word for that in
/// the midst of VALUES.
pub fn group<A: ActiveModelTrait>(rows: impl IntoIterator<Item = A>) -> Vec<Group<A>> {
    let mut groups: Vec<Group<A>> = Vec::new();
    for (position, mut row) in rows.into_iter().enumerate() {
        let mut shape = Vec::with_capacity(groups.first().map_or(0, |group| group.shape.len()));
        let mut values = Vec::with_capacity(shape.capacity());
        for column in Column::<A>::iter() {
            match row.take(column) {
                ActiveValue::Set(value) | ActiveValue::Unchanged(value) => {
                    shape.push(true);
                    values.push(value);
                }
                ActiveValue::NotSet => shape.push(false),
            }
        }
        let row = Row { position, values };
        match groups.iter_mut().find(|group| group.shape == shape) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group {
                columns: columns::<A>(&shape),
                shape,
                rows: vec![row],
            }),
        }
    }
    groups
}

fn columns<A: ActiveModelTrait>(shape: &[bool]) -> Vec<Column<A>> {
    let columns = Column::<A>::iter().zip(shape);
    columns
        .filter_map(|(column, set)| set.then_some(column))
        .collect()
}

impl<A: ActiveModelTrait> Group<A> {
    /// Its statements, made one by one.
    pub fn into_chunks(
        self,
        returning: Option<ReturningClause>,
        backend: DbBackend,
    ) -> impl Iterator<Item = Chunk> {
        let size = rows_per_statement(self.columns.len(), backend);
        let columns = self.columns;
        let mut rows = self.rows.into_iter();
        let mut text = None;
        std::iter::from_fn(move || {
            let mut positions = Vec::new();
            let mut values = Vec::new();
            for row in rows.by_ref().take(size) {
                positions.push(row.position);
                values.extend(row.values);
            }
            let rows = positions.len();
            let statement = match (&text, rows) {
                (_, 0) => return None,
                (Some((known, sql)), _) if *known == rows => {
                    Statement::from_sql_and_values(backend, String::clone(sql), values)
                }
                _ => {
                    let count = values.len();
                    let statement = insert::<A>(&columns, values, returning.clone(), backend);
                    // Statements of as many rows have the same text, if each value is one parameter.
                    let parameters = statement.values.as_ref().map(|Values(all)| all.len());
                    text = (parameters == Some(count)).then(|| (rows, statement.sql.clone()));
                    statement
                }
            };
            Some(Chunk {
                positions,
                statement,
            })
        })
    }
}

fn rows_per_statement(columns: usize, backend: DbBackend) -> usize {
    let parameters = match backend {
        DbBackend::Sqlite => 32_766,
        _ => usize::from(u16::MAX),
    };
    // A row of defaults only has no VALUES, and so a statement of its own.
    let rows = parameters.checked_div(columns).unwrap_or(1);
    rows.clamp(1, MAX_ROWS)
}

fn insert<A: ActiveModelTrait>(
    columns: &[Column<A>],
    values: Vec<Value>,
    returning: Option<ReturningClause>,
    backend: DbBackend,
) -> Statement {
    let mut query = InsertStatement::new();
    query.into_table(A::Entity::default().table_ref());
    query.columns(columns.iter().copied());
    if columns.is_empty() {
        query.or_default_values();
    }
    let mut values = values.into_iter().peekable();
    while !columns.is_empty() && values.peek().is_some() {
        let row = columns.iter().zip(values.by_ref());
        query.values_panic(row.map(|(column, value)| column.save_as(Expr::val(value))));
    }
    if let Some(returning) = returning {
        query.returning(returning);
    }
    backend.build(&query)
}

#[cfg(test)]
mod tests {
    use sea_orm::DbBackend;

    use super::rows_per_statement;

    // PostgreSQL's tables have 1,600 columns at most.
    #[test]
    fn wide_rows_stay_below_the_parameters_of_a_statement() {
        for (backend, parameters) in [(DbBackend::Postgres, 65_535), (DbBackend::Sqlite, 32_766)] {
            assert_eq!(rows_per_statement(8, backend), 1_000);
            for columns in 1..=1_600 {
                let rows = rows_per_statement(columns, backend);
                assert!(rows >= 1 && rows * columns <= parameters, "{columns}");
                assert!(
                    rows == 1_000 || (rows + 1) * columns > parameters,
                    "{columns}"
                );
            }
        }
        assert_eq!(rows_per_statement(0, DbBackend::Postgres), 1);
    }
}
