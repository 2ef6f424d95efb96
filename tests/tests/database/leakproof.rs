//! Indexes under policies: which conditions find by them, and which cannot.

use dotmac_database::migrate::{Comparison, add_column, create_indexes, diff, drop_column};
use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, QueryTrait, Statement};
use sea_orm_migration::SchemaManager;

use crate::directory::{Directory, customer, new_customer};
use crate::support::{admin, kind, roles};

#[tokio::test]
async fn prefix_finds_by_its_index_whatever_the_order_of_the_database() {
    let directory = Directory::on_postgres().await;
    directory.fill().await;
    let prefix = customer::Column::Number.has_prefix("A-123", &directory.db.plain());
    let select = customer::Entity::find().filter(prefix);
    let statement = select.build(DbBackend::Postgres);
    for (plan, from, to) in [
        (
            directory.plan(statement.clone()).await,
            "'A-123'::text",
            "'A-124'::text",
        ),
        (directory.plan_of_prepared(statement).await, "$1", "$2"),
    ] {
        assert!(plan.contains("idx_customers_number_prefix"), "{plan}");
        let sought = format!("((number)::text >= {from}) AND ((number)::text < {to})");
        assert!(is_sought(&plan, &sought), "{plan}");
    }
}

#[tokio::test]
async fn equality_that_ignores_case_finds_by_its_index() {
    let directory = Directory::on_postgres().await;
    directory.fill().await;
    for (column, index, sought) in [
        (
            customer::Column::Email,
            "uq_customers_email",
            "(email_lower = lower($1))",
        ),
        (
            customer::Column::Nickname,
            "idx_customers_nick_lower",
            "(nick_lower = lower($1))",
        ),
    ] {
        let same = column.equals_ignoring_case("ADA@example.com");
        let select = customer::Entity::find().filter(same);
        let statement = select.build(DbBackend::Postgres);
        let plan = directory.plan_of_prepared(statement).await;
        assert!(plan.contains(index), "{plan}");
        assert!(is_sought(&plan, sought), "{plan}");
    }
}

#[tokio::test]
async fn prefix_means_what_starts_with_means() {
    // The edges of UTF-8's lengths and of the surrogates, the ends, and LIKE's signs.
    let signs = [
        'a',
        'A',
        '%',
        '_',
        '\\',
        '\u{7f}',
        '\u{80}',
        '\u{7ff}',
        'é',
        '\u{d7ff}',
        '\u{e000}',
        '\u{ffff}',
        '\u{10ffff}',
    ];
    let mut texts = vec![String::new()];
    for first in signs {
        texts.push(first.to_string());
        texts.extend(signs.map(|second| format!("{first}{second}")));
    }
    for directory in Directory::on_both().await {
        let rows = texts.iter().enumerate();
        let rows: Vec<_> = rows
            .map(|(n, text)| new_customer(text, &format!("{n}@example.com")))
            .chain([customer::ActiveModel {
                number: Set(None),
                ..new_customer("", "null@example.com")
            }])
            .collect();
        let found = directory.db.write(&directory.a, async |tx| {
            customer::Entity::insert_bulk(rows).exec(tx).await?;
            for prefix in &texts {
                let matches = customer::Column::Number.has_prefix(prefix, tx);
                let found = customer::Entity::find().filter(matches).all(tx).await?;
                let mut found: Vec<_> = found.into_iter().filter_map(|row| row.number).collect();
                found.sort();
                let expected = texts.iter().filter(|text| text.starts_with(prefix));
                let mut expected: Vec<String> = expected.cloned().collect();
                expected.sort();
                assert_eq!(found, expected, "{prefix:?}");
            }
            Ok::<_, Error>(())
        });
        found.await.unwrap();
    }
}

#[tokio::test]
async fn text_is_unique_whatever_its_case_among_the_live_rows_of_a_tenant() {
    for directory in Directory::on_both().await {
        let add = |context, email: &'static str| {
            let row = new_customer("1", email);
            directory.db.write(context, async |tx| row.insert(tx).await)
        };
        let first = add(&directory.a, "Ada@Example.com").await.unwrap();
        let again = add(&directory.a, "ada@example.COM").await;
        let Error::Unique { violation, .. } = Error::from(again.unwrap_err()) else {
            panic!("not a unique violation");
        };
        assert_eq!(violation.columns.first().unwrap(), "tenant_id");
        add(&directory.b, "ADA@example.com").await.unwrap();
        let delete = directory
            .db
            .write(&directory.a, async |tx| first.delete(tx).await);
        delete.await.unwrap();
        add(&directory.a, "ada@example.com").await.unwrap();
    }
}

