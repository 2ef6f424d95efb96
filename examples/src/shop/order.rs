//! What can be done to orders, in the session of a request.
//!
//! `in_tenant` says the tenant beside the policy: for the planner on PostgreSQL, and as the only thing that
//! holds tenants apart on SQLite.

use dotmac_database::cache::{CacheReader, CachedEntity};
use dotmac_database::prelude::*;
use migration::entity::order;
use serde_json::Value;

use super::body::{NewOrder, Order, OrderPage, Wanted};
use super::if_match::IfMatch;
use super::site::Shop;

/// A page of the live orders.
///
/// # Errors
/// 400 for a cursor of another list or tenant.
pub async fn list(shop: &Shop, wanted: Wanted, tx: &Session) -> Result<OrderPage, Problem> {
    page(order::Entity::find(), shop, wanted, tx).await
}

/// A page of the deleted orders.
///
/// # Errors
/// As [`list`].
pub async fn trash(shop: &Shop, wanted: Wanted, tx: &Session) -> Result<OrderPage, Problem> {
    page(order::Entity::only_deleted(), shop, wanted, tx).await
}

/// A live order, from the cache: it ends there with the commit of whoever changes it.
///
/// # Errors
/// 404.
pub async fn find(id: Uuid, shop: &Shop, reader: &impl CacheReader) -> Result<Order, Problem> {
    let found = order::Entity::cached_by_id(reader, &shop.orders, id).await?;
    let order = found.ok_or_else(missing)?;
    Ok(order::Model::clone(&order).into())
}

/// Places an order.
///
/// # Errors
/// 409 where the number is taken, or the user is none of this tenant.
pub async fn create(new: NewOrder, tx: &Session) -> Result<Order, Problem> {
    let order = order::ActiveModel {
        number: Set(new.number),
        total_cents: Set(new.total_cents),
        user_id: Set(new.user_id),
        ..Default::default()
    };
    Ok(order.insert(tx).await?.into())
}

/// Sets all that a client may set, of the version that it has seen.
///
/// # Errors
/// 404, 412, and as [`create`].
pub async fn replace(
    id: Uuid,
    seen: &IfMatch,
    new: NewOrder,
    tx: &Session,
) -> Result<Order, Problem> {
    let row = live(id, tx).await?;
    seen.check(row.version)?;
    let mut order = row.into_active_model();
    order.number = Set(new.number);
    order.total_cents = Set(new.total_cents);
    order.user_id = Set(new.user_id);
    update(order, tx).await
}

/// Sets what the JSON names, of the version that the client has seen.
///
/// # Errors
/// 422 with the keys that a client cannot set, and as [`replace`].
pub async fn change(
    id: Uuid,
    seen: &IfMatch,
    change: Value,
    tx: &Session,
) -> Result<Order, Problem> {
    let row = live(id, tx).await?;
    seen.check(row.version)?;
    let order = IfMatch::or_failed(row.update_from_json(change))?;
    update(order, tx).await
}

/// Marks the order as deleted; of the version that the client has seen, if it says which.
///
/// # Errors
/// 404, 412.
pub async fn delete(id: Uuid, seen: Option<&IfMatch>, tx: &Session) -> Result<(), Problem> {
    let row = live(id, tx).await?;
    match seen {
        Some(seen) => {
            seen.check(row.version)?;
            IfMatch::or_failed(row.delete(tx).await.map_err(Error::from))?;
        }
        None => {
            row.delete(tx).await?;
        }
    }
    Ok(())
}

/// Brings a deleted order back.
///
/// # Errors
/// 404 where it is not deleted, 409 where another order has its number now.
pub async fn restore(id: Uuid, tx: &Session) -> Result<Order, Problem> {
    let deleted = order::Entity::only_deleted().filter(order::Column::Id.eq(id));
    let row = one(deleted, tx).await?;
    Ok(row.restore(tx).await?.into())
}

async fn update(order: order::ActiveModel, tx: &Session) -> Result<Order, Problem> {
    let updated = order.update(tx).await.map_err(Error::from);
    IfMatch::or_failed(updated).map(Order::from)
}

async fn live(id: Uuid, tx: &Session) -> Result<order::Model, Problem> {
    one(order::Entity::find_by_id(id), tx).await
}

async fn one(orders: Select<order::Entity>, tx: &Session) -> Result<order::Model, Problem> {
    let found = orders.in_tenant(tx)?.one(tx).await?;
    Ok(found.ok_or_else(missing)?)
}

fn missing() -> DbErr {
    DbErr::RecordNotFound("the order".to_owned())
}

/// The keys are UUIDv7 and rise with time, so that the primary key alone puts the newest first.
async fn page(
    orders: Select<order::Entity>,
    shop: &Shop,
    wanted: Wanted,
    tx: &Session,
) -> Result<OrderPage, Problem> {
    let pages = orders
        .in_tenant(tx)?
        .pages(&shop.cursors)
        .desc(order::Column::Id)
        .size(wanted.limit.unwrap_or(50))
        .after(wanted.after.as_deref())
        .before(wanted.before.as_deref());
    Ok(pages.page(tx).await?.into())
}
