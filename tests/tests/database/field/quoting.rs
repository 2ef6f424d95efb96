//! I03, I04: literals and identifiers mean to the server what they were made of.

use std::time::Instant;

use dotmac_database::__private::{literal, quote};
use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::support::{Shop, context, server};

/// What breaks quoting where it breaks.
const PIECES: [&str; 24] = [
    "'",
    "''",
    "\\",
    "\\'",
    "\\\\",
    "\"",
    "\"\"",
    "$$",
    "$a$",
    "E'",
    "U&'",
    "--",
    "/*",
    "*/",
    ";",
    "\n",
    "\r",
    "\t",
    "\u{7f}",
    "%",
    "\u{e000}",
    "\u{1f600}",
    "\u{301}",
    "a",
];

fn text(random: &mut fastrand::Rng, longest: usize) -> String {
    let mut text = String::new();
    for _ in 0..random.usize(0..12) {
        match random.u8(0..5) {
            0 => text.push(random.char('\u{1}'..)),
            1 => text.push(random.char('\u{1}'..='\u{ff}')),
            _ => text.push_str(random.choice(PIECES).unwrap_or_default()),
        }
    }
    while text.len() > longest {
        text.pop();
    }
    text
}

fn seeded() -> fastrand::Rng {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    fastrand::Rng::with_seed(seed)
}

#[tokio::test]
async fn i04_a_million_literals_are_read_to_the_letter() {
    const BATCH: usize = 2_000;
    let mut random = seeded();
    let count = 1_000_000;
    let started = Instant::now();
    for conforming in ["on", "off"] {
        let mut options = sea_orm::ConnectOptions::new(server().superuser_url());
        options.max_connections(1);
        let db = sea_orm::Database::connect(options).await.unwrap();
        let set = format!("SET standard_conforming_strings = {conforming}");
        db.execute_unprepared(&set).await.unwrap();
        for _ in 0..count / BATCH / 2 {
            let texts: Vec<String> = (0..BATCH).map(|_| text(&mut random, 200)).collect();
            let literals: Vec<String> = texts.iter().map(|text| literal(text)).collect();
            let sql = format!("SELECT unnest(ARRAY[{}]::text[])", literals.join(","));
            let statement = Statement::from_string(DbBackend::Postgres, sql);
            let rows = db.query_all_raw(statement).await.unwrap();
            assert_eq!(rows.len(), BATCH);
            for (row, text) in rows.iter().zip(&texts) {
                assert_eq!(&row.try_get_by_index::<String>(0).unwrap(), text);
            }
        }
        db.close().await.unwrap();
    }
    println!("{count} literals in {:?}", started.elapsed());
}

#[tokio::test]
async fn i04_identifiers_are_read_to_the_letter() {
    const BATCH: usize = 500;
    let mut random = seeded();
    let db = sea_orm::Database::connect(server().superuser_url())
        .await
        .unwrap();
    for _ in 0..20 {
        let mut names: Vec<String> = (0..BATCH).map(|_| text(&mut random, 63)).collect();
        names.retain(|name| !name.is_empty());
        let columns: Vec<String> = names
            .iter()
            .map(|name| format!("1 AS {}", quote(name)))
            .collect();
        let sql = format!("SELECT {}", columns.join(","));
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = db.query_one_raw(statement).await.unwrap().unwrap();
        assert_eq!(row.column_names(), names);
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn i04_context_arrives_to_the_letter() {
    let shop = Shop::with_pool(1).await;
    let mut random = seeded();
    let sql = "SELECT current_setting('app.current_tenant_id'), current_setting('app.current_user_id'), \
               current_setting('app.request_id'), current_setting('app.session_id')";
    for _ in 0..500 {
        let texts = [0; 3].map(|_| format!("{}x", text(&mut random, 250)));
        let context = context("acme").user(&texts[0]).unwrap();
        let context = context
            .request_id(&texts[1])
            .unwrap()
            .session_id(&texts[2])
            .unwrap();
        let work = async |tx: &Session| {
            let statement = Statement::from_string(DbBackend::Postgres, sql);
            tx.query_one_raw(statement).await
        };
        let row = shop.db.read(&context, work).await.unwrap().unwrap();
        let read = |index| row.try_get_by_index::<String>(index).unwrap();
        assert_eq!(read(0), "acme");
        assert_eq!([read(1), read(2), read(3)], texts);
    }
}

// Whatever a client sends: refused, or one tenant with one spelling.
#[test]
fn i03_tenant_id_is_refused_or_has_one_spelling() {
    let mut random = seeded();
    let mut taken = 0;
    for _ in 0..100_000 {
        let id = match random.bool() {
            true => text(&mut random, 300),
            false => (0..random.usize(1..5))
                .map(|_| random.choice(['a', 'A', '0', '_', '-', '.']).unwrap())
                .collect(),
        };
        let Ok(tenant) = TenantId::parse(&id) else {
            continue;
        };
        taken += 1;
        assert_eq!(tenant.as_str(), id);
        assert!(
            id.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
        );
        assert_eq!(literal(&id), format!("'{id}'"));
    }
    assert!(taken > 1_000, "{taken}");
}