#[tokio::test]
async fn text_is_found_whatever_its_case_and_after_it_changed() {
    for directory in Directory::on_both().await {
        let checked = directory.db.write(&directory.a, async |tx| {
            let ada = new_customer("1", "Ada@Example.com").insert(tx).await?;
            let find = async |email: &str| {
                let same = customer::Column::Email.equals_ignoring_case(email);
                customer::Entity::find().filter(same).one(tx).await
            };
            assert_eq!(find("aDA@eXAMPLE.com").await?.unwrap().id, ada.id);
            assert_eq!(find("ada%example.com").await?, None);
            let mut changed = ada.into_active_model();
            changed.email = Set("Lovelace@Example.com".into());
            changed.update(tx).await?;
            assert!(find("ada@example.com").await?.is_none());
            assert!(find("LOVELACE@example.com").await?.is_some());
            // A column without the attribute means the same.
            let plain = customer::Column::Number.equals_ignoring_case("1");
            assert!(
                customer::Entity::find()
                    .filter(plain)
                    .one(tx)
                    .await?
                    .is_some()
            );
            Ok::<_, Error>(())
        });
        checked.await.unwrap();
    }
}

#[tokio::test]
async fn upsert_meets_a_text_of_another_case() {
    for directory in Directory::on_both().await {
        let upserted = directory.db.write(&directory.a, async |tx| {
            let first = new_customer("1", "Ada@Example.com").insert(tx).await?;
            let again = customer::Entity::upsert(new_customer("2", "ADA@example.com"));
            let again = again.on([customer::Column::Email]).exec(tx).await?;
            assert_eq!(again.id, first.id);
            assert_eq!(again.number.as_deref(), Some("2"));
            assert_eq!(customer::Entity::find().all(tx).await?.len(), 1);
            Ok::<_, Error>(())
        });
        upserted.await.unwrap();
    }
}

#[tokio::test]
async fn column_of_lower_case_is_the_databases_own() {
    for directory in Directory::on_both().await {
        let refused = directory.db.write(&directory.a, async |tx| {
            new_customer("1", "Ada@Example.com").insert(tx).await?;
            tx.execute_unprepared("UPDATE customers SET email_lower = 'x'")
                .await
        });
        assert!(refused.await.is_err());
    }
}

#[tokio::test]
async fn migrations_know_the_columns_and_indexes_of_searches() {
    for directory in Directory::on_both().await {
        let db = match directory.name.as_str() {
            "" => directory.db.plain(),
            name => admin(name).await,
        };
        let manager = SchemaManager::new(&db);
        let comparison = Comparison::all().roles(roles()).entity("customers");
        let lines = async || {
            let found = diff(&comparison, &manager).await.unwrap();
            let lines = found.iter().map(|line| {
                let line = line.to_string();
                line.split(" (").next().unwrap_or_default().to_owned()
            });
            lines.collect::<Vec<_>>()
        };
        assert_eq!(lines().await, [""; 0]);
        let drop = "DROP INDEX idx_customers_number_prefix; DROP INDEX idx_customers_nick_lower";
        db.execute_unprepared(drop).await.unwrap();
        drop_column::<customer::Entity>(&manager, "nick_lower")
            .await
            .unwrap();
        assert_eq!(
            lines().await,
            [
                "customers: column `nick_lower` is missing",
                "customers: index `idx_customers_nick_lower` is missing",
                "customers: index `idx_customers_number_prefix` is missing",
            ],
        );
        for _ in 0..2 {
            add_column::<customer::Entity>(&manager, "nick_lower")
                .await
                .unwrap();
            create_indexes::<customer::Entity>(&manager).await.unwrap();
            assert_eq!(lines().await, [""; 0]);
        }
    }
}

