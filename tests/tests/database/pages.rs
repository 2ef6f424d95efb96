//! Pages by keyset: each row once, in order, in both directions, and cursors that nobody else can use.

use dotmac_database::prelude::*;
use dotmac_database::query::{CursorKey, Page, Pages};
use migration::entity::{order, order_line, user};
use sea_orm::sea_query::NullOrdering;
use sea_orm::{Condition, JoinType, Order, QuerySelect, RelationTrait, Select};

use crate::support::{Shop, kind};
use crate::tickets::{Bed, own, ticket};

use ticket::Column;

type Tickets = Pages<ticket::Entity>;

fn key() -> CursorKey {
    CursorKey::new([7; 32]).unwrap()
}

/// An order, as pages and as the database itself have it.
#[derive(Clone, Copy, Debug)]
struct Case(&'static [(Column, Order, Option<NullOrdering>)]);

const CASES: &[Case] = {
    use NullOrdering::{First, Last};
    use Order::{Asc, Desc};
    &[
        Case(&[]),
        Case(&[(Column::OpenedAt, Asc, None)]),
        Case(&[(Column::OpenedAt, Desc, None)]),
        Case(&[(Column::Title, Desc, None), (Column::Price, Desc, None)]),
        Case(&[(Column::Title, Asc, None), (Column::OpenedAt, Desc, None)]),
        Case(&[
            (Column::Urgent, Desc, None),
            (Column::Temper, Desc, None),
            (Column::Price, Asc, None),
        ]),
        Case(&[(Column::Temper, Asc, None)]),
        Case(&[(Column::Rank, Asc, Some(Last))]),
        Case(&[(Column::Rank, Asc, Some(First))]),
        Case(&[(Column::Rank, Desc, Some(Last))]),
        Case(&[(Column::Rank, Desc, Some(First))]),
        Case(&[
            (Column::Urgent, Asc, None),
            (Column::Rank, Desc, Some(Last)),
            (Column::Title, Asc, None),
        ]),
        Case(&[
            (Column::Rank, Asc, Some(First)),
            (Column::Price, Desc, None),
            (Column::Id, Asc, None),
        ]),
    ]
};

impl Case {
    fn pages(self, select: Select<ticket::Entity>, key: &CursorKey) -> Tickets {
        self.0
            .iter()
            .fold(select.pages(key), |pages, (column, order, nulls)| {
                match (order, nulls) {
                    (Order::Desc, None) => pages.desc(*column),
                    (Order::Desc, Some(nulls)) => pages.desc_with_nulls(*column, *nulls),
                    (_, None) => pages.asc(*column),
                    (_, Some(nulls)) => pages.asc_with_nulls(*column, *nulls),
                }
            })
    }

    /// By the database's own ORDER BY.
    fn sorted(self, select: Select<ticket::Entity>) -> Select<ticket::Entity> {
        let sorted = self
            .0
            .iter()
            .fold(select, |select, (column, order, nulls)| match nulls {
                Some(nulls) => select.order_by_with_nulls(*column, order.clone(), *nulls),
                None => select.order_by(*column, order.clone()),
            });
        let last = self
            .0
            .last()
            .map_or(Order::Asc, |(_, order, _)| order.clone());
        match self
            .0
            .iter()
            .any(|(column, ..)| matches!(column, Column::Id))
        {
            true => sorted,
            false => sorted.order_by(Column::Id, last),
        }
    }
}

fn ids(rows: &[ticket::Model]) -> Vec<Uuid> {
    rows.iter().map(|row| row.id).collect()
}

/// All pages from the first on.
async fn forward(case: Case, size: u32, tx: &Session) -> Vec<Page<ticket::Model>> {
    let (key, mut pages, mut after) = (key(), Vec::<Page<ticket::Model>>::new(), None);
    loop {
        let query = case.pages(own(tx), &key).size(size).after(after.as_deref());
        let page = query.page(tx).await.unwrap();
        assert_eq!(page.has_previous, !pages.is_empty());
        after = page.end.clone();
        let more = page.has_next;
        pages.push(page);
        if !more {
            return pages;
        }
    }
}

/// All pages from the last one back, and in the order of the query again.
async fn backward(case: Case, size: u32, tx: &Session) -> Vec<Page<ticket::Model>> {
    let key = key();
    let last = case.pages(own(tx), &key).size(size).last();
    let mut pages = vec![last.page(tx).await.unwrap()];
    assert!(!pages[0].has_next);
    while pages[0].has_previous {
        let before = pages[0].start.as_deref();
        let query = case.pages(own(tx), &key).size(size).before(before);
        let page = query.page(tx).await.unwrap();
        assert!(page.has_next);
        pages.insert(0, page);
    }
    pages
}

fn joined(pages: &[Page<ticket::Model>]) -> Vec<Uuid> {
    pages.iter().flat_map(|page| ids(&page.rows)).collect()
}

#[tokio::test]
async fn pages_visit_each_row_once_in_the_order_of_the_database() {
    for bed in Bed::both().await {
        bed.fill(40).await;
        for case in CASES {
            bed.db
                .read(&bed.a, async |tx| {
                    let expected = ids(&case.sorted(own(tx)).all(tx).await?);
                    assert_eq!(expected.len(), 40);
                    for size in [1, 3, 7, 40, 41] {
                        assert_eq!(
                            joined(&forward(*case, size, tx).await),
                            expected,
                            "{case:?}"
                        );
                        assert_eq!(
                            joined(&backward(*case, size, tx).await),
                            expected,
                            "{case:?}"
                        );
                    }
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn page_before_a_page_is_the_one_it_came_from() {
    for bed in Bed::both().await {
        bed.fill(20).await;
        for case in CASES {
            bed.db
                .read(&bed.a, async |tx| {
                    let pages = forward(*case, 4, tx).await;
                    let before = pages[2].start.as_deref();
                    let key = key();
                    let back = case.pages(own(tx), &key).size(4).before(before);
                    assert_eq!(ids(&back.page(tx).await?.rows), ids(&pages[1].rows));
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn rows_that_stay_are_visited_once_while_others_come_and_go() {
    for bed in Bed::both().await {
        for case in CASES {
            bed.fill(12).await;
            let all = async |tx: &Session| own(tx).all(tx).await;
            let rows = bed.db.read(&bed.a, all).await.unwrap();
            // Every other row goes while the pages are read, at a moment that its place decides.
            let (going, staying): (Vec<_>, Vec<_>) = rows
                .into_iter()
                .enumerate()
                .partition(|(place, _)| place % 2 == 0);
            let mut going = going.into_iter().map(|(_, row)| row);
            let (key, mut seen, mut after, mut number) = (key(), Vec::new(), None, 100);
            loop {
                let read = async |tx: &Session| {
                    let query = case.pages(own(tx), &key).size(3);
                    query.after(after.as_deref()).page(tx).await
                };
                let page = bed.db.read(&bed.a, read).await.unwrap();
                seen.extend(ids(&page.rows));
                after = page.end.or(after);
                if !page.has_next {
                    break;
                }
                number += 1;
                let change = async |tx: &Session| {
                    if let Some(row) = going.next() {
                        row.delete(tx).await?;
                    }
                    // The first few only, so that the end comes.
                    if number < 108 {
                        crate::tickets::ticket(number).insert(tx).await?;
                    }
                    Ok::<_, Error>(())
                };
                bed.db.write(&bed.a, change).await.unwrap();
            }
            let mut once = seen.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), seen.len(), "a row came twice: {case:?}");
            for (_, row) in staying {
                assert!(seen.contains(&row.id), "a row was left out: {case:?}");
            }
            let clear = async |tx: &Session| ticket::Entity::delete_many().exec(tx).await;
            bed.db.write(&bed.a, clear).await.unwrap();
            bed.db.write(&bed.b, clear).await.unwrap();
        }
    }
}

#[tokio::test]
async fn i10_pages_without_a_condition_show_own_rows_only() {
    let bed = Bed::postgres().await;
    bed.fill(10).await;
    bed.db
        .read(&bed.a, async |tx| {
            let page = ticket::Entity::find().pages(&key()).desc(Column::OpenedAt);
            let page = page.page(tx).await?;
            assert_eq!(page.rows.len(), 10);
            assert!(page.rows.iter().all(|row| row.tenant_id == "acme"));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn deleted_rows_are_on_no_page() {
    for bed in Bed::both().await {
        bed.fill(9).await;
        bed.db
            .write(&bed.a, async |tx| {
                let gone = own(tx).one(tx).await?.unwrap();
                gone.clone().delete(tx).await?;
                let rows = joined(&forward(CASES[1], 2, tx).await);
                assert_eq!(rows.len(), 8);
                assert!(!rows.contains(&gone.id));
                let all = ticket::Entity::find_with_deleted()
                    .filter(Column::TenantId.eq("acme"))
                    .pages(&key())
                    .page(tx)
                    .await?;
                assert_eq!(all.rows.len(), 9);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

async fn first_page(context: &RequestContext, bed: &Bed) -> Page<ticket::Model> {
    let read = async |tx: &Session| {
        let query = ticket::Entity::find().pages(&key()).desc(Column::OpenedAt);
        query.size(2).page(tx).await
    };
    bed.db.read(context, read).await.unwrap()
}

/// Takes the cursor of the first page of A's to another query.
async fn take(
    bed: &Bed,
    context: &RequestContext,
    cursor: &str,
    query: impl FnOnce(Select<ticket::Entity>) -> Select<ticket::Entity>,
    order: impl FnOnce(Tickets) -> Tickets,
) -> Result<Page<ticket::Model>, Error> {
    let key = key();
    let read = async |tx: &Session| {
        let pages = order(query(ticket::Entity::find()).pages(&key));
        pages.after(Some(cursor)).page(tx).await
    };
    bed.db.read(context, read).await
}

#[tokio::test]
async fn cursor_of_another_tenant_query_order_or_key_is_refused() {
    for bed in Bed::both().await {
        bed.fill(5).await;
        let page = first_page(&bed.a, &bed).await;
        let cursor = page.end.as_deref().unwrap();
        let same = |select| select;
        let by_time = |pages: Tickets| pages.desc(Column::OpenedAt);

        let own = take(&bed, &bed.a, cursor, same, |p| p.desc(Column::OpenedAt)).await;
        assert!(!own.unwrap().rows.is_empty());

        let refused = ErrorKind::InvalidCursor;
        let tenant = take(&bed, &bed.b, cursor, same, |p| p.desc(Column::OpenedAt)).await;
        assert_eq!(kind(tenant), refused);
        let nobody = RequestContext::without_tenant();
        let none = take(&bed, &nobody, cursor, same, |p| p.desc(Column::OpenedAt)).await;
        assert_eq!(kind(none), refused);
        let filter = |select: Select<_>| select.filter(Column::Urgent.eq(true));
        let filtered = take(&bed, &bed.a, cursor, filter, |p| p.desc(Column::OpenedAt)).await;
        assert_eq!(kind(filtered), refused);
        let ascending = take(&bed, &bed.a, cursor, same, |p| p.asc(Column::OpenedAt)).await;
        assert_eq!(kind(ascending), refused);
        let column = take(&bed, &bed.a, cursor, same, |p| p.desc(Column::CreatedAt)).await;
        assert_eq!(kind(column), refused);
        let more = take(&bed, &bed.a, cursor, same, |p| {
            p.desc(Column::OpenedAt).desc(Column::Title)
        });
        assert_eq!(kind(more.await), refused);
        let deleted = bed.db.read(&bed.a, async |tx| {
            let all = ticket::Entity::find_with_deleted();
            let key = key();
            by_time(all.pages(&key)).after(Some(cursor)).page(tx).await
        });
        assert_eq!(kind(deleted.await), refused);
        let other_key = bed.db.read(&bed.a, async |tx| {
            let key = CursorKey::new([8; 32])?;
            let pages = ticket::Entity::find().pages(&key).desc(Column::OpenedAt);
            pages.after(Some(cursor)).page(tx).await
        });
        assert_eq!(kind(other_key.await), refused);
        let both = bed.db.read(&bed.a, async |tx| {
            let key = key();
            let pages = ticket::Entity::find().pages(&key).desc(Column::OpenedAt);
            pages
                .after(Some(cursor))
                .before(Some(cursor))
                .page(tx)
                .await
        });
        assert_eq!(kind(both.await), refused);
    }
}

#[tokio::test]
async fn filter_with_another_value_is_another_query() {
    let bed = Bed::sqlite().await;
    bed.fill(5).await;
    let key = key();
    bed.db
        .read(&bed.a, async |tx| {
            let titled = |title: &str| own(tx).filter(Column::Title.eq(title)).pages(&key).size(1);
            let first = titled("ticket 0").page(tx).await?;
            let cursor = first.end.as_deref();
            assert!(titled("ticket 0").after(cursor).page(tx).await.is_ok());
            let other = titled("ticket 1").after(cursor).page(tx).await;
            assert_eq!(kind(other), ErrorKind::InvalidCursor);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn filter_of_alternatives_holds_on_every_page() {
    for bed in Bed::both().await {
        bed.fill(20).await;
        let key = key();
        bed.db
            .read(&bed.a, async |tx| {
                let either = Condition::any()
                    .add(Column::Urgent.eq(true))
                    .add(Column::Title.eq("ticket 1"));
                let filtered = || own(tx).filter(either.clone());
                let expected = ids(&filtered().order_by_asc(Column::Id).all(tx).await?);
                let first = filtered().pages(&key).size(2).page(tx).await?;
                let rest = filtered().pages(&key).after(first.end.as_deref());
                let rest = rest.page(tx).await?;
                assert_eq!([ids(&first.rows), ids(&rest.rows)].concat(), expected);
                assert!(expected.len() > 2 && expected.len() < 20);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn cursor_with_any_byte_changed_or_cut_is_refused() {
    let bed = Bed::sqlite().await;
    bed.fill(3).await;
    let page = first_page(&bed.a, &bed).await;
    let cursor = page.end.unwrap();
    for at in 0..cursor.len() {
        let mut changed = cursor.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        for tampered in [changed.as_str(), &cursor[..at], ""] {
            let taken = take(&bed, &bed.a, tampered, |s| s, |p| p.desc(Column::OpenedAt)).await;
            assert_eq!(kind(taken), ErrorKind::InvalidCursor, "{at}");
        }
    }
}

#[tokio::test]
async fn pages_follow_joins_and_refuse_rows_that_come_twice() {
    let shop = Shop::open().await;
    let key = key();
    shop.db
        .write(&shop.a, async |tx| {
            let first = order::Entity::find().one(tx).await?.unwrap();
            let line = order_line::Entity::find().one(tx).await?.unwrap();
            for number in 2..6 {
                order::ActiveModel {
                    number: Set(number.to_string()),
                    total_cents: Set(number),
                    user_id: Set(first.user_id),
                    ..Default::default()
                }
                .insert(tx)
                .await?;
            }
            let of_ada = || {
                let join = order::Entity::find().inner_join(user::Entity);
                let join = join.filter(user::Column::Email.eq("ada@example.com"));
                join.pages(&key).desc(order::Column::TotalCents).size(3)
            };
            let page = of_ada().page(tx).await?;
            let totals: Vec<_> = page.rows.iter().map(|row| row.total_cents).collect();
            assert_eq!(totals, [10, 5, 4]);
            let next = of_ada().after(page.end.as_deref()).page(tx).await?;
            let totals: Vec<_> = next.rows.iter().map(|row| row.total_cents).collect();
            assert_eq!(totals, [3, 2]);

            order_line::ActiveModel {
                order_id: Set(first.id),
                product_id: Set(line.product_id),
                quantity: Set(1),
                ..Default::default()
            }
            .insert(tx)
            .await?;
            let lines = || {
                let relation = order::Relation::OrderLine.def();
                order::Entity::find().join(JoinType::InnerJoin, relation)
            };
            let twice = lines().pages(&key).page(tx).await;
            assert_eq!(kind(twice), ErrorKind::InvalidSelect);
            let distinct = lines().distinct().pages(&key).page(tx).await?;
            assert_eq!(distinct.rows.len(), 1);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn select_that_cannot_be_paged_is_refused_before_any_sql() {
    let bed = Bed::sqlite().await;
    let key = key();
    bed.db
        .read(&RequestContext::without_tenant(), async |tx| {
            // SQL would be refused for want of a tenant.
            let refused = ErrorKind::InvalidSelect;
            let find = ticket::Entity::find;
            let ordered = find().order_by_asc(Column::Title).pages(&key).page(tx);
            assert_eq!(kind(ordered.await), refused);
            let limited = find().limit(3).pages(&key).page(tx);
            assert_eq!(kind(limited.await), refused);
            let skipping = find().offset(3).pages(&key).page(tx);
            assert_eq!(kind(skipping.await), refused);
            let json = find().pages(&key).asc(Column::Extra).page(tx);
            assert_eq!(kind(json.await), refused);
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn page_is_bounded_and_empty_table_has_one_empty_page() {
    let bed = Bed::sqlite().await;
    let key = key();
    bed.db
        .write(&bed.a, async |tx| {
            let empty = own(tx).pages(&key).page(tx).await?;
            assert!(empty.rows.is_empty() && empty.start.is_none() && empty.end.is_none());
            assert!(!empty.has_next && !empty.has_previous);
            let rows = (0..1_001).map(crate::tickets::ticket);
            ticket::Entity::insert_bulk(rows).exec(tx).await?;
            let page = own(tx).pages(&key).size(u32::MAX).page(tx).await?;
            assert_eq!((page.rows.len(), page.has_next), (1_000, true));
            let page = own(tx).pages(&key).size(0).page(tx).await?;
            assert_eq!((page.rows.len(), page.has_next), (1, true));
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
}

mod parcel {
    use dotmac_database::prelude::*;

    #[dotmac_database::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, BaseModel)]
    pub struct Model {
        #[sea_orm(column_type = "Char(Some(5))")]
        pub code: String,
    }
}

#[tokio::test]
async fn column_that_sorts_unlike_its_values_is_refused() {
    let db = dotmac_database::testing::in_memory().await.unwrap();
    let key = CursorKey::new([7; 32]).unwrap();
    let nobody = RequestContext::without_tenant();
    let page = db.read(&nobody, async |tx| {
        let parcels = parcel::Entity::find().pages(&key);
        parcels.asc(parcel::Column::Code).page(tx).await
    });
    let refused = page.await.unwrap_err();
    assert!(matches!(refused, Error::InvalidSelect { .. }), "{refused}");
}
