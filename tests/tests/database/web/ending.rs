//! I72, I73: what is committed with the response, and what is not.

use std::time::Duration;

use reqwest::StatusCode;
use sea_orm::ConnectionTrait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::site::{Framework, LONG, Site, told};
use crate::support::HeldLock;

#[tokio::test]
async fn i72_success_and_redirect_commit_and_errors_roll_back() {
    for framework in Framework::BOTH {
        for (status, total) in [
            (200, 77),
            (201, 77),
            (303, 77),
            (400, 10),
            (404, 10),
            (500, 10),
        ] {
            let site = Site::open(framework).await;
            let answer = site.post(&format!("/do/{status}")).await;
            assert_eq!(answer.status(), status, "{framework:?}");
            assert_eq!(site.total().await, total, "{framework:?} {status}");
            site.rests().await;
        }
    }
}

#[tokio::test]
async fn i72_panic_is_an_internal_error_and_rolls_back() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let (status, body) = told(site.post("/do/panic").await).await;
        assert_eq!(
            (status, &body["code"]),
            (500, &"internal".into()),
            "{framework:?}"
        );
        assert!(!body.to_string().contains("as the test asks"), "{body}");
        assert_eq!(site.total().await, 10, "{framework:?}");
        site.rests().await;
        assert_eq!(site.post("/do/200").await.status(), 200, "{framework:?}");
    }
}

#[tokio::test]
async fn i72_handler_that_takes_too_long_is_rolled_back() {
    for framework in Framework::BOTH {
        let limit = Duration::from_millis(200);
        let site = Site::with(framework, |layer| layer.timeout(limit)).await;
        let lock = HeldLock::take(&site.shop).await;
        let late = site.post("/do/wait").await;
        assert!(late.headers().contains_key("retry-after"), "{framework:?}");
        assert_eq!(told(late).await.0, 503, "{framework:?}");
        lock.release().await;
        site.rests().await;
        assert_eq!(site.total().await, 10, "{framework:?}");
    }
}

#[tokio::test]
async fn i72_client_that_goes_away_leaves_nothing() {
    for framework in Framework::BOTH {
        let site = Site::with(framework, |layer| layer.timeout(LONG)).await;
        let lock = HeldLock::take(&site.shop).await;
        let address = site.url.strip_prefix("http://").unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = "POST /keep-and-wait HTTP/1.1\r\nhost: x\r\nauthorization: Bearer acme\r\n\
                       content-length: 0\r\n\r\n";
        client.write_all(request.as_bytes()).await.unwrap();
        lock.cancel(async { client.read_u8().await }).await;
        drop(client);
        // It ends while the statement still waits: nothing but the client's leaving can have done that.
        let kept = site.kept.0.lock().unwrap().take().unwrap();
        let ended = async {
            while kept.after_commit(async || ()).is_ok() {
                tokio::task::yield_now().await;
            }
        };
        let ended = tokio::time::timeout(LONG, ended).await;
        ended.expect("the session outlives its client");
        lock.release().await;
        site.rests().await;
        assert_eq!(site.total().await, 10, "{framework:?}");
    }
}

#[tokio::test]
async fn i73_commit_that_fails_is_never_a_success() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let admin = site.shop.admin().await;
        let sql = "ALTER TABLE orders ALTER CONSTRAINT fk_orders_user_id_users \
                   DEFERRABLE INITIALLY DEFERRED";
        admin.execute_unprepared(sql).await.unwrap();
        for what in ["break-later", "swallow"] {
            let (status, body) = told(site.post(&format!("/do/{what}")).await).await;
            assert_eq!(
                (status, &body["code"]),
                (500, &"internal".into()),
                "{framework:?} {what}"
            );
            assert_eq!(site.total().await, 10, "{framework:?} {what}");
        }
    }
}

#[tokio::test]
async fn i73_conflict_at_commit_asks_the_client_to_come_again() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let admin = site.shop.admin().await;
        for sql in [
            "CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE SQLSTATE '40001'; END $$",
            "CREATE CONSTRAINT TRIGGER conflict AFTER UPDATE ON orders DEFERRABLE \
             INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION conflict()",
        ] {
            admin.execute_unprepared(sql).await.unwrap();
        }
        let answer = site.post("/do/200").await;
        assert!(
            answer.headers().contains_key("retry-after"),
            "{framework:?}"
        );
        assert_eq!(told(answer).await.0, 503, "{framework:?}");
        assert_eq!(site.total().await, 10, "{framework:?}");
    }
}

#[tokio::test]
async fn handler_may_roll_back_and_succeed() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        assert_eq!(
            site.post("/undo").await.status(),
            StatusCode::OK,
            "{framework:?}"
        );
        assert_eq!(site.total().await, 10, "{framework:?}");
    }
}

#[tokio::test]
async fn body_that_still_reads_from_the_session_is_refused() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        assert_eq!(
            told(site.post("/streamed").await).await.0,
            500,
            "{framework:?}"
        );
        site.rests().await;
    }
}
