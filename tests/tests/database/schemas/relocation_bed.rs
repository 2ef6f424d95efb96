//! A directory at home, two other databases, and tenants with orders in all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use dotmac_database::SchemaName;
use dotmac_database::migrate::Fleet;
use dotmac_database::prelude::*;
use dotmac_database::rls::Login;
use dotmac_database::tenancy::{Directory, Placement, TenantRecord};
use dotmac_database::testing::MigratedDatabase;
use migration::entity::{order, user};
use migration::{Migrator, TenantMigrator};
use sea_orm::DatabaseConnection;

use super::fleet_bed::{Nothing, id};
use super::site::{texts, until, until_waiting_for};
use crate::support::{context, server};

const TABLES: [&str; 4] = ["tenants", "users", "orders", "order_lines"];
pub type TestFleet = Fleet<Migrator, TenantMigrator>;

/// One database, with whoever sees everything.
pub struct Site {
    pub database: MigratedDatabase<'static>,
    pub admin: DatabaseConnection,
}

pub struct Estate {
    pub home: Site,
    /// Two others: `eu` and `us`.
    pub others: BTreeMap<&'static str, Site>,
    /// The migrator's connection to the directory.
    pub migrator: DatabaseConnection,
    pub fleet: TestFleet,
    /// What acme's rows are, wherever they are.
    pub rows: Vec<String>,
}

pub fn placement(text: &str) -> Placement {
    text.parse().unwrap()
}

impl Site {
    async fn of(database: MigratedDatabase<'static>) -> Self {
        let admin = sea_orm::Database::connect(database.superuser_url()).await;
        Site {
            admin: admin.unwrap(),
            database,
        }
    }

    /// All rows of a tenant in a schema, triggers and sequences left aside; none where there are no tables.
    pub async fn rows(&self, schema: &str, tenant: &str) -> Vec<String> {
        let there = format!(
            "SELECT 1::text FROM pg_tables WHERE schemaname = '{schema}' AND tablename = 'orders'"
        );
        if texts(&there, &self.admin).await.is_empty() {
            return Vec::new();
        }
        let rows = |table: &str| {
            let column = if table == "tenants" {
                "id"
            } else {
                "tenant_id"
            };
            format!(
                "SELECT '{table} ' || t::text FROM {schema}.{table} t WHERE {column} = '{tenant}'"
            )
        };
        let all = TABLES.map(rows).join(" UNION ALL ");
        texts(&format!("{all} ORDER BY 1"), &self.admin).await
    }

    /// Ends the backends of this database's migrator.
    pub async fn kill(&self) {
        let sql = format!(
            "SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity \
             WHERE datname = current_database() AND usename = '{}'",
            self.database.roles().migrator,
        );
        texts(&sql, &self.admin).await;
    }

    /// Comes back once a backend of the migrator waits for a lock on whatever.
    pub async fn until_any_waits(&self) {
        let sql = format!(
            "SELECT 1::text FROM pg_stat_activity WHERE datname = current_database() \
             AND wait_event_type = 'Lock' AND usename = '{}'",
            self.database.roles().migrator,
        );
        until(&sql, &self.admin).await;
    }

    /// Comes back once a backend of the migrator waits for a lock on the table.
    pub async fn until_waiting_for(&self, table: &str) {
        let migrator = &self.database.roles().migrator;
        until_waiting_for(table, migrator, &self.admin).await;
    }
}

