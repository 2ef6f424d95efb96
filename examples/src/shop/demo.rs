//! Demo data: two tenants, each with a user and five orders.

use std::time::Duration;

use dotmac_database::Global;
use dotmac_database::lock::Locks;
use dotmac_database::prelude::*;
use migration::entity::{order, tenant, user};

const TENANTS: [(&str, &str); 2] = [("acme", "A"), ("beta", "B")];
/// For how long a process waits for another one that puts the same.
const WAIT: Duration = Duration::from_secs(60);

/// Puts the tenants `acme` and `beta` with their data, where they are not there yet: of several processes that
/// start together, one after the other.
///
/// # Errors
/// The database's, and those of [`Lock::run`](dotmac_database::lock::Lock::run).
pub async fn put(db: &Database, locks: &Locks) -> Result<(), Error> {
    let lock = locks.global("demo data")?;
    lock.run(Global, WAIT, |_| put_missing(db)).await?
}

async fn put_missing(db: &Database) -> Result<(), Error> {
    for (name, initial) in TENANTS {
        let context = RequestContext::tenant(name)?.user("demo")?;
        db.write(&context, async |tx| fill(name, initial, tx).await)
            .await?;
    }
    Ok(())
}

async fn fill(name: &str, initial: &str, tx: &Session) -> Result<(), DbErr> {
    if tenant::Entity::find_by_id(name).one(tx).await?.is_some() {
        return Ok(());
    }
    let tenant = tenant::ActiveModel {
        name: Set(format!("{name} ltd")),
        ..Default::default()
    };
    tenant.insert(tx).await?;
    let user = user::ActiveModel {
        email: Set("ada@example.com".to_owned()),
        name: Set("Ada".to_owned()),
        ..Default::default()
    };
    let user = user.insert(tx).await?;
    for n in 1..=5 {
        let order = order::ActiveModel {
            number: Set(format!("{initial}-{n}")),
            total_cents: Set(n * 990),
            user_id: Set(Some(user.id)),
            ..Default::default()
        };
        order.insert(tx).await?;
    }
    Ok(())
}
