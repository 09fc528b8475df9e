//! The server that all contenders ask, seen from the client: a process and its
//! addresses.

use crate::pinned;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// Bytes of the body of `/small`, and of `/close`, after which the server ends the connection.
pub(crate) const SMALL: usize = 200;

/// Bytes of the body of `/large`.
pub(crate) const LARGE: usize = 1 << 20;

/// What the server prints in its first line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Addresses {
    /// Where it speaks http.
    pub(crate) plain: SocketAddr,
    /// Where it speaks https.
    pub(crate) tls: SocketAddr,
    /// Where it speaks https, and gives nobody a session to go on with.
    pub(crate) tls_without_sessions: SocketAddr,
    /// Where it speaks https with HTTP/2 alone.
    pub(crate) http2: SocketAddr,
    /// The socket where it speaks http.
    pub(crate) socket: PathBuf,
    /// The file, beside that socket, with the certificate of the authority that signed the
    /// server's, in PEM form.
    pub(crate) authority: PathBuf,
}

impl Addresses {
    /// How many connections of HTTP/2 have brought a request since the last time that this was
    /// asked.
    pub(crate) fn http2_connections_used(&self) -> Result<usize> {
        let mut stream = TcpStream::connect(self.plain)?;
        stream.write_all(b"GET /used HTTP/1.1\r\nconnection: close\r\n\r\n")?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        let (_, body) = reply
            .split_once("\r\n\r\n")
            .context("a reply without a body")?;
        Ok(body.parse()?)
    }
}

/// A server in a process of its own. Dropping this value ends the process.
pub(crate) struct Server {
    process: Child,
    /// Where its socket and its authority are.
    _directory: TempDir,
    pub(crate) addresses: Addresses,
}

impl Server {
    /// Starts the process. It takes another core than this one, if there is
    /// one.
    pub(crate) fn start() -> Result<Self> {
        let directory = tempfile::tempdir().context("there is no place for a socket")?;
        let program = std::env::current_exe().context("this program has no file")?;
        let mut command = Command::new(program);
        command
            .arg("serve")
            .arg(directory.path().join("server.sock"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = pinned::spawn(1, &mut command).context("the server can't be started")?;
        let mut line = String::new();
        let output = process.stdout.take().context("the server has no output")?;
        BufReader::new(output)
            .read_line(&mut line)
            .context("the server does not say where it is")?;
        let addresses = serde_json::from_str(&line).context("the server says something else")?;
        Ok(Self {
            process,
            _directory: directory,
            addresses,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
