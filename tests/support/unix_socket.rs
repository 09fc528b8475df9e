//! A socket of this machine before a server that listens at a port.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpStream, UnixListener},
    task::JoinSet,
};

/// Relays until it is dropped.
pub struct UnixSocket {
    path: PathBuf,
    _directory: TempDir,
    _tasks: JoinSet<()>,
}

impl UnixSocket {
    /// Makes one, before `server`.
    pub async fn before(server: SocketAddr) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("service.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut relays = JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                relays.spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(server).await {
                        // Either may go when it likes.
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Self {
            path,
            _directory: directory,
            _tasks: tasks,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
