//! The way of a row: through the cache, or around it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use sea_orm::sea_query::IntoValueTuple;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, Iterable, ModelTrait, PrimaryKeyToColumn,
    PrimaryKeyTrait, QueryFilter, Value,
};
use tracing::Instrument;

use super::cache::EntityCache;
use super::reader::CacheReader;
use crate::cache::core::{CacheValue, Spot};
use crate::cache::key::{CacheKey, KeyWriter};
use crate::cache::lookup::Lookup;
use crate::cache::many::get_many;
use crate::cache::near::Age;
use crate::context::RequestContext;
use crate::entity::cached::{Cached, RowKey};
use crate::error::{Error, Result};
use crate::session::SessionOptions;

/// How many keys one SELECT asks for.
const CHUNK: usize = 1_000;

/// The primary key of an entity, as SeaORM takes it.
type Id<E> = <<E as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// Reads rows of an entity through a cache.
pub trait CachedEntity: Cached
where
    Self::Model: CacheValue,
{
    /// The row with this key, from the cache or loaded for it; `None` where the reader's tenant has no such
    /// row.
    ///
    /// ```no_run
    /// # mod order {
    /// #     use dotmac_database::prelude::*;
    /// #     use serde::{Deserialize, Serialize};
    /// #     #[dotmac_database::model]
    /// #     #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DeriveEntityModel, BaseModel, TenantAware)]
    /// #     #[sea_orm(table_name = "orders")]
    /// #     #[dotmac(cached)]
    /// #     pub struct Model { pub number: String }
    /// # }
    /// use dotmac_database::cache::{CacheClient, CacheOptions, CachedEntity, EntityCache};
    /// use dotmac_database::prelude::*;
    ///
    /// # async fn run(db: Database, client: CacheClient, ctx: RequestContext, id: Uuid) -> Result<(), Error> {
    /// let following = client.follow(&db)?;
    /// let options = CacheOptions::new(std::time::Duration::from_secs(300));
    /// let orders = EntityCache::<order::Entity>::new(&following, options)?;
    /// let order = order::Entity::cached_by_id(&ctx, &orders, id).await?;
    /// # let _ = order; Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error::MissingTenant`]; the database's; those of
    /// [`SmartCache::get_or_load`](crate::cache::SmartCache::get_or_load).
    ///
    /// # Cancel safety
    /// Dropping the future leaves a load to go on for those who wait, and for the cache; a statement that
    /// runs in the session itself is dropped as any other.
    fn cached_by_id(
        reader: &impl CacheReader,
        cache: &EntityCache<Self>,
        id: impl Into<Id<Self>> + Send,
    ) -> impl Future<Output = Result<Option<Arc<Self::Model>>>> + Send {
        let id = Key::of(cache, id.into());
        async move { cache.by_id(reader, id?).await }
    }

    /// The rows with these keys, each once. Those that are not cached are loaded by one SELECT for each 1,000.
    ///
    /// # Errors
    /// As [`cached_by_id`](Self::cached_by_id).
    ///
    /// # Cancel safety
    /// As [`cached_by_id`](Self::cached_by_id).
    fn cached_by_ids(
        reader: &impl CacheReader,
        cache: &EntityCache<Self>,
        ids: impl IntoIterator<Item = Id<Self>>,
    ) -> impl Future<Output = Result<HashMap<Id<Self>, Arc<Self::Model>>>> + Send
    where
        Id<Self>: Clone + Eq + Hash + Sync,
    {
        let ids = ids
            .into_iter()
            .map(|id| Ok((Key::of(cache, id.clone())?, id)));
        let ids = ids.collect::<Result<HashMap<Key, Id<Self>>>>();
        async move {
            let mut ids = ids?;
            let keys = ids.keys().cloned().collect();
            let rows = cache.by_ids(reader, keys).await?;
            let rows = rows.into_iter();
            Ok(rows
                .filter_map(|(key, row)| Some((ids.remove(&key)?, row)))
                .collect())
        }
    }
}

