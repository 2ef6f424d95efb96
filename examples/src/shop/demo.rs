//! Demo data: two tenants, each with a user and five orders.

use dotmac_database::prelude::*;
use migration::entity::{order, tenant, user};

const TENANTS: [(&str, &str); 2] = [("acme", "A"), ("beta", "B")];

/// Puts the tenants `acme` and `beta` with their data, where they are not there yet.
///
/// # Errors
/// The database's.
pub async fn put(db: &Database) -> Result<(), Error> {
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
