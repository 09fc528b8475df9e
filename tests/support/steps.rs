//! What a [`crate::server::Server`] does once it has read a request.

use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// One thing that a server does on a connection. After the last one it reads
/// the next request. Clones share their bytes.
#[derive(Debug, Clone)]
pub enum Step {
    /// Sends these bytes as they are.
    Send(Bytes),
    /// Sends these bytes one by one, with this pause after each.
    Drip(Bytes, Duration),
    /// Sends these bytes again and again, until the client has gone.
    Flood(Bytes),
    /// Reads the body of the request, where it was held back.
    ReadBody,
    /// Goes on when the gate is opened.
    Wait(Gate),
    /// Takes its time.
    Pause(Duration),
    /// Does nothing more, and keeps the connection.
    Stall,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// A connection waits at it until the test opens it. Each opening lets one
/// through.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// Lets one through.
    pub fn open(&self) {
        self.0.add_permits(1);
    }

    pub(crate) async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

/// A reply with these header fields, a `content-length` and this body.
#[must_use]
pub fn reply(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<Step> {
    let mut headers = headers.to_vec();
    let length = body.len().to_string();
    headers.push(("content-length", &length));
    vec![
        head(status, &headers),
        Step::Send(Bytes::copy_from_slice(body)),
    ]
}

/// A 200 of plain text.
#[must_use]
pub fn ok(body: &str) -> Vec<Step> {
    reply("200 OK", &[("content-type", "text/plain")], body.as_bytes())
}

/// The head of a reply alone, with exactly these header fields.
#[must_use]
pub fn head(status: &str, headers: &[(&str, &str)]) -> Step {
    let mut text = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    Step::Send(text.into())
}

/// Bytes as they are.
#[must_use]
pub fn raw(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(Bytes::copy_from_slice(bytes.as_ref()))
}
