//! What a plugin writes to its standard output and its standard error: lines of the log,
//! under its name, of which there are so many and so long.

use crate::{line_budget::LineBudget, one_line::one_line};
use bytes::Bytes;
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

/// The target of the log's lines that a plugin has written, at the level of information.
pub const PLUGIN_OUTPUT: &str = "rest_client_host::plugin_output";

/// In ten seconds, of all instances of a plugin.
pub(super) const LINES: u32 = 100;

/// Bytes of a line. What is longer goes on in the next one.
const LONGEST: usize = 1000;

/// Bytes that a plugin may write at once.
const AT_ONCE: usize = 64 * 1024;

/// A stream that ends in the log.
#[derive(Clone)]
pub(super) struct LogStream {
    pub(super) plugin: Arc<str>,
    pub(super) lines: Arc<LineBudget>,
}

/// The line that is being written.
struct Line {
    stream: LogStream,
    begun: Vec<u8>,
}

impl LogStream {
    fn line(&self) -> Line {
        Line {
            stream: self.clone(),
            begun: Vec::new(),
        }
    }
}

impl Line {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.end();
            } else {
                self.begun.push(*byte);
                if self.begun.len() == LONGEST {
                    self.end();
                }
            }
        }
    }

    fn end(&mut self) {
        let begun = std::mem::take(&mut self.begun);
        let Some(left_out) = self.stream.lines.next(Instant::now()) else {
            return;
        };
        let plugin = &*self.stream.plugin;
        if left_out > 0 {
            tracing::warn!(
                plugin,
                left_out,
                "the plugin wrote more lines than the log takes"
            );
        }
        let text = String::from_utf8_lossy(&begun);
        tracing::info!(target: PLUGIN_OUTPUT, plugin, "{}", one_line(text.trim_end()));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.begun.is_empty() {
            self.end();
        }
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.line())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.line())
    }
}

impl OutputStream for Line {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.add(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(AT_ONCE)
    }
}

#[async_trait]
impl Pollable for Line {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.add(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
