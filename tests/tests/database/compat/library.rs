//! A database of each kind, with the same rows.

use dotmac_database::migrate::{create_indexes, create_table, create_triggers};
use dotmac_database::prelude::*;
use dotmac_database::rls;
use dotmac_database::testing::in_memory;
use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::SchemaManager;
use tokio::sync::OnceCell;

use super::entity::{author, book, book_label, bulletin, chapter, copy, label, profile, survey};
use crate::support::{A, B, PASSWORD, admin, config, context, create_database, roles, server};

/// A database in which tenant A has two authors, three books and what belongs to them, and some
/// deleted rows of each kind.
pub struct Library {
    pub db: Database,
    pub a: RequestContext,
    pub backend: DbBackend,
}

/// Runs the body on PostgreSQL, and then on SQLite.
pub async fn on_both(body: impl AsyncFn(&Library)) {
    for backend in [DbBackend::Postgres, DbBackend::Sqlite] {
        // Shown where the test fails.
        println!("on {backend:?}");
        body(&Library::open(backend).await).await;
    }
}

impl Library {
    pub async fn open(backend: DbBackend) -> Self {
        let db = match backend {
            DbBackend::Postgres => on_postgres().await,
            _ => on_sqlite().await,
        };
        let a = context(A);
        fill(&db, &a).await;
        if backend == DbBackend::Postgres {
            fill(&db, &context(B)).await;
        }
        Library { db, a, backend }
    }

    /// A writing session of tenant A.
    pub fn begin(&self) -> Session {
        self.db.begin(&self.a).unwrap()
    }
}

