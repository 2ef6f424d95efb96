//! SQL of one's own: the macro, statements, results of one's own shape.

use dotmac_database::prelude::*;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, JsonValue, Statement, raw_sql};

use super::entity::book;
use super::library::{on_both, titles};

#[derive(Debug, PartialEq, FromQueryResult)]
struct Shelf {
    shelf: String,
    #[sea_orm(from_alias = "how_often")]
    lent: i64,
}

#[tokio::test]
async fn statement_with_values_fills_a_struct() {
    on_both(async |library| {
        let tx = library.begin();
        let statement = Statement::from_sql_and_values(
            library.backend,
            "SELECT shelf, CAST(sum(lent) AS BIGINT) AS how_often FROM copies \
             WHERE deleted_at IS NULL AND place < $1 GROUP BY shelf ORDER BY shelf",
            [9.into()],
        );
        let shelves = Shelf::find_by_statement(statement.clone()).all(&tx).await;
        let shelf = |shelf: &str, lent| Shelf {
            shelf: shelf.into(),
            lent,
        };
        assert_eq!(shelves.unwrap(), [shelf("east", 8), shelf("west", 7)]);
        let row = tx.query_one_raw(statement.clone()).await.unwrap().unwrap();
        assert_eq!(row.try_get::<String>("", "shelf").unwrap(), "east");
        // On SQLite SeaORM leaves a computed column out of JSON.
        let statement = Statement::from_string(
            library.backend,
            "SELECT shelf, lent FROM copies WHERE lent = 7",
        );
        let json = JsonValue::find_by_statement(statement).all(&tx).await;
        let west = serde_json::json!({"shelf": "west", "lent": 7});
        assert_eq!(json.unwrap(), [west]);
    })
    .await;
}

#[tokio::test]
async fn raw_sql_macro_binds_its_variables() {
    on_both(async |library| {
        let tx = library.begin();
        let hostile = "x' OR '1' = '1";
        let names = ["Engines", "Song", hostile];
        let statement = match library.backend {
            DbBackend::Postgres => raw_sql!(
                Postgres,
                "SELECT * FROM books WHERE title IN ({..names}) AND deleted_at IS NULL ORDER BY title"
            ),
            _ => raw_sql!(
                Sqlite,
                "SELECT * FROM books WHERE title IN ({..names}) AND deleted_at IS NULL ORDER BY title"
            ),
        };
        let books = book::Entity::find().from_raw_sql(statement).all(&tx).await;
        assert_eq!(titles(&books.unwrap()), ["Engines", "Song"]);
    })
    .await;
}

#[tokio::test]
async fn raw_sql_is_the_tenants_and_sees_deleted_rows() {
    on_both(async |library| {
        let tx = library.begin();
        let all = Statement::from_string(library.backend, "SELECT * FROM books");
        let all = book::Entity::find()
            .from_raw_sql(all)
            .all(&tx)
            .await
            .unwrap();
        assert_eq!(
            all.len(),
            4,
            "the scope is `find`'s, and the policy the database's"
        );
        let updated = Statement::from_sql_and_values(
            library.backend,
            "UPDATE books SET sequel_of = NULL WHERE title = $1",
            ["Notes".into()],
        );
        assert_eq!(tx.execute_raw(updated).await.unwrap().rows_affected(), 1);
    })
    .await;
}
