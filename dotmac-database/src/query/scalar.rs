//! The values that an order can have, in a form that comes back exactly.

use chrono::{DateTime, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sea_orm::prelude::{Decimal, Uuid};
use sea_orm::sea_query::{ArrayType, Enum, Expr, OptionEnum};
use sea_orm::{ColumnTrait, ColumnType, EntityTrait, ModelTrait, Value};
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

/// Whether values of the column can travel, and compare as the column sorts.
pub fn is_scalar<E: EntityTrait>(column: E::Column) -> bool {
    sorts_as_its_values(column)
        && matches!(
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

/// A value goes to the database as its Rust type says. `char(n)` and types of extensions (`citext`)
/// sort in another way, unless `save_as` makes the value one of theirs.
fn sorts_as_its_values<C: ColumnTrait>(column: C) -> bool {
    let value = || Expr::val("");
    match column.def().get_column_type() {
        ColumnType::Char(_) | ColumnType::Custom(_) => column.save_as(value()) != value(),
        _ => true,
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(value: Value) -> Option<Value> {
        let json = serde_json::to_vec(&Scalar::from_value(&value)?).ok()?;
        serde_json::from_slice::<Scalar>(&json).ok()?.into_value()
    }

    fn instants() -> impl Strategy<Value = DateTime<Utc>> {
        // As far as PostgreSQL's timestamps reach, and before 1970 as well.
        (
            -210_866_803_200_i64..8_000_000_000_000,
            0..1_000_000_000_u32,
        )
            .prop_filter_map("a time", |(seconds, nanos)| {
                DateTime::from_timestamp(seconds, nanos)
            })
    }

    fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i8>().prop_map(Value::from),
            any::<i16>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u8>().prop_map(Value::from),
            any::<u16>().prop_map(Value::from),
            any::<u32>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            any::<char>().prop_map(Value::from),
            any::<Vec<u8>>().prop_map(Value::from),
            any::<[u8; 16]>().prop_map(|bytes| Uuid::from_bytes(bytes).into()),
            (any::<i64>(), 0..28_u32).prop_map(|(n, scale)| Decimal::new(n, scale).into()),
            (any::<String>(), any::<String>()).prop_map(|(type_name, value)| {
                Value::Enum(OptionEnum::Some(Box::new(Enum {
                    type_name: type_name.into(),
                    value: value.into(),
                })))
            }),
            instants().prop_map(Value::from),
            instants().prop_map(|time| time.naive_utc().into()),
            instants().prop_map(|time| time.date_naive().into()),
            instants().prop_map(|time| time.time().into()),
            instants().prop_map(|time| time.with_timezone(&Local).into()),
            (instants(), -86_399..86_399_i32).prop_filter_map("an offset", |(time, offset)| {
                Some(time.with_timezone(&FixedOffset::east_opt(offset)?).into())
            }),
        ]
    }

    proptest! {
        #[test]
        fn value_comes_back_exactly(value in values()) {
            let back = round_trip(value.clone());
            // Times of different offsets can be equal, and are two texts on SQLite.
            prop_assert_eq!(format!("{back:?}"), format!("{:?}", Some(value)));
        }

        #[test]
        fn float_comes_back_to_the_bit(single in any::<u32>(), double in any::<u64>()) {
            let back = |value: Value| Scalar::from_value(&round_trip(value)?);
            let sent = f32::from_bits(single);
            prop_assert_eq!(back(sent.into()), Some(Scalar::Float(sent.to_bits())));
            let sent = f64::from_bits(double);
            prop_assert_eq!(back(sent.into()), Some(Scalar::Double(sent.to_bits())));
        }

        #[test]
        fn foreign_scalar_is_refused_and_never_panics(
            seconds in any::<i64>(), nanos in any::<u32>(), offset in any::<i32>(), text: String,
        ) {
            let _ = Scalar::DateTime(seconds, nanos).into_value();
            let _ = Scalar::DateTimeUtc(seconds, nanos).into_value();
            let _ = Scalar::DateTimeLocal(seconds, nanos).into_value();
            let _ = Scalar::DateTimeWithTimeZone(seconds, nanos, offset).into_value();
            let _ = Scalar::Date(offset).into_value();
            let _ = Scalar::Time(nanos, nanos).into_value();
            let _ = Scalar::Decimal(text).into_value();
        }
    }

    #[test]
    fn null_and_json_are_no_scalars() {
        assert_eq!(Scalar::from_value(&Value::Int(None)), None);
        assert_eq!(Scalar::from_value(&serde_json::json!({}).into()), None);
    }
}
