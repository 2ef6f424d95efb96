//! What a row can do with JSON.

use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, Iterable, ModelTrait};
use serde_json::{Map, Value as Json};

use super::input::{JsonInput, table};
use super::protect;
use super::write::write;
use crate::entity::feature::Featured;
use crate::error::{Error, Result};

type Column<M> = <<M as ModelTrait>::Entity as EntityTrait>::Column;
type ActiveModel<M> = <<M as ModelTrait>::Entity as EntityTrait>::ActiveModel;

/// A row that goes out as JSON, and takes from JSON what a client may set.
///
/// Every entity under `#[dotmac_database::model]` has it, without derives of serde.
pub trait JsonModel: ModelTrait {
    /// The row as a JSON object, without these columns.
    ///
    /// Keys are what serde calls the fields. Whole numbers of 64 bits stay whole, decimals are
    /// strings, bytes base64, times RFC 3339 with all their digits, active enums what the database
    /// stores. No column is left out unless it is named: exclude what a client must not read.
    ///
    /// # Errors
    /// [`Error::NotJson`] for a float that is not finite.
    fn to_json(&self, exclude: impl IntoIterator<Item = Column<Self>>) -> Result<Json>;

    /// The row with the changes that the JSON asks for, to be saved with `update`.
    ///
    /// Only columns whose value differs are set. For options see [`JsonInput`].
    ///
    /// # Errors
    /// [`Error::UnknownKeys`], [`Error::ProtectedKey`] where a key would change a protected column,
    /// or [`Error::InvalidValue`], none of which repeats a value; [`Error::StaleVersion`] where the
    /// JSON names another version than the row has.
    fn update_from_json(self, json: Json) -> Result<ActiveModel<Self>>;

    /// A new row, to be saved with `insert`.
    ///
    /// # Errors
    /// As [`update_from_json`](Self::update_from_json); a protected key is always one.
    fn new_from_json(json: Json) -> Result<ActiveModel<Self>>;

    /// The columns that JSON never changes.
    fn protected_columns() -> Vec<Column<Self>>;
}

impl<M> JsonModel for M
where
    M: ModelTrait + IntoActiveModel<<M::Entity as EntityTrait>::ActiveModel>,
    M::Entity: Featured + EntityTrait<Model = M>,
{
    fn to_json(&self, exclude: impl IntoIterator<Item = Column<M>>) -> Result<Json> {
        let exclude: Vec<_> = exclude.into_iter().collect();
        let mut fields = Map::new();
        for column in Column::<M>::iter().filter(|it| !protect::contains(&exclude, *it)) {
            let value = write(&self.get(column)).map_err(|reason| Error::NotJson {
                entity: table::<M::Entity>(),
                key: column.json_key(),
                reason,
            })?;
            fields.insert(column.json_key().to_owned(), value);
        }
        Ok(Json::Object(fields))
    }

    fn update_from_json(self, json: Json) -> Result<ActiveModel<M>> {
        JsonInput::<M::Entity>::new().update(self, json)
    }

    fn new_from_json(json: Json) -> Result<ActiveModel<M>> {
        JsonInput::<M::Entity>::new().insert(json)
    }

    fn protected_columns() -> Vec<Column<M>> {
        protect::of_update::<M::Entity>()
    }
}
