//! The tables, and the connection that the statements run on.

use std::time::{Duration, Instant};

use dotmac_database::prelude::Uuid;
use dotmac_database::testing::ThrowawayPostgres;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::Mutex;

use crate::variant::Variant;
use crate::{Outcome, Size};

const SEARCHED: [&str; 6] = [
    "number",
    "number COLLATE \"C\"",
    "email_lower",
    "lower(email)",
    "cents",
    "amount",
];

const SETTING: &str = "app.current_tenant_id";

/// The server, which ends with the value, and a connection of the application's role.
pub struct Bed {
    _server: ThrowawayPostgres,
    connection: Mutex<PgConnection>,
    tenants: u32,
}

impl Bed {
    pub async fn open(size: Size) -> Outcome<Self> {
        let server = ThrowawayPostgres::start()?;
        let mut connection = PgConnection::connect(&server.superuser_url()).await?;
        for sql in tables(size) {
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await?;
        }
        sqlx::raw_sql("SET ROLE application")
            .execute(&mut connection)
            .await?;
        Ok(Bed {
            _server: server,
            connection: Mutex::new(connection),
            tenants: size.tenants,
        })
    }

    /// Runs the statement for one of the tenants, the same for all variants of a round, and takes its
    /// time.
    pub async fn run(&self, variant: &Variant, round: usize) -> Outcome<Duration> {
        let tenant = tenant(u32::try_from(round)? % self.tenants);
        let mut connection = self.connection.lock().await;
        let begin = format!("BEGIN; SET LOCAL {SETTING} = '{tenant}'");
        sqlx::raw_sql(AssertSqlSafe(begin))
            .execute(&mut *connection)
            .await?;
        let mut query = sqlx::query(variant.sql);
        if variant.says_tenant {
            query = query.bind(tenant);
        }
        let start = Instant::now();
        query.fetch_all(&mut *connection).await?;
        let elapsed = start.elapsed();
        sqlx::raw_sql("COMMIT").execute(&mut *connection).await?;
        Ok(elapsed)
    }
}

fn tenant(number: u32) -> Uuid {
    Uuid::from_u128(u128::from(number))
}

fn tables(Size { rows, tenants, .. }: Size) -> Vec<String> {
    let current = format!("nullif(current_setting('{SETTING}', true), '')::uuid");
    let policies = [
        ("protected", format!("tenant_id = (select {current})")),
        (
            "bypass",
            format!("tenant_id = {current} OR current_setting('app.bypass', true) = 'on'"),
        ),
        ("volatile", "tenant_id = current_tenant()".to_owned()),
        (
            "cast_column",
            format!("tenant_id::text = current_setting('{SETTING}', true)"),
        ),
    ];
    let mut sql = vec![
        format!(
            "CREATE TABLE open (id bigint, tenant_id uuid NOT NULL, number text NOT NULL, \
               email text NOT NULL, email_lower text GENERATED ALWAYS AS (lower(email)) STORED, \
               cents bigint NOT NULL, amount numeric NOT NULL); \
             INSERT INTO open (id, tenant_id, number, email, cents, amount) \
             SELECT n, lpad(to_hex(n % {tenants}), 32, '0')::uuid, 'A-' || n / {tenants}, \
               'U' || n / {tenants} || '@x.org', n / {tenants}, n / {tenants} \
             FROM generate_series(0, {rows} - 1) n"
        ),
        format!(
            "CREATE ROLE application; GRANT SELECT ON open TO application; \
             CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE plpgsql VOLATILE AS \
             $$ BEGIN RETURN {current}; END $$"
        ),
    ];
    for (table, policy) in policies {
        sql.push(format!(
            "CREATE TABLE {table} (LIKE open INCLUDING GENERATED); \
             INSERT INTO {table} (id, tenant_id, number, email, cents, amount) \
               SELECT id, tenant_id, number, email, cents, amount FROM open ORDER BY id; \
             ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
             CREATE POLICY tenant ON {table} TO application USING ({policy}); \
             GRANT SELECT ON {table} TO application"
        ));
    }
    for table in ["open", "protected"] {
        sql.push(indexes(table, &SEARCHED));
    }
    for table in ["bypass", "volatile", "cast_column"] {
        sql.push(indexes(table, &["number"]));
    }
    sql.extend(["VACUUM ANALYZE".to_owned(), "CHECKPOINT".to_owned()]);
    sql
}

fn indexes(table: &str, columns: &[&str]) -> String {
    let create = |column| format!("CREATE INDEX ON {table} (tenant_id, {column});");
    columns.iter().map(create).collect()
}
