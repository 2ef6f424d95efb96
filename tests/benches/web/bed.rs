//! A served database with one tenant and an order for each client.

use std::net::SocketAddr;

use dotmac_database::prelude::*;
use dotmac_database::testing::ThrowawayPostgres;
use migration::Migrator;
use migration::entity::order;
use sea_orm::ConnectionTrait;

use crate::{Outcome, server};

pub const TENANT: &str = "acme";
pub const CLIENTS: usize = 16;
const CONNECTIONS: u32 = 10;

pub struct Bed {
    pub address: SocketAddr,
    /// One for each client, so that no two write the same row.
    pub orders: Vec<Uuid>,
}

impl Bed {
    pub async fn lay(server: &ThrowawayPostgres) -> Outcome<Self> {
        let shop = server.migrated::<Migrator>("shop").await?;
        let config = || Ok::<_, Error>(shop.config()?.pool_size(CONNECTIONS).max_overflow(0));
        let db = Database::connect(config()?).await?;
        let context = RequestContext::tenant(TENANT)?;
        let orders = db.write(&context, async |tx| fill(tx).await).await?;
        db.close().await;
        // What is written by hand sees the rows through the same policy, by the tenant of its role.
        let admin = sea_orm::Database::connect(shop.superuser_url()).await?;
        let shown = format!("ALTER ROLE shop_app SET app.current_tenant_id = '{TENANT}'; ANALYZE");
        admin.execute_unprepared(&shown).await?;
        admin.close().await?;
        let address = server::start(Database::connect(config()?).await?).await?;
        Ok(Bed { address, orders })
    }
}

async fn fill(tx: &Session) -> Result<Vec<Uuid>, DbErr> {
    let mut orders = Vec::with_capacity(CLIENTS);
    for n in 0..CLIENTS {
        let new = order::ActiveModel {
            number: Set(n.to_string()),
            total_cents: Set(10),
            ..Default::default()
        };
        orders.push(new.insert(tx).await?.id);
    }
    Ok(orders)
}
