//! Work after the request: as its tenant, with its request's id.

use dotmac_database::prelude::*;
use migration::entity::order;

use tracing::subscriber::set_default;

use super::trace::Spans;
use crate::support::Shop;

async fn number(db: &Database, context: &RequestContext) -> order::Model {
    let new = order::ActiveModel {
        number: Set("later".into()),
        total_cents: Set(1),
        ..Default::default()
    };
    let written = db.write(context, async |tx| new.insert(tx).await);
    written.await.unwrap()
}

#[tokio::test]
async fn i06_spawned_task_runs_as_its_tenant_with_the_requests_id() {
    let shop = Shop::open().await;
    let db = shop.db.clone();
    let task = shop
        .a
        .spawn(|context| async move { number(&db, &context).await });
    let order = task.await.unwrap();
    assert_eq!(order.tenant_id, "acme");
    assert_eq!(order.request_id.as_deref(), Some("acme-request"));
}

#[tokio::test]
async fn spawned_task_runs_in_a_span_that_says_for_whom() {
    let shop = Shop::open().await;
    let spans = Spans::default();
    let guard = set_default(spans.clone());
    shop.a.spawn(async |_| ()).await.unwrap();
    drop(guard);
    let spans = spans.named("dotmac.context.spawn");
    for (field, value) in [
        ("tenant.id", "acme"),
        ("enduser.id", "acme-user"),
        ("request.id", "acme-request"),
        ("entered", "true"),
    ] {
        assert_eq!(spans[0][field], value, "{field}");
    }
}

#[tokio::test]
async fn i06_context_goes_through_a_queue_and_back() {
    let shop = Shop::open().await;
    let message = serde_json::to_string(&shop.b).unwrap();
    let context: RequestContext = serde_json::from_str(&message).unwrap();
    assert_eq!(context, shop.b);
    let order = number(&shop.db, &context).await;
    assert_eq!(order.tenant_id, "beta");
    assert_eq!(order.created_by.as_deref(), Some("beta-user"));
    assert_eq!(order.request_id.as_deref(), Some("beta-request"));
    // What a queue holds is parsed like any other input.
    let forged = message.replace("\"beta\"", "\"' OR 1=1 --\"");
    assert!(serde_json::from_str::<RequestContext>(&forged).is_err());
}