impl Estate {
    /// With acme and beta in the shared tables at home, and gamma in `eu`; acme is suspended.
    pub async fn open() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let home = format!("home_{number}");
        let home = Site::of(server().migrated::<Migrator>(&home).await.unwrap()).await;
        let mut others = BTreeMap::new();
        for name in ["eu", "us"] {
            let name_there = format!("{name}_{number}");
            let database = server().migrated::<Nothing>(&name_there).await;
            others.insert(name, Site::of(database.unwrap()).await);
        }
        let url = home.database.url(Login::Migrator);
        let mut estate = Estate {
            migrator: sea_orm::Database::connect(url).await.unwrap(),
            fleet: fleet(&others),
            home,
            others,
            rows: Vec::new(),
        };
        for (tenant, place) in [("acme", "rows"), ("beta", "rows"), ("gamma", "database:eu")] {
            let (id, place) = (id(tenant), placement(place));
            let created = estate.fleet.create(&id, &place, &estate.migrator).await;
            created.unwrap();
            estate.fill(tenant).await;
        }
        estate
            .fleet
            .suspend(&id("acme"), &estate.migrator)
            .await
            .unwrap();
        estate.rows = estate.home.rows("public", "acme").await;
        assert_eq!(estate.rows.len(), 6);
        estate
    }

    /// A user with orders, one of which is deleted.
    async fn fill(&self, tenant: &str) {
        let site = self.site(tenant).await;
        let db = Database::connect(site.database.config().unwrap())
            .await
            .unwrap();
        db.write(&context(tenant), async |tx| {
            let new = user::ActiveModel {
                email: Set("ada@example.com".into()),
                name: Set("tab\there, line\nthere, \\N and 'quote' ü".into()),
                ..Default::default()
            };
            let user = new.insert(tx).await?;
            for number in 0..5 {
                let new = order::ActiveModel {
                    number: Set(format!("A-{number}")),
                    total_cents: Set(number),
                    user_id: Set((number > 2).then_some(user.id)),
                    ..Default::default()
                };
                let order = new.insert(tx).await?;
                if number == 4 {
                    order.delete(tx).await?;
                }
            }
            Ok::<_, DbErr>(())
        })
        .await
        .unwrap();
    }

    pub async fn record(&self, tenant: &str) -> TenantRecord {
        let found = Directory::new()
            .find_on(&id(tenant), &self.home.admin)
            .await;
        found.unwrap().unwrap()
    }

    /// The database in which the directory says that the tenant is.
    async fn site(&self, tenant: &str) -> &Site {
        match self.record(tenant).await.placement {
            Placement::Database(name) => &self.others[name.as_str()],
            _ => &self.home,
        }
    }

    pub async fn move_to(&self, place: &str) -> Result<TenantRecord, Error> {
        let place = placement(place);
        self.fleet
            .move_to(&place, &id("acme"), &self.migrator)
            .await
    }

    /// acme has all its rows where the directory says.
    pub async fn assert_whole(&self, after: &str) -> String {
        let record = self.record("acme").await;
        let schema = record.schema.as_ref().map_or("public", SchemaName::as_str);
        let found = self.site("acme").await.rows(schema, "acme").await;
        assert_eq!(found, self.rows, "{after}: {}", record.placement);
        record.placement.to_string()
    }

    /// acme has no rows elsewhere, and nothing is left to do; the others have all of theirs.
    pub async fn assert_clean(&self, after: &str) {
        let place = self.assert_whole(after).await;
        let mut places = vec![
            (&self.home, "public", "rows".to_owned()),
            (&self.home, "tenant_acme", "schema".to_owned()),
        ];
        let others = self.others.iter();
        places.extend(others.map(|(name, site)| (site, "public", format!("database:{name}"))));
        for (site, schema, name) in places {
            if name != place {
                let left = site.rows(schema, "acme").await;
                assert_eq!(left, [""; 0], "{after}: at {name}");
            }
        }
        assert!(self.moves().await.is_empty(), "{after}");
        assert_eq!(self.home.rows("public", "beta").await.len(), 6, "{after}");
        assert_eq!(self.others["eu"].rows("public", "gamma").await.len(), 6);
    }

    /// Where rows are noted to be left.
    pub async fn moves(&self) -> Vec<String> {
        let sql = "SELECT concat_ws(' ', tenant_id, placement) FROM dotmac_moves";
        texts(sql, &self.home.admin).await
    }
}

fn fleet(others: &BTreeMap<&'static str, Site>) -> TestFleet {
    let urls = others.iter();
    let urls: BTreeMap<&'static str, String> = urls
        .map(|(name, site)| (*name, site.database.url(Login::Migrator)))
        .collect();
    Fleet::new().databases(move |name| {
        let url = urls[name.as_str()].clone();
        async move { Ok(sea_orm::Database::connect(url).await?) }
    })
}
