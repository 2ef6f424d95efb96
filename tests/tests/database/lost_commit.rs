//! A connection that is lost during COMMIT, so that nobody can tell its outcome.

use dotmac_database::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Shop, server, url};

/// The shop's database, through a proxy that loses every answer to COMMIT.
pub async fn losing_commits(shop: &Shop) -> Database {
    let (direct, lossy) = (server().port().to_string(), proxy().await.to_string());
    let url = url(&shop.name).replace(&direct, &lossy);
    let config = DatabaseConfig::new(&url).unwrap();
    Database::connect(config).await.unwrap()
}

/// A proxy that lets COMMIT through, and then tells what PgBouncer tells of a server that is lost.
async fn proxy() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server().port()))
                .await
                .unwrap();
            tokio::spawn(lose_commit(client, server));
        }
    });
    port
}

async fn lose_commit(mut client: TcpStream, mut server: TcpStream) {
    // ErrorResponse: severity, SQLSTATE, message (PostgreSQL manual, 55.7).
    let fields = b"SFATAL\0VFATAL\0C08P01\0Mserver conn crashed?\0\0";
    let mut lost = vec![b'E'];
    lost.extend((fields.len() as u32 + 4).to_be_bytes());
    lost.extend(fields);
    let (mut asked, mut answered) = ([0; 8192], [0; 8192]);
    loop {
        tokio::select! {
            Ok(n @ 1..) = client.read(&mut asked) => {
                server.write_all(&asked[..n]).await.unwrap();
                if asked[..n].windows(6).any(|word| word == b"COMMIT") {
                    // It is committed before the client is told otherwise.
                    assert_ne!(server.read(&mut answered).await.unwrap(), 0);
                    client.write_all(&lost).await.unwrap();
                    return;
                }
            }
            Ok(n @ 1..) = server.read(&mut answered) => {
                client.write_all(&answered[..n]).await.unwrap();
            }
            else => return,
        }
    }
}
