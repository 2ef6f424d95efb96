//! JSON as a value of a column's type.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sea_orm::prelude::Decimal;
use sea_orm::sea_query::{ArrayType, DynIden, Enum, EnumTypeName, Nullable, OptionEnum};
use sea_orm::{ColumnTrait, ColumnType, EntityTrait, ModelTrait, Value};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use uuid::Uuid;

/// The type of a column, as SeaORM tells it.
///
/// It gives one type to a column and to an array of such, so that only setting the value tells which
/// it is.
pub struct Type {
    item: ArrayType,
    column: ColumnType,
}

impl Type {
    pub fn of<E: EntityTrait>(column: E::Column) -> Self {
        Type {
            item: <E::Model as ModelTrait>::get_value_type(column),
            column: column.def().get_column_type().clone(),
        }
    }

    /// What the JSON can be in the column, the likeliest first.
    pub fn candidates(&self, json: &Json) -> impl Iterator<Item = Value> {
        let null = json.is_null() && self.item == ArrayType::Json;
        let null = null.then(|| Value::Json(Some(Box::new(Json::Null))));
        let scalar = self.scalar(json).into_iter();
        scalar.chain(self.array(json)).chain(null)
    }

    /// What a client is told to send.
    pub fn expected(&self) -> String {
        let one = match self.variants() {
            Some(_) => "a value of the enumeration",
            None => name(&self.item),
        };
        match self.column {
            ColumnType::Array(_) => format!("an array, each item {one}"),
            _ => one.to_owned(),
        }
    }

    fn scalar(&self, json: &Json) -> Option<Value> {
        match &self.item {
            ArrayType::Bool => parse::<bool>(json),
            ArrayType::TinyInt => parse::<i8>(json),
            ArrayType::SmallInt => parse::<i16>(json),
            ArrayType::Int => parse::<i32>(json),
            ArrayType::BigInt => parse::<i64>(json),
            ArrayType::TinyUnsigned => parse::<u8>(json),
            ArrayType::SmallUnsigned => parse::<u16>(json),
            ArrayType::Unsigned => parse::<u32>(json),
            ArrayType::BigUnsigned => parse::<u64>(json),
            ArrayType::Float => parse::<f32>(json).filter(is_finite),
            ArrayType::Double => parse::<f64>(json),
            ArrayType::String => parse::<String>(json).filter(|_| self.takes_text(json)),
            ArrayType::Char => parse::<char>(json).filter(|_| !has_nul(json)),
            ArrayType::Enum(name) => self.enumeration(json, name),
            ArrayType::Bytes => bytes(json),
            ArrayType::Json if json.is_null() => Some(Value::Json(None)),
            ArrayType::Json => (!has_nul(json)).then(|| Value::Json(Some(Box::new(json.clone())))),
            ArrayType::ChronoDate => parse::<NaiveDate>(json),
            ArrayType::ChronoTime => parse::<NaiveTime>(json),
            ArrayType::ChronoDateTime => parse::<NaiveDateTime>(json),
            ArrayType::ChronoDateTimeUtc => parse::<DateTime<Utc>>(json),
            ArrayType::ChronoDateTimeLocal => parse::<DateTime<Local>>(json),
            ArrayType::ChronoDateTimeWithTimeZone => parse::<DateTime<FixedOffset>>(json),
            ArrayType::Uuid => parse::<Uuid>(json),
            ArrayType::Decimal => parse::<Decimal>(json),
            _ => None,
        }
    }

    fn array(&self, json: &Json) -> Option<Value> {
        let items = match json {
            Json::Null => return Some(Value::Array(self.item.clone(), None)),
            Json::Array(items) => items,
            _ => return None,
        };
        let items: Option<Vec<_>> = items.iter().map(|item| self.scalar(item)).collect();
        Some(Value::Array(self.item.clone(), Some(Box::new(items?))))
    }

    fn enumeration(&self, json: &Json, name: &EnumTypeName) -> Option<Value> {
        let value = match json {
            Json::Null => OptionEnum::None(name.clone()),
            Json::String(value) if self.takes_text(json) => OptionEnum::Some(Box::new(Enum {
                type_name: name.clone(),
                value: Cow::Owned(value.clone()),
            })),
            _ => return None,
        };
        Some(Value::Enum(value))
    }

    /// Whether the text can be stored, and is a variant where the column is of an enum type.
    fn takes_text(&self, json: &Json) -> bool {
        match self.variants() {
            Some(variants) => {
                json.is_null() || variants.iter().any(|it| json == it.inner().as_ref())
            }
            None => !has_nul(json),
        }
    }

    fn variants(&self) -> Option<&[DynIden]> {
        let item = match &self.column {
            ColumnType::Array(item) => item,
            column => column,
        };
        match item {
            ColumnType::Enum { variants, .. } => Some(variants),
            _ => None,
        }
    }
}

fn parse<T: DeserializeOwned + Nullable + Into<Value>>(json: &Json) -> Option<Value> {
    match json {
        Json::Null => Some(T::null()),
        json => T::deserialize(json).ok().map(Into::into),
    }
}

// serde makes a number infinite that is too large for 32 bits.
fn is_finite(value: &Value) -> bool {
    !matches!(value, Value::Float(Some(float)) if !float.is_finite())
}

fn bytes(json: &Json) -> Option<Value> {
    match json {
        Json::Null => Some(Value::Bytes(None)),
        json => Some(STANDARD.decode(json.as_str()?).ok()?.into()),
    }
}

/// PostgreSQL stores no NUL, neither in a text nor in JSON.
fn has_nul(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('\0'),
        Json::Array(items) => items.iter().any(has_nul),
        Json::Object(fields) => fields
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn name(ty: &ArrayType) -> &'static str {
    match ty {
        ArrayType::Bool => "true or false",
        ArrayType::TinyInt => "a whole number of 8 bits",
        ArrayType::SmallInt => "a whole number of 16 bits",
        ArrayType::Int => "a whole number of 32 bits",
        ArrayType::BigInt => "a whole number of 64 bits",
        ArrayType::TinyUnsigned => "a whole number of 8 bits, not negative",
        ArrayType::SmallUnsigned => "a whole number of 16 bits, not negative",
        ArrayType::Unsigned => "a whole number of 32 bits, not negative",
        ArrayType::BigUnsigned => "a whole number of 64 bits, not negative",
        ArrayType::Float | ArrayType::Double => "a number",
        ArrayType::String => "a text that the column takes, without NUL",
        ArrayType::Char => "one character",
        ArrayType::Bytes => "bytes in base64",
        ArrayType::Json => "JSON that the column takes, without NUL",
        ArrayType::ChronoDate => "a date (2000-12-31)",
        ArrayType::ChronoTime => "a time of day (23:59:59)",
        ArrayType::ChronoDateTime => "a time without offset (2000-12-31T23:59:59)",
        ArrayType::ChronoDateTimeUtc
        | ArrayType::ChronoDateTimeLocal
        | ArrayType::ChronoDateTimeWithTimeZone => "a time with offset (RFC 3339)",
        ArrayType::Uuid => "a UUID",
        ArrayType::Decimal => "a decimal number",
        _ => "of a type that JSON cannot set: protect the column",
    }
}
