//! What the handlers of both frameworks do.

use std::error::Error as _;

use dotmac_database::prelude::*;
use dotmac_database::web::Exchange;
use futures_util::stream::{BoxStream, StreamExt};
use migration::entity::order;
use sea_orm::{ConnectionTrait, DbBackend, Statement, StreamTrait};

use super::site::Kept;
use crate::support::{B, HeldLock, set_total};

/// Changes the order of the tenant, and then does what the test asks for: the status to answer.
pub async fn work(what: &str, session: &WriteSession) -> Result<u16, Problem> {
    set_total(session, 77).await;
    match what {
        "nothing" => {}
        "wait" => {
            session.execute_unprepared(HeldLock::WAIT).await?;
        }
        "panic" => panic!("as the test asks"),
        "break-later" => {
            let user = Uuid::now_v7();
            let sql = format!("UPDATE orders SET user_id = '{user}'");
            session.execute_unprepared(&sql).await?;
        }
        "swallow" => {
            let _ = session.execute_unprepared("SELECT 1 / 0").await;
        }
        "duplicate" => {
            let new = order::ActiveModel {
                number: Set("1".into()),
                total_cents: Set(4242),
                ..Default::default()
            };
            new.insert(session).await?;
        }
        "foreign" => {
            let new = order::ActiveModel {
                tenant_id: Set(B.into()),
                number: Set("2".into()),
                total_cents: Set(4242),
                ..Default::default()
            };
            new.insert(session).await?;
        }
        "raw-foreign" => {
            let sql = "INSERT INTO orders (id, tenant_id, number, total_cents) \
                       VALUES (gen_random_uuid(), 'beta', '2', 4242)";
            session.execute_unprepared(sql).await?;
        }
        "absent" => return Err(DbErr::RecordNotFound("the row 4242".into()).into()),
        "stale" => {
            let old = order::Entity::find().one(session).await?.unwrap();
            set_total(session, 78).await;
            let mut old = old.into_active_model();
            old.total_cents = Set(4242);
            old.update(session).await?;
        }
        "bad-sql" => {
            session
                .execute_unprepared("SELECT 4242 FROM nowhere")
                .await?;
        }
        status => return Ok(status.parse().unwrap()),
    }
    Ok(200)
}

/// The number of the tenant's orders, and the tenant that the database sees.
pub async fn seen(session: &impl ConnectionTrait) -> Result<String, Problem> {
    let sql = "SELECT string_agg(tenant_id, ',') || '/' || \
               current_setting('app.current_tenant_id') AS seen FROM orders";
    let row = session.query_one_raw(Statement::from_string(DbBackend::Postgres, sql));
    let row = row.await?.unwrap();
    Ok(row.try_get("", "seen").map_err(Error::from)?)
}

/// Keeps the session for longer than the request.
pub async fn keep(kept: &Kept, exchange: &Exchange) -> Result<(), Problem> {
    let session = exchange.session()?;
    set_total(&session, 77).await;
    *kept.0.lock().unwrap() = Some(session);
    Ok(())
}

/// Keeps the session, and waits in the server.
pub async fn keep_and_wait(kept: &Kept, exchange: &Exchange) -> Result<(), Problem> {
    keep(kept, exchange).await?;
    exchange
        .session()?
        .execute_unprepared(HeldLock::WAIT)
        .await?;
    Ok(())
}

/// A body that goes on reading from the session.
pub async fn streamed(session: WriteSession) -> BoxStream<'static, Result<String, DbErr>> {
    let mut rows = async_stream::stream! {
        let sql = "SELECT generate_series(1, 3)";
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let mut rows = session.stream_raw(statement).await?;
        while let Some(row) = rows.next().await {
            let number: i32 = row?.try_get_by_index(0)?;
            yield Ok(number.to_string());
        }
    }
    .boxed();
    let first = rows.next().await.unwrap();
    futures_util::stream::iter([first]).chain(rows).boxed()
}

/// A body that asks the session when the response has left: what it is told.
pub async fn late(
    what: &str,
    exchange: Exchange,
) -> Result<BoxStream<'static, Result<String, DbErr>>, Problem> {
    let early = match what {
        "untaken" => None,
        _ => Some(exchange.session()?),
    };
    if let (Some(session), "used") = (&early, what) {
        seen(session).await?;
    }
    let told = async_stream::stream! {
        let session = early.map_or_else(|| exchange.session(), Ok);
        let seen = match &session {
            Ok(session) => seen(session).await,
            Err(problem) => Err(problem.clone()),
        };
        yield Ok(match seen {
            Ok(rows) => rows,
            Err(problem) => match problem.source().and_then(|it| it.downcast_ref()) {
                Some(Error::Ended) => "ended".to_owned(),
                other => format!("{other:?}"),
            },
        });
    };
    Ok(told.boxed())
}

/// The total that this session sees, which nobody else does yet.
pub async fn total(session: &Session) -> Result<String, Problem> {
    let order = order::Entity::find().one(session).await?.unwrap();
    Ok(order.total_cents.to_string())
}
