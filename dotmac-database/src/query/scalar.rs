//! The values that an order can have, in a form that comes back exactly.

use chrono::{DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sea_orm::prelude::{Decimal, Uuid};
use sea_orm::sea_query::{ArrayType, Enum, OptionEnum};
use sea_orm::{EntityTrait, ModelTrait, Value};
use serde::{Deserialize, Serialize};

/// A value of a column. Floats travel as bits and times as numbers, because texts of them round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Scalar {
    Bool(bool),
    TinyInt(i8),
    SmallInt(i16),
    Int(i32),
    BigInt(i64),
    TinyUnsigned(u8),
    SmallUnsigned(u16),
    Unsigned(u32),
    BigUnsigned(u64),
    Float(u32),
    Double(u64),
    String(String),
    Char(char),
    Enum(String, String),
    Bytes(Vec<u8>),
    Uuid(Uuid),
    Decimal(String),
    Date(i32),
    Time(u32, u32),
    DateTime(i64, u32),
    DateTimeUtc(i64, u32),
    DateTimeLocal(i64, u32),
    /// With the offset from UTC in seconds.
    DateTimeWithTimeZone(i64, u32, i32),
}

/// Whether values of the column can travel.
pub fn is_scalar<E: EntityTrait>(column: E::Column) -> bool {
    matches!(
        E::Model::get_value_type(column),
        ArrayType::Bool
            | ArrayType::TinyInt
            | ArrayType::SmallInt
            | ArrayType::Int
            | ArrayType::BigInt
            | ArrayType::TinyUnsigned
            | ArrayType::SmallUnsigned
            | ArrayType::Unsigned
            | ArrayType::BigUnsigned
            | ArrayType::Float
            | ArrayType::Double
            | ArrayType::String
            | ArrayType::Char
            | ArrayType::Enum(_)
            | ArrayType::Bytes
            | ArrayType::Uuid
            | ArrayType::Decimal
            | ArrayType::ChronoDate
            | ArrayType::ChronoTime
            | ArrayType::ChronoDateTime
            | ArrayType::ChronoDateTimeUtc
            | ArrayType::ChronoDateTimeLocal
            | ArrayType::ChronoDateTimeWithTimeZone
    )
}

impl Scalar {
    /// Nothing where the value is NULL or of another type.
    pub fn from_value(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(value) => Scalar::Bool((*value)?),
            Value::TinyInt(value) => Scalar::TinyInt((*value)?),
            Value::SmallInt(value) => Scalar::SmallInt((*value)?),
            Value::Int(value) => Scalar::Int((*value)?),
            Value::BigInt(value) => Scalar::BigInt((*value)?),
            Value::TinyUnsigned(value) => Scalar::TinyUnsigned((*value)?),
            Value::SmallUnsigned(value) => Scalar::SmallUnsigned((*value)?),
            Value::Unsigned(value) => Scalar::Unsigned((*value)?),
            Value::BigUnsigned(value) => Scalar::BigUnsigned((*value)?),
            Value::Float(value) => Scalar::Float((*value)?.to_bits()),
            Value::Double(value) => Scalar::Double((*value)?.to_bits()),
            Value::String(value) => Scalar::String(value.clone()?),
            Value::Char(value) => Scalar::Char((*value)?),
            Value::Enum(OptionEnum::Some(value)) => {
                Scalar::Enum(value.type_name.to_string(), value.value.to_string())
            }
            Value::Bytes(value) => Scalar::Bytes(value.clone()?),
            Value::Uuid(value) => Scalar::Uuid((*value)?),
            Value::Decimal(value) => Scalar::Decimal((*value)?.to_string()),
            Value::ChronoDate(value) => Scalar::Date(days((*value)?)),
            Value::ChronoTime(value) => {
                let (seconds, nanos) = time((*value)?);
                Scalar::Time(seconds, nanos)
            }
            Value::ChronoDateTime(value) => {
                let (seconds, nanos) = instant((*value)?.and_utc());
                Scalar::DateTime(seconds, nanos)
            }
            Value::ChronoDateTimeUtc(value) => {
                let (seconds, nanos) = instant((*value)?);
                Scalar::DateTimeUtc(seconds, nanos)
            }
            Value::ChronoDateTimeLocal(value) => {
                let (seconds, nanos) = instant((*value)?.to_utc());
                Scalar::DateTimeLocal(seconds, nanos)
            }
            Value::ChronoDateTimeWithTimeZone(value) => {
                let (seconds, nanos) = instant((*value)?.to_utc());
                let offset = (*value)?.offset().local_minus_utc();
                Scalar::DateTimeWithTimeZone(seconds, nanos, offset)
            }
            _ => return None,
        })
    }

    /// Nothing where it is no value that `from_value` can have made.
    pub fn into_value(self) -> Option<Value> {
        Some(match self {
            Scalar::Bool(value) => value.into(),
            Scalar::TinyInt(value) => value.into(),
            Scalar::SmallInt(value) => value.into(),
            Scalar::Int(value) => value.into(),
            Scalar::BigInt(value) => value.into(),
            Scalar::TinyUnsigned(value) => value.into(),
            Scalar::SmallUnsigned(value) => value.into(),
            Scalar::Unsigned(value) => value.into(),
            Scalar::BigUnsigned(value) => value.into(),
            Scalar::Float(bits) => f32::from_bits(bits).into(),
            Scalar::Double(bits) => f64::from_bits(bits).into(),
            Scalar::String(value) => value.into(),
            Scalar::Char(value) => value.into(),
            Scalar::Enum(type_name, value) => Value::Enum(OptionEnum::Some(Box::new(Enum {
                type_name: type_name.into(),
                value: value.into(),
            }))),
            Scalar::Bytes(value) => value.into(),
            Scalar::Uuid(value) => value.into(),
            Scalar::Decimal(text) => Decimal::from_str_exact(&text).ok()?.into(),
            Scalar::Date(days) => NaiveDate::from_num_days_from_ce_opt(days)?.into(),
            Scalar::Time(seconds, nanos) => {
                NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)?.into()
            }
            Scalar::DateTime(seconds, nanos) => naive(seconds, nanos)?.into(),
            Scalar::DateTimeUtc(seconds, nanos) => DateTime::from_timestamp(seconds, nanos)?.into(),
            Scalar::DateTimeLocal(seconds, nanos) => {
                let utc = DateTime::from_timestamp(seconds, nanos)?;
                Value::from(utc.with_timezone(&Local))
            }
            Scalar::DateTimeWithTimeZone(seconds, nanos, offset) => {
                let offset = FixedOffset::east_opt(offset)?;
                let utc = DateTime::from_timestamp(seconds, nanos)?;
                Value::from(utc.with_timezone(&offset))
            }
        })
    }
}

fn days(date: NaiveDate) -> i32 {
    chrono::Datelike::num_days_from_ce(&date)
}

fn time(time: NaiveTime) -> (u32, u32) {
    use chrono::Timelike;
    (time.num_seconds_from_midnight(), time.nanosecond())
}

fn instant(time: DateTime<Utc>) -> (i64, u32) {
    (time.timestamp(), time.timestamp_subsec_nanos())
}

fn naive(seconds: i64, nanos: u32) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(seconds, nanos).map(|time| time.naive_utc())
}
