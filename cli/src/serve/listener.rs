//! Where proxies connect.

use crate::{
    args::Listen,
    exit::{Exit, Problem},
};
use listenfd::ListenFd;
use rustix::net::sockopt::set_socket_send_buffer_size;
use std::{
    fmt,
    fs::{self, Permissions},
    io::ErrorKind,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

/// After an error that is not of one connection, such as having no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Bytes of a reply that the kernel keeps for a connection, who says no more of a slow reader
/// than whether a third of them is free.
const SEND_BUFFER: usize = 128 * 1024;

/// Who has connected.
#[derive(Debug, Clone, Copy)]
pub(super) enum Peer {
    Tcp(SocketAddr),
    /// Somebody of this machine.
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("a socket of this machine"),
        }
    }
}

pub(super) enum Listener {
    Tcp(TcpListener),
    Unix {
        /// Empty where the file is somebody else's. It goes before the listener does: later
        /// it might be that of another process.
        _file: Option<Socket>,
        listener: UnixListener,
    },
}

/// The file of a socket, which goes with its listener.
pub(super) struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        // Whoever has removed it did our work.
        let _ = fs::remove_file(&self.0);
    }
}

/// A connection, whatever it is made of.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Listener {
    /// `mode` is that of the file, where it is a socket that is made here.
    pub(super) async fn bind(listen: &Listen, mode: Option<u32>) -> Result<Self, Problem> {
        let failed = |error| {
            Problem::new(
                Exit::Usage,
                format!("can't listen on {}: {error}", name(listen)),
            )
        };
        match listen {
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Listen::Unix(path) => bind_unix(path, mode).await,
            Listen::Systemd => handed_over(),
        }
        .map_err(failed)
    }

    /// What it listens on, with the port that the system has chosen where it was asked to.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Tcp(listener) => listener
                .local_addr()
                .map_or_else(|error| error.to_string(), |it| it.to_string()),
            Self::Unix { listener, .. } => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|it| it.as_pathname());
                path.map_or("unix:".into(), |it| format!("unix:{}", it.display()))
            }
        }
    }

    /// The next connection, as soon as there is a place for it.
    pub(super) async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> (Pin<Box<dyn Stream>>, Peer, OwnedSemaphorePermit) {
        let place = places.clone().acquire_owned().await;
        let place = place.expect("it is never closed");
        loop {
            let accepted: std::io::Result<(Pin<Box<dyn Stream>>, Peer)> = match self {
                Self::Tcp(listener) => listener.accept().await.map(|(stream, address)| {
                    // Replies are small, and each is awaited.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "TCP_NODELAY can't be set");
                    }
                    if let Err(error) = set_socket_send_buffer_size(&stream, SEND_BUFFER) {
                        tracing::debug!(%error, "SO_SNDBUF can't be set");
                    }
                    (Box::pin(stream) as Pin<Box<dyn Stream>>, Peer::Tcp(address))
                }),
                Self::Unix { listener, .. } => listener
                    .accept()
                    .await
                    .map(|(stream, _)| (Box::pin(stream) as Pin<Box<dyn Stream>>, Peer::Unix)),
            };
            match accepted {
                Ok((stream, peer)) => return (stream, peer, place),
                Err(error) => {
                    tracing::warn!(%error, "a connection can't be accepted");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// The first socket that whoever started this has opened (sd_listen_fds(3)).
fn handed_over() -> std::io::Result<Listener> {
    let mut all = ListenFd::from_env();
    if all.len() == 0 {
        let what = "none was handed over: LISTEN_FDS is not set for this process";
        return Err(std::io::Error::other(what));
    }
    // Which of the two it is shows when it is taken.
    if let Ok(Some(listener)) = all.take_tcp_listener(0) {
        listener.set_nonblocking(true)?;
        return TcpListener::from_std(listener).map(Listener::Tcp);
    }
    match all.take_unix_listener(0)? {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            let listener = UnixListener::from_std(listener)?;
            Ok(Listener::Unix {
                listener,
                _file: None,
            })
        }
        None => Err(std::io::Error::other("it is gone already")),
    }
}

/// Listens at `path`, where an earlier process that did not end well may have left a socket
/// that nobody listens to.
async fn bind_unix(path: &Path, mode: Option<u32>) -> std::io::Result<Listener> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let is_socket = fs::symlink_metadata(path)?.file_type().is_socket();
            if !is_socket || UnixStream::connect(path).await.is_ok() {
                return Err(error);
            }
            fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(path).display();
            let what = format!("there is no folder {folder}");
            return Err(std::io::Error::new(ErrorKind::NotFound, what));
        }
        bound => bound?,
    };
    let file = Socket(path.to_owned());
    if let Some(mode) = mode {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
    }
    Ok(Listener::Unix {
        listener,
        _file: Some(file),
    })
}

fn name(listen: &Listen) -> String {
    match listen {
        Listen::Tcp(address) => address.to_string(),
        Listen::Unix(path) => format!("unix:{}", path.display()),
        Listen::Systemd => "the socket of systemd".into(),
    }
}
