//! I74: connections of clients, each of which brings requests of several tenants.

use futures_util::future::join_all;
use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::site::{Framework, Site};
use crate::support::{A, B};

const IDLE_CLIENTS: usize = 1_000;

#[tokio::test]
async fn i74_requests_of_two_tenants_on_one_http1_connection() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let address = site.url.strip_prefix("http://").unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        let tenants: Vec<&str> = (0..20).map(|n| if n % 3 == 0 { B } else { A }).collect();
        let line = |(n, tenant): (usize, &&str)| {
            let ends = if n == 19 { "connection: close\r\n" } else { "" };
            format!("GET /seen HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {tenant}\r\n{ends}\r\n")
        };
        // All of them before any answer.
        let requests: String = tenants.iter().enumerate().map(line).collect();
        client.write_all(requests.as_bytes()).await.unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).await.unwrap();
        let seen: Vec<&str> = answers
            .split("HTTP/1.1 200 OK")
            .skip(1)
            .map(|answer| answer.split("\r\n\r\n").nth(1).unwrap())
            .collect();
        let expected: Vec<String> = tenants.iter().map(|t| format!("{t}/{t}")).collect();
        assert_eq!(seen, expected, "{framework:?}");
    }
}

#[tokio::test]
async fn i74_requests_of_two_tenants_at_a_time_on_one_http2_connection() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let client = Client::builder().http2_prior_knowledge().build().unwrap();
        let ask = |n: usize| {
            let tenant = if n.is_multiple_of(3) { B } else { A };
            let request = client.get(format!("{}/seen", site.url)).bearer_auth(tenant);
            async move {
                let answer = request.send().await.unwrap();
                assert_eq!(answer.version(), reqwest::Version::HTTP_2);
                assert_eq!(answer.text().await.unwrap(), format!("{tenant}/{tenant}"));
            }
        };
        join_all((0..100).map(ask)).await;
    }
}

#[tokio::test]
async fn idle_clients_hold_no_connection_of_the_database() {
    for framework in Framework::BOTH {
        let site = Site::open(framework).await;
        let address = site.url.strip_prefix("http://").unwrap();
        let mut clients = Vec::new();
        for _ in 0..IDLE_CLIENTS {
            let mut client = TcpStream::connect(address).await.unwrap();
            let request = "GET /seen HTTP/1.1\r\nhost: x\r\nauthorization: Bearer acme\r\n\r\n";
            client.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"acme/acme") {
                answer.push(client.read_u8().await.unwrap());
            }
            clients.push(client);
        }
        site.rests().await;
        assert_eq!(site.shop.db.statistics().sessions.open, 0, "{framework:?}");
        assert_eq!(clients.len(), IDLE_CLIENTS);
    }
}