/// The price, as the test reads it.
pub fn cents(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

/// The titles, in their order.
pub fn titles(books: &[book::Model]) -> Vec<&str> {
    books.iter().map(|book| book.title.as_str()).collect()
}

async fn on_sqlite() -> Database {
    let db = in_memory().await.unwrap();
    create_tables(&SchemaManager::new(&db.plain())).await;
    db
}

async fn on_postgres() -> Database {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let template = TEMPLATE.get_or_init(make_template).await;
    let name = create_database(template).await;
    Database::connect(config(&name)).await.unwrap()
}

async fn make_template() -> String {
    let name = create_database("shop").await;
    let url = server().url(&roles().migrator, PASSWORD, &name);
    let migrator = sea_orm::Database::connect(url).await.unwrap();
    let manager = SchemaManager::new(&migrator);
    create_tables(&manager).await;
    create::<survey::Entity>(&manager).await;
    migrator.close().await.unwrap();
    let admin = admin("postgres").await;
    // Nobody connects to a template.
    let sql = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
    admin.execute_unprepared(&sql).await.unwrap();
    admin.close().await.unwrap();
    name
}

async fn create_tables(manager: &SchemaManager<'_>) {
    create::<author::Entity>(manager).await;
    create::<profile::Entity>(manager).await;
    create::<book::Entity>(manager).await;
    create::<chapter::Entity>(manager).await;
    create::<label::Entity>(manager).await;
    create::<book_label::Entity>(manager).await;
    create::<copy::Entity>(manager).await;
    create::<bulletin::Entity>(manager).await;
}

async fn create<E: TenantAware>(manager: &SchemaManager<'_>) {
    create_table::<E>(manager).await.unwrap();
    create_indexes::<E>(manager).await.unwrap();
    create_triggers::<E>(manager).await.unwrap();
    if manager.get_database_backend() == DbBackend::Postgres {
        rls::install::<E, _>(manager.get_connection(), &roles())
            .await
            .unwrap();
    }
}

async fn fill(db: &Database, context: &RequestContext) {
    let session = db.begin(context).unwrap();
    write(&session).await.unwrap();
    session.commit().await.unwrap();
}

async fn write(tx: &Session) -> Result<(), DbErr> {
    let ada = write_author("ada", tx).await?;
    let engines = write_book(&ada, "Engines", None, tx).await?;
    let notes = write_book(&ada, "Notes", Some(&engines), tx).await?;
    let lost = write_book(&ada, "Lost", Some(&engines), tx).await?;
    let byron = write_author("byron", tx).await?;
    let song = write_book(&byron, "Song", None, tx).await?;
    let gone = write_author("gone", tx).await?;
    profile::ActiveModel {
        author_id: Set(ada.id),
        about: Set("countess".into()),
        ..Default::default()
    }
    .insert(tx)
    .await?;
    for (book, words) in [(&engines, [10, 20, 30]), (&notes, [1, 2, 3])] {
        for (number, words) in (1..).zip(words) {
            write_chapter(book, number, words, tx).await?;
        }
    }
    for name in ["math", "verse", "old"] {
        label::ActiveModel {
            name: Set(name.into()),
            ..Default::default()
        }
        .insert(tx)
        .await?;
    }
    for (book, labels) in [
        (&engines, ["math", "old"]),
        (&song, ["verse", "old"]),
        (&lost, ["math", "verse"]),
    ] {
        for label in labels {
            write_label(book, label, tx).await?;
        }
    }
    for (shelf, place, book, lent) in [
        ("east", 1, &engines, 3),
        ("east", 2, &notes, 5),
        ("west", 1, &engines, 7),
        ("west", 2, &song, 9),
    ] {
        copy::ActiveModel {
            shelf: Set(shelf.into()),
            place: Set(place),
            book_id: Set(book.id),
            lent: Set(lent),
            ..Default::default()
        }
        .insert(tx)
        .await?;
    }
    lost.delete(tx).await?;
    gone.delete(tx).await?;
    label::Entity::delete_many()
        .filter(label::Column::Name.eq("old"))
        .exec(tx)
        .await?;
    chapter::Entity::delete_many()
        .filter(chapter::Column::Number.eq(3))
        .exec(tx)
        .await?;
    copy::Entity::delete_many()
        .filter(copy::Column::Lent.eq(9))
        .exec(tx)
        .await?;
    Ok(())
}

async fn write_author(name: &str, tx: &Session) -> Result<author::Model, DbErr> {
    let author = author::ActiveModel {
        name: Set(name.into()),
        ..Default::default()
    };
    author.insert(tx).await
}

async fn write_book(
    author: &author::Model,
    title: &str,
    sequel_of: Option<&book::Model>,
    tx: &Session,
) -> Result<book::Model, DbErr> {
    new_book(author.id, title, sequel_of.map(|book| book.id))
        .insert(tx)
        .await
}

/// A book whose price is as many cents as its title has letters, times a hundred and one.
pub fn new_book(author_id: Uuid, title: &str, sequel_of: Option<Uuid>) -> book::ActiveModel {
    let letters = i64::try_from(title.len()).unwrap();
    book::ActiveModel {
        author_id: Set(author_id),
        sequel_of: Set(sequel_of),
        title: Set(title.into()),
        price: Set(cents(letters * 101)),
        genre: Set(match title {
            "Song" => book::Genre::Poetry,
            _ => book::Genre::Science,
        }),
        binding: Set((title == "Engines").then_some(book::Binding::Cloth)),
        edition: Set(book::Edition {
            year: 1843,
            languages: vec!["en".into(), "fr".into()],
        }),
        ..Default::default()
    }
}

async fn write_chapter(
    book: &book::Model,
    number: i32,
    words: i32,
    tx: &Session,
) -> Result<chapter::Model, DbErr> {
    let chapter = chapter::ActiveModel {
        book_id: Set(book.id),
        number: Set(number),
        words: Set(words),
        ..Default::default()
    };
    chapter.insert(tx).await
}

async fn write_label(book: &book::Model, name: &str, tx: &Session) -> Result<(), DbErr> {
    let tenant = tx.context().tenant_id().unwrap();
    let label = label::Entity::find_in(tenant)?
        .filter(label::Column::Name.eq(name))
        .one(tx)
        .await?;
    let link = book_label::ActiveModel {
        book_id: Set(book.id),
        label_id: Set(label.unwrap().id),
        ..Default::default()
    };
    link.insert(tx).await.map(drop)
}
