//! A total order of an entity's rows, and the condition that finds the rows after a given one.

use sea_orm::sea_query::{
    Condition, Expr, ExprTrait, IntoCondition, NullOrdering, SelectStatement,
};
use sea_orm::{ColumnTrait, EntityTrait, Iterable, ModelTrait, Order, PrimaryKeyToColumn, Value};

/// A column of the order.
pub struct KeyColumn<E: EntityTrait> {
    pub column: E::Column,
    pub descending: bool,
    /// On which end NULLs stand.
    pub nulls: NullOrdering,
    nullable: bool,
}

// Not derived: that would ask for `E: Clone`.
impl<E: EntityTrait> Clone for KeyColumn<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: EntityTrait> Copy for KeyColumn<E> {}

impl<E: EntityTrait> KeyColumn<E> {
    /// Without `nulls` they are greater than all values, as in PostgreSQL's indexes.
    pub fn new(column: E::Column, descending: bool, nulls: Option<NullOrdering>) -> Self {
        let greatest = match descending {
            true => NullOrdering::First,
            false => NullOrdering::Last,
        };
        KeyColumn {
            column,
            descending,
            nulls: nulls.unwrap_or(greatest),
            nullable: column.def().is_null(),
        }
    }

    fn reversed(self) -> Self {
        KeyColumn {
            descending: !self.descending,
            nulls: match self.nulls {
                NullOrdering::First => NullOrdering::Last,
                NullOrdering::Last => NullOrdering::First,
            },
            ..self
        }
    }

    fn value(&self, value: &Value) -> Expr {
        self.column.save_as(Expr::val(value.clone()))
    }

    fn equals(&self, value: Option<&Value>) -> Expr {
        match value {
            Some(value) => self.column.into_expr().eq(self.value(value)),
            None => self.column.into_expr().is_null(),
        }
    }

    /// Nothing where no value of the column can follow.
    fn follows(&self, value: Option<&Value>) -> Option<Condition> {
        let column = || self.column.into_expr();
        match (value, self.nulls) {
            (None, NullOrdering::First) => Some(column().is_not_null().into_condition()),
            (None, NullOrdering::Last) => None,
            (Some(value), nulls) => {
                let beyond = match self.descending {
                    true => column().lt(self.value(value)),
                    false => column().gt(self.value(value)),
                };
                let null = self.nullable && nulls == NullOrdering::Last;
                Some(
                    Condition::any()
                        .add(beyond)
                        .add_option(null.then(|| column().is_null())),
                )
            }
        }
    }

    /// What an index can begin at; nothing where both values and NULLs follow.
    fn begins(&self, value: Option<&Value>) -> Option<Expr> {
        let column = || self.column.into_expr();
        match (value, self.nulls) {
            (None, NullOrdering::First) => None,
            (None, NullOrdering::Last) => Some(column().is_null()),
            (Some(_), NullOrdering::Last) if self.nullable => None,
            (Some(value), _) if self.descending => Some(column().lte(self.value(value))),
            (Some(value), _) => Some(column().gte(self.value(value))),
        }
    }
}

/// A total order: it ends with the primary key.
pub struct Keyset<E: EntityTrait>(Vec<KeyColumn<E>>);

impl<E: EntityTrait> Keyset<E> {
    /// The order by `columns`, completed by what they lack of the primary key, in the direction of the
    /// last of them: then one comparison of rows serves.
    pub fn new(columns: &[KeyColumn<E>]) -> Self {
        let descending = columns.last().is_some_and(|last| last.descending);
        let mut order = columns.to_vec();
        for key in E::PrimaryKey::iter() {
            let column = key.into_column();
            if !order.iter().any(|known| is_same::<E>(known.column, column)) {
                order.push(KeyColumn::new(column, descending, None));
            }
        }
        Keyset(order)
    }

    pub fn columns(&self) -> &[KeyColumn<E>] {
        &self.0
    }

    /// The opposite order.
    pub fn reversed(&self) -> Self {
        Keyset(self.0.iter().map(|column| column.reversed()).collect())
    }

    /// The place of a row: the values of the order's columns.
    pub fn place_of(&self, row: &E::Model) -> Vec<Option<Value>> {
        let value = |key: &KeyColumn<E>| {
            let value = row.get(key.column);
            (value != value.as_null()).then_some(value)
        };
        self.0.iter().map(value).collect()
    }

    /// Puts the rows in order.
    pub fn order(&self, query: &mut SelectStatement) {
        for key in &self.0 {
            let order = match key.descending {
                true => Order::Desc,
                false => Order::Asc,
            };
            match key.nullable {
                true => query.order_by_expr_with_nulls(key.column.into_expr(), order, key.nulls),
                false => query.order_by_expr(key.column.into_expr(), order),
            };
        }
    }

    /// The rows that come after `place`.
    pub fn after(&self, place: &[Option<Value>]) -> Condition {
        let (rows, values) = self.comparable(place);
        if rows.len() == self.0.len() {
            return strictly(&rows, values).into_condition();
        }
        let begins = match rows.len() {
            // The first column alone is not comparable, but may still have a bound.
            0 | 1 => self.first_begins(place),
            _ => Some(at_least(&rows, values)),
        };
        Condition::all()
            .add_option(begins)
            .add(self.expanded(place))
    }

