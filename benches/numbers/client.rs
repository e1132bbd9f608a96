//! A client over one TCP connection that is kept alive. Written by hand to cost little, since it shares the cores with
//! the daemon that is measured.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    key: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, key: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, key: key.to_owned(), request: Vec::new(), answer: Vec::new() })
    }

    /// Issues an otp; returns the answer's body.
    pub(crate) async fn issue(&mut self, number: u64) -> anyhow::Result<&str> {
        let (status, body) = self.post("/v1/otp", &format!("{{\"to\":\"+{number}\"}}")).await?;
        ensure!(status == 202, "issuing was answered {status}: {body}");
        Ok(body)
    }

    /// Verifies a code that must be right.
    pub(crate) async fn verify(&mut self, otp: &str, code: &str) -> anyhow::Result<()> {
        let (status, body) = self.post(&format!("/v1/otp/{otp}/verify"), &format!("{{\"code\":\"{code}\"}}")).await?;
        ensure!(status == 200 && body.contains("\"verified\":true"), "verifying was answered {status}: {body}");
        Ok(())
    }

    /// Looks something up.
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<&str> {
        let key = &self.key;
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\r\n");
        self.stream.write_all(head.as_bytes()).await?;
        let (status, body) = self.read().await?;
        ensure!(status == 200, "{path} was answered {status}: {body}");
        Ok(body)
    }

    /// One request; the status and the body of the answer.
    pub(crate) async fn post(&mut self, path: &str, body: &str) -> anyhow::Result<(u16, &str)> {
        self.request.clear();
        let (key, length) = (&self.key, body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        self.request.extend(head.as_bytes());
        self.request.extend(body.as_bytes());
        self.stream.write_all(&self.request).await?;
        self.read().await
    }

    async fn read(&mut self) -> anyhow::Result<(u16, &str)> {
        self.answer.clear();
        loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                bail!("the daemon closed the connection");
            }
            let Some(end) = self.answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            let head = std::str::from_utf8(&self.answer[..end])?;
            let length: usize = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .context("an answer without a length")?
                .parse()?;
            if self.answer.len() < end + 4 + length {
                continue;
            }
            let status = head.get(9..12).context("an answer without a status")?.parse()?;
            return Ok((status, std::str::from_utf8(&self.answer[end + 4..])?));
        }
    }
}
