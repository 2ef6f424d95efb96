//! Sessions as arguments: lazy, shared, and of the kind that was asked for.

use super::site::{Framework, Site, told};
use crate::support::{A, kind, set_total};
use dotmac_database::prelude::*;
use reqwest::Method;
use sea_orm::ConnectionTrait;

#[tokio::test]
async fn handler_without_a_query_takes_no_connection() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let before = site.sessions();
        assert_eq!(site.post("/idle").await.status(), 200, "{framework:?}");
        assert_eq!(site.sessions(), before, "{framework:?}");
    }
}

#[tokio::test]
async fn arguments_of_a_handler_share_one_session() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let before = site.sessions();
        let seen = site.post("/shared").await;
        assert_eq!(seen.text().await.unwrap(), "77", "{framework:?}");
        assert_eq!(site.sessions(), before + 1, "{framework:?}");
        assert_eq!(site.total().await, 77, "{framework:?}");
    }
}

#[tokio::test]
async fn reading_and_writing_session_in_one_handler_is_the_programs_mistake() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        assert_eq!(told(site.post("/both").await).await.0, 500, "{framework:?}");
    }
}

#[tokio::test]
async fn get_is_read_only_where_the_layer_says_so() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        assert_eq!(site.get("/write").await.status(), 200, "{framework:?}");
        assert_eq!(site.total().await, 77, "{framework:?}");
        let site = Site::with(framework, |layer| layer.safe_methods_read_only()).await;
        assert_eq!(told(site.get("/write").await).await.0, 500, "{framework:?}");
        assert_eq!(site.total().await, 10, "{framework:?}");
        for method in [Method::GET, Method::POST] {
            let seen = site.send(method, "/seen-any", A).await;
            assert_eq!(seen.text().await.unwrap(), "acme/acme", "{framework:?}");
        }
    }
}

#[tokio::test]
async fn i06_session_kept_beyond_its_request_is_ended() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        assert_eq!(site.post("/keep").await.status(), 200, "{framework:?}");
        assert_eq!(site.total().await, 77, "{framework:?}");
        let kept = site.kept.0.lock().unwrap().take().unwrap();
        let late = kept.execute_unprepared("UPDATE orders SET total_cents = 78");
        assert_eq!(kind(late.await), ErrorKind::Session, "{framework:?}");
        assert_eq!(kind(kept.nested()), ErrorKind::Session, "{framework:?}");
        drop(kept);
        assert_eq!(site.total().await, 77, "{framework:?}");
        let shop = &site.shop;
        let write = shop.db.write(&shop.a, async |tx| {
            set_total(tx, 79).await;
            Ok::<_, Error>(())
        });
        write.await.unwrap();
    }
}

#[tokio::test]
async fn i06_body_that_asks_the_session_after_the_response_left_is_told_that_it_ended() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        for what in ["untaken", "unused", "used"] {
            let answer = site.post(&format!("/late/{what}")).await;
            assert_eq!(answer.status(), 200, "{framework:?} {what}");
            assert_eq!(
                answer.text().await.unwrap(),
                "ended",
                "{framework:?} {what}"
            );
        }
        site.rests().await;
    }
}