    /// The columns at the start that one comparison of rows can serve.
    fn comparable(&self, place: &[Option<Value>]) -> (Vec<&KeyColumn<E>>, Vec<Expr>) {
        let descending = self.0.first().is_some_and(|first| first.descending);
        let pairs = self.0.iter().zip(place);
        pairs
            .take_while(|(key, _)| !key.nullable && key.descending == descending)
            .map_while(|(key, value)| value.as_ref().map(|value| (key, key.value(value))))
            .unzip()
    }

    fn first_begins(&self, place: &[Option<Value>]) -> Option<Expr> {
        let (key, value) = self.0.first().zip(place.first())?;
        key.begins(value.as_ref())
    }

    /// One alternative for each column: those before it are equal, and it follows.
    fn expanded(&self, place: &[Option<Value>]) -> Condition {
        let mut any = Condition::any();
        let mut equal = Condition::all();
        for (key, value) in self.0.iter().zip(place) {
            if let Some(follows) = key.follows(value.as_ref()) {
                any = any.add(equal.clone().add(follows));
            }
            equal = equal.add(key.equals(value.as_ref()));
        }
        match any.is_empty() {
            // An empty condition would be true.
            true => Expr::val(false).into_condition(),
            false => any,
        }
    }
}

fn is_same<E: EntityTrait>(left: E::Column, right: E::Column) -> bool {
    sea_orm::IdenStatic::as_str(&left) == sea_orm::IdenStatic::as_str(&right)
}

fn row<E: EntityTrait>(keys: &[&KeyColumn<E>]) -> Expr {
    match keys {
        [key] => key.column.into_expr(),
        keys => Expr::tuple(keys.iter().map(|key| key.column.into_expr())),
    }
}

fn tuple(mut values: Vec<Expr>) -> Expr {
    match values.len() {
        1 => values.remove(0),
        _ => Expr::tuple(values),
    }
}

fn strictly<E: EntityTrait>(keys: &[&KeyColumn<E>], values: Vec<Expr>) -> Expr {
    match keys.first() {
        Some(first) if first.descending => row(keys).lt(tuple(values)),
        _ => row(keys).gt(tuple(values)),
    }
}

fn at_least<E: EntityTrait>(keys: &[&KeyColumn<E>], values: Vec<Expr>) -> Expr {
    match keys.first() {
        Some(first) if first.descending => row(keys).lte(tuple(values)),
        _ => row(keys).gte(tuple(values)),
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::sea_query::{PostgresQueryBuilder, Query};

    use super::*;
    use ticket::{Column, Entity};

    mod ticket {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
        #[sea_orm(table_name = "t")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            pub a: i32,
            pub b: Option<i32>,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    }

    /// The condition on the rows after a place, without the table's name.
    fn after(columns: &[KeyColumn<Entity>], place: &[Option<i32>]) -> String {
        let place: Vec<_> = place.iter().map(|value| value.map(Value::from)).collect();
        let mut query = Query::select();
        query.cond_where(Keyset::new(columns).after(&place));
        let sql = query.to_string(PostgresQueryBuilder).replace("\"t\".", "");
        sql.trim_start_matches("SELECT  WHERE ").replace('"', "")
    }

    fn by(column: Column, descending: bool) -> KeyColumn<Entity> {
        KeyColumn::new(column, descending, None)
    }

    #[test]
    fn one_direction_is_one_comparison_of_rows() {
        let up = after(&[by(Column::A, false)], &[Some(1), Some(2)]);
        assert_eq!(up, "(a, id) > (1, 2)");
        let down = after(&[by(Column::A, true)], &[Some(1), Some(2)]);
        assert_eq!(down, "(a, id) < (1, 2)");
        assert_eq!(after(&[], &[Some(2)]), "id > 2");
    }

    #[test]
    fn mixed_directions_have_a_bound_to_begin_at() {
        let mixed = [by(Column::A, true), by(Column::Id, false)];
        let mixed = after(&mixed, &[Some(1), Some(2)]);
        assert_eq!(mixed, "a <= 1 AND (a < 1 OR (a = 1 AND id > 2))");
    }

    #[test]
    fn nulls_come_after_values_or_before_them() {
        let last = || [by(Column::B, false)];
        assert_eq!(
            after(&last(), &[Some(1), Some(2)]),
            "b > 1 OR b IS NULL OR (b = 1 AND id > 2)"
        );
        assert_eq!(
            after(&last(), &[None, Some(2)]),
            "b IS NULL AND (b IS NULL AND id > 2)"
        );
        let first = || [by(Column::B, true)];
        assert_eq!(
            after(&first(), &[Some(1), Some(2)]),
            "b <= 1 AND (b < 1 OR (b = 1 AND id < 2))"
        );
        assert_eq!(
            after(&first(), &[None, Some(2)]),
            "b IS NOT NULL OR (b IS NULL AND id < 2)"
        );
    }
}
