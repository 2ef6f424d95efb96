//! JSON from outside, put into a row.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ColumnTrait, EntityName, EntityTrait,
    IdenStatic, IntoActiveModel, Iterable, Value,
};
use serde_json::{Map, Value as Json};

use super::protect;
use super::read::Type;
use super::write::write;
use crate::entity::feature::Featured;
use crate::error::{Error, Result};

/// How JSON from outside is put into rows of an entity.
///
/// By default a key that is no column is an error, and so is one that would change a protected
/// column: the primary key, the tenant, the version, timestamps, audit and soft-delete columns. Keys
/// are what serde calls the fields (`#[serde(rename)]` counts); values are what
/// [`to_json`](super::JsonModel::to_json) writes.
///
/// # Differences from SeaORM
/// `ActiveModel::set_from_json` and `from_json` take every column, ignore unknown keys, need serde's
/// derives on the model, and the first forgets the columns that the JSON does not name.
#[derive(Debug, Clone)]
pub struct JsonInput<E: EntityTrait> {
    protected: Vec<E::Column>,
    ignore_unknown: bool,
}

impl<E: EntityTrait> Default for JsonInput<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: EntityTrait> JsonInput<E> {
    /// Unknown keys are errors, and nothing is protected but what always is.
    pub fn new() -> Self {
        JsonInput {
            protected: Vec::new(),
            ignore_unknown: false,
        }
    }

    /// Protects these columns too.
    pub fn protect(mut self, columns: impl IntoIterator<Item = E::Column>) -> Self {
        self.protected.extend(columns);
        self
    }

    /// Leaves out keys that are no column, instead of refusing them.
    pub fn ignore_unknown(mut self) -> Self {
        self.ignore_unknown = true;
        self
    }
}

impl<E: Featured> JsonInput<E> {
    /// Sets the columns of a row that the JSON names with another value than the row has.
    ///
    /// A protected column may be named with the value that it has, so that what was written reads
    /// back.
    ///
    /// # Errors
    /// [`Error::UnknownKeys`], [`Error::ProtectedKey`] or [`Error::InvalidValue`];
    /// [`Error::StaleVersion`] where the JSON names another version than the row has.
    pub fn update<R>(&self, row: R, json: Json) -> Result<E::ActiveModel>
    where
        R: IntoActiveModel<E::ActiveModel>,
    {
        self.apply(row.into_active_model(), json, &protect::of_update::<E>())
    }

    /// Makes a row to insert.
    ///
    /// A key that neither the library nor the database makes is not protected here.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn insert(&self, json: Json) -> Result<E::ActiveModel> {
        let row = <E::ActiveModel as ActiveModelBehavior>::new();
        self.apply(row, json, &protect::of_insert::<E>())
    }

    fn apply(
        &self,
        mut row: E::ActiveModel,
        json: Json,
        protected: &[E::Column],
    ) -> Result<E::ActiveModel> {
        let Json::Object(mut fields) = json else {
            return Err(invalid::<E>("$", "an object".to_owned()));
        };
        let given: Vec<_> = E::Column::iter()
            .filter_map(|column| Some((column, fields.remove(column.json_key())?)))
            .collect();
        self.refuse_unknown(fields)?;
        check_version::<E>(&row, &given)?;
        for (column, json) in given {
            let is_protected =
                protect::contains(protected, column) || protect::contains(&self.protected, column);
            set::<E>(&mut row, column, &json, is_protected)?;
        }
        Ok(row)
    }

    fn refuse_unknown(&self, fields: Map<String, Json>) -> Result<()> {
        if self.ignore_unknown || fields.is_empty() {
            return Ok(());
        }
        Err(Error::UnknownKeys {
            entity: table::<E>(),
            keys: fields.into_iter().map(|(key, _)| key).collect(),
        })
    }
}

/// A client that says which version it read, and is late, is told so.
fn check_version<E: Featured>(row: &E::ActiveModel, given: &[(E::Column, Json)]) -> Result<()> {
    let named = |version: &E::Column| {
        let mut given = given.iter();
        let (_, json) = given.find(|(column, _)| column.as_str() == version.as_str())?;
        Some((json.as_i64()?.try_into().ok()?, row.get(*version)))
    };
    match E::FEATURES.version.as_ref().and_then(named) {
        Some((read, ActiveValue::Unchanged(Value::Int(Some(current))))) if read != current => {
            Err(Error::StaleVersion {
                entity: table::<E>(),
                read,
                current,
            })
        }
        _ => Ok(()),
    }
}

fn set<E: EntityTrait>(
    row: &mut E::ActiveModel,
    column: E::Column,
    json: &Json,
    is_protected: bool,
) -> Result<()> {
    let current = row.get(column).into_value();
    if current
        .as_ref()
        .is_some_and(|it| write(it).as_ref() == Ok(json))
    {
        return Ok(());
    }
    let ty = Type::of::<E>(column);
    for value in ty.candidates(json) {
        let is_same = current.as_ref() == Some(&value);
        if is_same || (!is_protected && try_set::<E>(row, column, value)) {
            return Ok(());
        }
    }
    if is_protected {
        return Err(Error::ProtectedKey {
            entity: table::<E>(),
            key: column.json_key(),
        });
    }
    Err(invalid::<E>(column.json_key(), ty.expected()))
}

// SeaORM 2.0 panics on an array with an item that the item's type does not take. The row is as it was
// then: the value is converted before it is set.
fn try_set<E: EntityTrait>(row: &mut E::ActiveModel, column: E::Column, value: Value) -> bool {
    let set = AssertUnwindSafe(|| row.try_set(column, value).is_ok());
    catch_unwind(set).unwrap_or(false)
}

fn invalid<E: EntityTrait>(key: &'static str, expected: String) -> Error {
    Error::InvalidValue {
        entity: table::<E>(),
        key,
        expected,
    }
}

pub(super) fn table<E: EntityTrait>() -> String {
    EntityName::table_name(&E::default()).to_owned()
}