#[tokio::test]
async fn statement_in_tenant_meets_the_sessions_rows_only() {
    for directory in Directory::on_both().await {
        let write = async |context: &RequestContext| {
            let written = directory.db.write(context, async |tx| {
                new_customer("1", "ada@example.com").insert(tx).await
            });
            written.await.unwrap()
        };
        let (own, foreign) = (write(&directory.a).await, write(&directory.b).await);
        let checked = directory.db.write(&directory.a, async |tx| {
            let found = customer::Entity::find().in_tenant(tx)?.all(tx).await?;
            let found: Vec<Uuid> = found.iter().map(|row| row.id).collect();
            assert_eq!(found, [own.id]);
            let update = customer::Entity::update_many()
                .col_expr(customer::Column::Number, "2".into())
                .in_tenant(tx)?;
            assert_eq!(update.exec(tx).await?.rows_affected, 1);
            Ok::<_, Error>(())
        });
        checked.await.unwrap();
        let read = directory.db.read(&directory.b, async |tx| {
            customer::Entity::find_by_id(foreign.id).one(tx).await
        });
        assert_eq!(read.await.unwrap().unwrap().number.as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn statement_in_tenant_needs_a_session_with_a_tenant() {
    let directory = Directory::on_sqlite().await;
    let outside = customer::Entity::find().in_tenant(&directory.db.plain());
    assert_eq!(kind(outside), ErrorKind::OutsideSession);
    let nobody = RequestContext::without_tenant();
    let read = directory.db.read(&nobody, async |tx| {
        customer::Entity::find()
            .in_tenant(tx)?
            .all(tx)
            .await
            .map_err(Error::from)
    });
    assert_eq!(kind(read.await), ErrorKind::MissingTenant);
}

#[tokio::test]
async fn statement_in_tenant_is_planned_for_the_tenant_as_it_is() {
    let directory = Directory::on_postgres().await;
    directory.fill().await;
    let estimate = async |select: Select<customer::Entity>| {
        let statement = select.build(DbBackend::Postgres);
        let plan = directory.plan(statement).await;
        let rows = plan.split("rows=").nth(1).unwrap().split(' ').next();
        rows.unwrap().parse::<u32>().unwrap()
    };
    let hidden = estimate(customer::Entity::find()).await;
    let own = directory.db.read(&directory.a, async |tx| {
        customer::Entity::find().in_tenant(tx)
    });
    let said = estimate(own.await.unwrap()).await;
    // The tenant has 18,000 of 20,000 rows, and there are two tenants.
    assert!((9_000..=11_000).contains(&hidden), "{hidden}");
    assert!(said > 12_000, "{said}");
}

/// What the library works around. Where a new version of PostgreSQL changes a line, the warning of the
/// macro, the helpers and the guide are to be changed with it.
#[tokio::test]
async fn postgres_trusts_these_operators_with_hidden_rows_and_no_others() {
    let directory = Directory::on_postgres().await;
    let admin = admin(&directory.name).await;
    admin
        .execute_unprepared(
            "CREATE TYPE mood AS ENUM ('sad', 'glad');
             CREATE TABLE probes (tenant_id varchar(255), n numeric, j jsonb, a int[], m mood,
               t text, b bigint, u uuid, z timestamptz, d date, f float8, y bytea, i interval);
             INSERT INTO probes SELECT CASE x % 2 WHEN 0 THEN 'acme' ELSE 'beta' END, x,
               jsonb_build_object('k', x), ARRAY[x], 'glad', 'T' || x, x, gen_random_uuid(),
               now() + x * interval '1 s', current_date + x, x, x::text::bytea, x * interval '1 s'
               FROM generate_series(1, 2000) x;
             ALTER TABLE probes ENABLE ROW LEVEL SECURITY;
             CREATE POLICY p ON probes USING
               (tenant_id = (select nullif(current_setting('app.current_tenant_id', true), '')));
             GRANT SELECT ON probes TO shop_app;
             CREATE INDEX probes_lower ON probes (tenant_id, lower(t));
             CREATE INDEX probes_like ON probes (tenant_id, t COLLATE \"C\");",
        )
        .await
        .unwrap();
    for column in ["n", "j", "a", "m", "t", "b", "u", "z", "d", "f", "y", "i"] {
        let sql = format!("CREATE INDEX probes_{column} ON probes (tenant_id, {column})");
        admin.execute_unprepared(&sql).await.unwrap();
    }
    admin.execute_unprepared("ANALYZE probes").await.unwrap();
    for (condition, is_trusted) in [
        ("n = 7", false),
        ("n BETWEEN 7 AND 8", false),
        ("j = '{\"k\": 7}'", false),
        ("a = ARRAY[7]", false),
        ("m = 'sad'", false),
        ("lower(t) = 't7'", false),
        ("t LIKE 'T7%'", false),
        ("t = 'T7'", true),
        ("t ^@ 'T77'", true),
        ("t COLLATE \"C\" >= 'T77' AND t COLLATE \"C\" < 'T78'", true),
        ("b = 7", true),
        ("u = '00000000-0000-0000-0000-000000000000'", true),
        ("z = '2020-01-01'", true),
        ("d = '2020-01-01'", true),
        ("f = 7", true),
        ("y = 'x'", true),
        ("i = '1 s'", true),
    ] {
        let sql = format!("SELECT 1 FROM probes WHERE {condition}");
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let plan = directory.plan(statement).await;
        let conditions = plan.lines().filter(|line| line.contains("Index Cond"));
        // The policy's own condition is one; a trusted one stands beside it.
        let is_sought = conditions.into_iter().any(|line| line.contains(" AND "));
        assert_eq!(is_sought, is_trusted, "{condition}:\n{plan}");
    }
}

/// Whether the index is sought by the condition, which is no filter of the rows then.
fn is_sought(plan: &str, condition: &str) -> bool {
    let mut lines = plan.lines();
    lines.any(|line| line.contains("Index Cond") && line.contains(condition))
}
