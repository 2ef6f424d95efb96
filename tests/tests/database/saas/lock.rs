//! Locks, which the operator sees and breaks, and nobody else.

use std::time::Duration;

use dotmac_database::Global;
use dotmac_examples::shop::Operator;
use reqwest::{Method, Response, header};
use serde_json::Value;

use super::site::{LONG, OPERATOR, Site, refused};
use crate::support::{A, B};
use crate::web::Framework;

async fn as_operator(site: &Site, method: Method, path: &str, tenant: &str) -> Response {
    let request = site.ask(method, path, tenant).bearer_auth(OPERATOR);
    request.send().await.unwrap()
}

async fn listed(site: &Site, path: &str, tenant: &str) -> Vec<Value> {
    let answer = as_operator(site, Method::GET, path, tenant).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

#[tokio::test]
async fn operator_sees_who_holds_what_and_takes_it_away() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let lock = site.locks.lock("import of orders/2026").unwrap();
        let lock = lock.with_ttl(Duration::from_secs(1)).unwrap();
        let guard = lock.acquire(&site.shop.a, LONG).await.unwrap();
        let shared = site.locks.global("janitor").unwrap();
        let _shared = shared.acquire(Global, LONG).await.unwrap();

        let [held] = &listed(&site, "/locks", A).await[..] else {
            panic!("{framework:?}: one is held");
        };
        assert_eq!(held["name"], "import of orders/2026");
        assert_eq!(held["fence"], guard.fence().number());
        assert_eq!(held["process"], std::process::id());
        assert_eq!(held["request_id"], site.shop.a.request().unwrap());
        assert!(held["host"].is_string() && held["since"].is_string());
        assert!(listed(&site, "/locks", B).await.is_empty());
        let shared = listed(&site, "/locks?shared=true", B).await;
        assert_eq!(shared[0]["name"], "janitor", "{framework:?}");

        let path = "/locks/import%20of%20orders%2F2026";
        let missed = as_operator(&site, Method::DELETE, path, B).await;
        assert_eq!(refused(missed).await, (404, "not_found".to_owned()));
        let broken = as_operator(&site, Method::DELETE, path, A).await;
        assert_eq!(broken.status(), 204, "{framework:?}");
        tokio::time::timeout(LONG, guard.lost()).await.unwrap();
        let again = as_operator(&site, Method::DELETE, path, A).await;
        assert_eq!(again.status(), 404, "{framework:?}");
        let broken = as_operator(&site, Method::DELETE, "/locks/janitor?shared=true", A).await;
        assert_eq!(broken.status(), 204, "{framework:?}");
    }
}

#[tokio::test]
async fn lock_that_is_held_for_longest_is_listed_first() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let (mut guards, names) = (Vec::new(), ["d", "b", "a", "c"]);
        for name in names {
            let lock = site.locks.lock(name).unwrap();
            guards.push(lock.acquire(&site.shop.a, LONG).await.unwrap());
        }
        let listed = listed(&site, "/locks", A).await;
        let listed: Vec<_> = listed.iter().map(|held| &held["name"]).collect();
        assert_eq!(listed, names, "{framework:?}");
    }
}

#[tokio::test]
async fn nobody_else_sees_or_breaks_a_lock() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let lock = site.locks.lock("import").unwrap();
        let guard = lock.acquire(&site.shop.a, LONG).await.unwrap();
        let (almost, longer) = (&OPERATOR[1..], format!("{OPERATOR}!"));
        for given in [None, Some("Bearer "), Some(almost), Some(OPERATOR)] {
            for (method, path) in [(Method::GET, "/locks"), (Method::DELETE, "/locks/import")] {
                let request = site.ask(method, path, A);
                // Without "Bearer", the key itself is none.
                let request = match given {
                    Some(given) => request.header(header::AUTHORIZATION, given),
                    None => request,
                };
                let answer = request.send().await.unwrap();
                let expected = (401, "not_the_operator".to_owned());
                assert_eq!(refused(answer).await, expected, "{framework:?} {given:?}");
            }
        }
        for wrong in [almost, &OPERATOR[..OPERATOR.len() - 1], &longer] {
            let wrong = site.ask(Method::GET, "/locks", A).bearer_auth(wrong);
            assert_eq!(wrong.send().await.unwrap().status(), 401);
        }
        assert!(guard.is_valid());
    }
}

#[test]
fn short_key_is_refused_and_without_one_nobody_is_the_operator() {
    assert!(Operator::of(Some("short".to_owned())).is_err());
    let nobody = Operator::of(None).unwrap();
    let headers = [(header::AUTHORIZATION, "Bearer ".parse().unwrap())];
    assert!(nobody.admit(&headers.into_iter().collect()).is_err());
}
