//! A column's value as JSON, so that [`read`](super::read) gives the same value back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sea_orm::Value;
use sea_orm::sea_query::sea_value_to_json_value;
use serde::Serialize;
use serde_json::Value as Json;

/// Writes the value, or says why JSON has none like it.
///
/// # Differences from SeaORM
/// `sea_value_to_json_value` panics on bytes that are not UTF-8, makes a NaN null, rounds decimals
/// to floats, and writes times as SQL does, which serde does not read.
pub fn write(value: &Value) -> Result<Json, &'static str> {
    match value {
        null if *null == null.as_null() => Ok(Json::Null),
        Value::Float(Some(float)) => number(f64::from(*float)),
        Value::Double(Some(float)) => number(*float),
        Value::Decimal(Some(decimal)) => Ok(Json::String(decimal.to_string())),
        Value::Bytes(Some(bytes)) => Ok(Json::String(STANDARD.encode(bytes))),
        Value::ChronoDate(Some(date)) => time(date),
        Value::ChronoTime(Some(of_day)) => time(of_day),
        Value::ChronoDateTime(Some(local)) => time(local),
        Value::ChronoDateTimeUtc(Some(instant)) => time(instant),
        Value::ChronoDateTimeLocal(Some(instant)) => time(instant),
        Value::ChronoDateTimeWithTimeZone(Some(instant)) => time(instant),
        Value::Array(_, Some(items)) => {
            let items: Result<Vec<_>, _> = items.iter().map(write).collect();
            items.map(Json::Array)
        }
        Value::Bool(_)
        | Value::TinyInt(_)
        | Value::SmallInt(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::TinyUnsigned(_)
        | Value::SmallUnsigned(_)
        | Value::Unsigned(_)
        | Value::BigUnsigned(_)
        | Value::String(_)
        | Value::Char(_)
        | Value::Enum(_)
        | Value::Json(_)
        | Value::Uuid(_) => Ok(sea_value_to_json_value(value)),
        _ => Err("its type has no form in JSON: exclude the column"),
    }
}

fn number(float: f64) -> Result<Json, &'static str> {
    let number = serde_json::Number::from_f64(float);
    number.map(Json::Number).ok_or("it is not a finite number")
}

fn time(time: &impl Serialize) -> Result<Json, &'static str> {
    serde_json::to_value(time).map_err(|_| "it is no time of the calendar")
}
