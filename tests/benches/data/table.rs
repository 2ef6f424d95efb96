//! The rows of the table.

use sea_orm::ConnectionTrait;

use crate::Outcome;
use crate::setup::Server;

/// Fills the table past its triggers, which would take minutes.
pub async fn fill(server: &Server, rows: u32) -> Outcome<()> {
    let admin = server.admin().await?;
    let others = rows / 4;
    let sql = format!(
        "BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM orders; \
         INSERT INTO orders (id, tenant_id, number, total_cents, created_at, updated_at) \
         SELECT lpad(to_hex(n), 32, '0')::uuid, \
                CASE WHEN n % 5 = 0 AND n <= {others} * 5 THEN 'beta' ELSE 'acme' END, n::text, n % 1000, \
                timestamptz '2020-01-01' + n * interval '7 seconds', now() \
         FROM generate_series(1, {rows} + {others}) n; COMMIT"
    );
    admin.execute_unprepared(&sql).await?;
    let index = "CREATE INDEX orders_by_time ON orders (tenant_id, created_at, id)";
    admin.execute_unprepared(index).await?;
    admin.execute_unprepared("VACUUM ANALYZE orders").await?;
    admin.close().await?;
    Ok(())
}
