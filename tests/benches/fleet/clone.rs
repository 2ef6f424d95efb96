//! A tenant's schema, cloned from a template, against running its migrations.

use std::time::{Duration, Instant};

use dotmac_database::SchemaName;
use dotmac_database::rls::{Login, Roles};
use dotmac_database::tenancy::{CloneData, clone_schema};
use dotmac_database::testing::ThrowawayPostgres;
use migration::Migrator;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use sea_orm_migration::MigratorTrait;

use crate::{Outcome, median};

const NAME: &str = "shop";
const PASSWORD: &str = "secret";
/// How many schemas there are when the last figures are taken.
const FLEET: u32 = 100;

struct Bed {
    server: ThrowawayPostgres,
    roles: Roles,
    migrator: DatabaseConnection,
}

pub async fn print(rounds: u32) -> Outcome<()> {
    let bed = Bed::open().await?;
    for tables in [10, 30] {
        bed.make_template(tables).await?;
    }
    bed.migrate("template_5").await?;
    let mut samples = [const { Vec::new() }; 4];
    for round in 0..rounds {
        for (nth, from) in ["template_5", "template_10", "template_30"]
            .iter()
            .enumerate()
        {
            samples[nth].push(bed.clone(from, &format!("tenant_{nth}_{round}")).await?);
        }
        samples[3].push(bed.migrate(&format!("migrated_{round}")).await?);
    }
    let [five, ten, thirty, migrated] = samples.map(median);
    println!("the shop's 5 tables, migrated: {migrated:.0?}; cloned: {five:.0?}");
    println!("10 tables, cloned: {ten:.0?}; 30 tables: {thirty:.0?}");
    if rounds > 1 {
        for nth in 0..FLEET {
            bed.clone("template_30", &format!("tenant_{nth}")).await?;
        }
        let mut late = Vec::new();
        for round in 0..rounds {
            late.push(bed.clone("template_30", &format!("late_{round}")).await?);
        }
        println!("30 tables, beside {FLEET} schemas: {:.0?}", median(late));
    }
    Ok(())
}

impl Bed {
    async fn open() -> Outcome<Self> {
        let server = tokio::task::spawn_blocking(ThrowawayPostgres::start).await??;
        let roles = Roles::with_prefix(NAME);
        let postgres = sea_orm::Database::connect(server.superuser_url()).await?;
        postgres
            .execute_unprepared(&format!("CREATE DATABASE {NAME}"))
            .await?;
        let admin = server.url("postgres", server.password(), NAME);
        let admin = sea_orm::Database::connect(admin).await?;
        roles.create(&admin).await?;
        roles
            .set_password(&admin, Login::Migrator, PASSWORD)
            .await?;
        let grant = format!("GRANT CREATE ON DATABASE {NAME} TO {}", roles.migrator);
        admin.execute_unprepared(&grant).await?;
        let url = server.url(&roles.migrator, PASSWORD, NAME);
        let migrator = sea_orm::Database::connect(url).await?;
        Ok(Bed {
            server,
            roles,
            migrator,
        })
    }

    /// A schema with the shop's tables, by the migrations.
    async fn migrate(&self, schema: &str) -> Outcome<Duration> {
        let start = Instant::now();
        self.create_schema(schema).await?;
        let url = self.server.url(&self.roles.migrator, PASSWORD, NAME);
        let url = format!("{url}?options=-csearch_path%3D{schema}");
        let inside = sea_orm::Database::connect(url).await?;
        Migrator::up(&inside, None).await?;
        inside.close().await?;
        Ok(start.elapsed())
    }

    async fn create_schema(&self, schema: &str) -> Outcome<()> {
        let owner = &self.roles.owner;
        let create =
            format!("CREATE SCHEMA {schema}; GRANT USAGE, CREATE ON SCHEMA {schema} TO {owner}");
        self.migrator.execute_unprepared(&create).await?;
        Ok(())
    }

    /// A schema with tables as the shop's orders have them: eight columns, three indexes, two
    /// foreign keys, a check, a trigger, policies.
    async fn make_template(&self, tables: u32) -> Outcome<()> {
        let schema = format!("template_{tables}");
        self.create_schema(&schema).await?;
        let mut sql = format!(
            "BEGIN; SET LOCAL search_path = {schema}; \
             CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        );
        for nth in 0..tables {
            let parent = nth.saturating_sub(1);
            sql.push_str(&format!(
                "CREATE TABLE t{nth} (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), \
                   tenant_id varchar(255) NOT NULL DEFAULT current_setting('app.current_tenant_id', true), \
                   number text NOT NULL, total bigint NOT NULL CHECK (total >= 0), parent_id uuid, \
                   other_id uuid, created_at timestamptz NOT NULL DEFAULT now(), note text, \
                   UNIQUE (tenant_id, id), \
                   FOREIGN KEY (tenant_id, parent_id) REFERENCES t{parent} (tenant_id, id), \
                   FOREIGN KEY (tenant_id, other_id) REFERENCES t{parent} (tenant_id, id)); \
                 CREATE INDEX idx_t{nth}_number ON t{nth} (tenant_id, number); \
                 CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON t{nth} FOR EACH ROW \
                   EXECUTE FUNCTION stamp(); \
                 CREATE POLICY tenant ON t{nth} TO {app} USING \
                   (tenant_id = (SELECT current_setting('app.current_tenant_id', true))); \
                 CREATE POLICY migrator ON t{nth} TO {migrator} USING (true) WITH CHECK (true); \
                 ALTER TABLE t{nth} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
                 GRANT SELECT, INSERT, UPDATE, DELETE ON t{nth} TO {app}; \
                 ALTER TABLE t{nth} OWNER TO {owner};",
                app = self.roles.application,
                migrator = self.roles.migrator,
                owner = self.roles.owner,
            ));
        }
        sql.push_str("COMMIT");
        self.migrator.execute_unprepared(&sql).await?;
        Ok(())
    }

    async fn clone(&self, from: &str, to: &str) -> Outcome<Duration> {
        let (from, to) = (SchemaName::parse(from)?, SchemaName::parse(to)?);
        let start = Instant::now();
        clone_schema(&from, &to, CloneData::None, &self.migrator).await?;
        Ok(start.elapsed())
    }
}
