//! A client that keeps its connection, and takes as little of the processor as it can.

use std::net::SocketAddr;

use dotmac_database::prelude::Uuid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::Outcome;
use crate::bed::TENANT;
use crate::variant::Variant;

pub struct Client {
    connection: BufReader<TcpStream>,
    order: Uuid,
    line: String,
    body: Vec<u8>,
}

impl Client {
    pub async fn connect(address: SocketAddr, order: Uuid) -> Outcome<Self> {
        let connection = TcpStream::connect(address).await?;
        connection.set_nodelay(true)?;
        Ok(Client {
            connection: BufReader::new(connection),
            order,
            line: String::new(),
            body: Vec::new(),
        })
    }

    /// What the client sends for a variant.
    pub fn request(&self, variant: Variant) -> String {
        format!(
            "{} {}/{} HTTP/1.1\r\nhost: shop\r\nx-tenant: {TENANT}\r\ncontent-length: 0\r\n\r\n",
            variant.method(),
            variant.path(),
            self.order,
        )
    }

    /// Sends it and reads the answer to its end.
    ///
    /// # Errors
    /// Where the answer is no success.
    pub async fn send(&mut self, request: &str) -> Outcome<()> {
        self.connection.write_all(request.as_bytes()).await?;
        let status = self.line().await?;
        if !status.starts_with("HTTP/1.1 200") {
            return Err(format!("{request}: {status}").into());
        }
        let mut length = 0;
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse()?;
            }
        }
        self.body.resize(length, 0);
        self.connection.read_exact(&mut self.body).await?;
        Ok(())
    }

    async fn line(&mut self) -> Outcome<&str> {
        self.line.clear();
        self.connection.read_line(&mut self.line).await?;
        Ok(self.line.trim_end())
    }
}
