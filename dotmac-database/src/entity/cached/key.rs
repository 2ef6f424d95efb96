//! `RowKey`: the primary key of a row, equal for equal rows whoever wrote it.

use sea_orm::{ColumnType, Value};
use uuid::Uuid;

/// The values of a primary key, in its order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowKey(Vec<KeyPart>);

/// One value of a primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyPart {
    /// Of any width.
    Integer(i128),
    /// A UUID.
    Uuid(Uuid),
    /// A text.
    Text(String),
}

/// What a column of a primary key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A whole number.
    Integer,
    /// A UUID.
    Uuid,
    /// A text that is equal to itself only.
    Text,
    /// Anything of which PostgreSQL finds two spellings equal, or of which we do not know.
    Other,
}

impl RowKey {
    /// The key of these values; `None` where one is not of its column's kind.
    pub fn of(kinds: impl Iterator<Item = KeyKind>, values: &[Value]) -> Option<Self> {
        let mut values = values.iter();
        let parts = kinds.map(|kind| KeyPart::of(kind, values.next()?));
        let parts = parts.collect::<Option<Vec<_>>>()?;
        values.next().is_none().then_some(RowKey(parts))
    }

    /// Its values.
    pub fn parts(&self) -> &[KeyPart] {
        &self.0
    }
}

impl KeyPart {
    fn of(kind: KeyKind, value: &Value) -> Option<Self> {
        Some(match (kind, value) {
            (KeyKind::Integer, value) => KeyPart::Integer(integer(value)?),
            (KeyKind::Uuid, Value::Uuid(Some(id))) => KeyPart::Uuid(*id),
            (KeyKind::Text, Value::String(Some(text))) => KeyPart::Text(text.clone()),
            _ => return None,
        })
    }
}

impl KeyKind {
    /// What a column of this type holds.
    pub fn of(column: &ColumnType) -> Self {
        match column {
            ColumnType::TinyInteger
            | ColumnType::SmallInteger
            | ColumnType::Integer
            | ColumnType::BigInteger
            | ColumnType::TinyUnsigned
            | ColumnType::SmallUnsigned
            | ColumnType::Unsigned
            | ColumnType::BigUnsigned => KeyKind::Integer,
            ColumnType::Uuid => KeyKind::Uuid,
            ColumnType::String(_) | ColumnType::Text => KeyKind::Text,
            _ => KeyKind::Other,
        }
    }
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::TinyInt(number) => number.map(i128::from),
        Value::SmallInt(number) => number.map(i128::from),
        Value::Int(number) => number.map(i128::from),
        Value::BigInt(number) => number.map(i128::from),
        Value::TinyUnsigned(number) => number.map(i128::from),
        Value::SmallUnsigned(number) => number.map(i128::from),
        Value::Unsigned(number) => number.map(i128::from),
        Value::BigUnsigned(number) => number.map(i128::from),
        _ => None,
    }
}