impl<E: Cached> CachedEntity for E where E::Model: CacheValue {}

/// A primary key: as it is compared, and as it is sent.
#[derive(Debug, Clone)]
struct Key {
    row: RowKey,
    values: Vec<Value>,
}

impl Key {
    fn of<E: Cached>(cache: &EntityCache<E>, id: Id<E>) -> Result<Self> {
        let values: Vec<Value> = id.into_value_tuple().into_iter().collect();
        let row = cache.table.row(&values).ok_or_else(|| Error::Config {
            variable: "cached",
            reason: format!(
                "the key of a row of `{}` is not what its columns hold",
                cache.table.table
            ),
        })?;
        Ok(Key { row, values })
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.row == other.row
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.row.hash(state);
    }
}

impl CacheKey for Key {
    fn write(&self, key: &mut KeyWriter) {
        self.row.write(key);
    }
}

type Rows<E> = HashMap<Key, Arc<<E as EntityTrait>::Model>>;

impl<E: Cached> EntityCache<E>
where
    E::Model: CacheValue,
{
    async fn by_id(&self, reader: &impl CacheReader, id: Key) -> Result<Option<Arc<E::Model>>> {
        if let Some(rows) = self.in_session(reader, &[&id]).await? {
            return Ok(rows.into_values().next());
        }
        let site = self.site(reader.reads_as()).await?;
        let spot = self.spot(&site, &id.row);
        let context = site.loads_as(reader.reads_as());
        let session = reader.session().filter(|session| session.is_begun());
        let Some(session) = session else {
            return self.load(context, id, spot).await;
        };
        if let Some(known) = self.core.look(&spot).await {
            return Ok(known);
        }
        self.load_for_others(context, vec![(id.clone(), spot)]);
        let rows = select(self, session, session.context(), &[&id]).await?;
        Ok(rows.into_values().next().map(Arc::new))
    }

    async fn by_ids(&self, reader: &impl CacheReader, ids: Vec<Key>) -> Result<Rows<E>> {
        let asked: Vec<&Key> = ids.iter().collect();
        if let Some(rows) = self.in_session(reader, &asked).await? {
            return Ok(rows);
        }
        let site = self.site(reader.reads_as()).await?;
        let spots = ids.into_iter().map(|id| {
            let spot = self.spot(&site, &id.row);
            (id, spot)
        });
        let mut spots: Vec<(Key, Spot)> = spots.collect();
        let context = site.loads_as(reader.reads_as());
        let session = reader.session().filter(|session| session.is_begun());
        let Some(session) = session else {
            return get_many(&self.core, spots, self.loader(context)).await;
        };
        let mut rows = Rows::<E>::new();
        spots.retain(|(id, spot)| {
            let Some((entry, Age::Fresh)) = self.near(spot) else {
                return true;
            };
            rows.extend(entry.map(|row| (id.clone(), row)));
            false
        });
        if !spots.is_empty() {
            let missing: Vec<&Key> = spots.iter().map(|(id, _)| id).collect();
            let selected = select(self, session, session.context(), &missing).await?;
            rows.extend(selected.into_iter().map(|(id, row)| (id, Arc::new(row))));
            self.load_for_others(context, spots);
        }
        Ok(rows)
    }

    /// What the process has of a row.
    fn near(&self, spot: &Spot) -> Option<(Option<Arc<E::Model>>, Age)> {
        if !self.core.shared().switch.mode().uses_near() {
            return None;
        }
        let (entry, age) = self.core.near.find(&spot.key)?;
        if age == Age::Fresh {
            self.core.tally.near_hits.add(1);
        }
        Some((entry.value.clone(), age))
    }

    /// The rows as the session sees them, where they may not be what the cache has.
    async fn in_session(&self, reader: &impl CacheReader, ids: &[&Key]) -> Result<Option<Rows<E>>> {
        let Some(session) = reader.session() else {
            return Ok(None);
        };
        let is_apart = session.has_changed(self.table) || session.is_snapshot();
        if !is_apart && session.is_of(&self.home.database(session.context()).await?) {
            return Ok(None);
        }
        let rows = select(self, session, session.context(), ids).await?;
        let rows = rows.into_iter().map(|(id, row)| (id, Arc::new(row)));
        Ok(Some(rows.collect()))
    }

    async fn load(
        &self,
        context: RequestContext,
        id: Key,
        spot: Spot,
    ) -> Result<Option<Arc<E::Model>>> {
        let load = self.loader(context);
        let loader =
            move || async move { Ok::<_, Error>(load(vec![id]).await?.into_values().next()) };
        Lookup::new(&self.core, spot).get_or_load(loader).await
    }

    /// Loads rows that nobody waits for.
    fn load_for_others(&self, context: RequestContext, spots: Vec<(Key, Spot)>) {
        let (core, load) = (Arc::clone(&self.core), self.loader(context));
        let loading = async move {
            if let Err(error) = get_many(&core, spots, load).await {
                tracing::debug!(%error, namespace = &*core.namespace, "rows are not cached");
            }
        };
        self.core.shared().tasks.spawn(loading.in_current_span());
    }

    /// What loads rows: a session of its own.
    fn loader(
        &self,
        context: RequestContext,
    ) -> impl FnOnce(
        Vec<Key>,
    ) -> futures_util::future::BoxFuture<'static, Result<HashMap<Key, E::Model>>>
    + Send
    + use<E> {
        let cache = self.clone();
        move |ids| Box::pin(async move { load(&cache, &context, ids).await })
    }
}

async fn load<E: Cached>(
    cache: &EntityCache<E>,
    context: &RequestContext,
    ids: Vec<Key>,
) -> Result<HashMap<Key, E::Model>>
where
    E::Model: CacheValue,
{
    let options = SessionOptions::read_only().on_primary();
    let db = cache.home.database(context).await?;
    let session = db.begin_with(context, options)?;
    let asked: Vec<&Key> = ids.iter().collect();
    let rows = select(cache, &session, context, &asked).await?;
    session.commit().await?;
    Ok(rows)
}

/// The rows with these keys, of the context's tenant: whatever policies show besides, other tenants change.
async fn select<E, C>(
    cache: &EntityCache<E>,
    db: &C,
    context: &RequestContext,
    ids: &[&Key],
) -> Result<HashMap<Key, E::Model>>
where
    E: Cached,
    E::Model: CacheValue,
    C: ConnectionTrait,
{
    let own = match (E::FEATURES.tenant, context.tenant_id()) {
        (Some(column), Some(tenant)) => Some(column.tenant_id.eq(column.kind.value(tenant)?)),
        _ => None,
    };
    let mut rows = HashMap::new();
    for ids in ids.chunks(CHUNK) {
        let among = Condition::all().add(among::<E>(ids));
        let found = E::find().filter(among.add_option(own.clone()));
        for row in found.all(db).await? {
            let values = E::PrimaryKey::iter().map(|key| row.get(key.into_column()));
            let values: Vec<Value> = values.collect();
            let key = cache.table.row(&values).map(|row| Key { row, values });
            rows.extend(key.map(|key| (key, row)));
        }
    }
    Ok(rows)
}

fn among<E: Cached>(ids: &[&Key]) -> Condition {
    let columns: Vec<E::Column> = E::PrimaryKey::iter()
        .map(PrimaryKeyToColumn::into_column)
        .collect();
    if let [column] = columns.as_slice() {
        let values = ids.iter().flat_map(|id| id.values.first().cloned());
        return Condition::all().add(column.is_in(values));
    }
    ids.iter().fold(Condition::any(), |any, id| {
        let equal = columns.iter().zip(&id.values);
        let all = equal.fold(Condition::all(), |all, (column, value)| {
            all.add(column.eq(value.clone()))
        });
        any.add(all)
    })
}
