//! Where proxies connect.

use crate::{
    args::Listen,
    exit::{Exit, Problem},
};
use listenfd::ListenFd;
use rustix::{
    io::Errno,
    net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
        sockopt::{set_socket_send_buffer_size, socket_acceptconn},
    },
};
use std::{
    fmt,
    fs::{self, Permissions},
    io::{self, ErrorKind},
    net::SocketAddr,
    os::fd::AsFd,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
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

/// The mode of a socket that is made here.
const OWNER_ALONE: u32 = 0o600;

/// Connections that may wait to be accepted. The kernel may allow fewer (net.core.somaxconn).
const BACKLOG: i32 = 4096;

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
pub(super) struct Socket {
    path: PathBuf,
    /// Its device and number.
    file: (u64, u64),
}

impl Socket {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: file_at(path)?,
        })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // By now another process may listen there, if somebody has moved it away. Whoever has
        // removed it did our work.
        if file_at(&self.path).is_ok_and(|it| it == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn file_at(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// A connection, who has made it, and its place.
pub(super) type Accepted = (Pin<Box<dyn Stream>>, Peer, OwnedSemaphorePermit);

/// A connection, whatever it is made of.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

impl Listener {
    /// `mode` is that of the file, where it is a socket that is made here.
    pub(super) async fn open(at: &Listen, mode: Option<u32>) -> Result<Self, Problem> {
        let failed = |error| {
            Problem::new(
                Exit::Usage,
                format!("can't listen on {}: {error}", name(at)),
            )
        };
        match at {
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

    pub(super) fn is_unix(&self) -> bool {
        matches!(self, Self::Unix { .. })
    }

    /// The next connection, as soon as there is a place for it.
    pub(super) async fn accept(&self, places: &Arc<Semaphore>) -> Accepted {
        let place = places.clone().acquire_owned().await;
        let place = place.expect("it is never closed");
        let mut is_told = false;
        loop {
            let accepted: io::Result<(Pin<Box<dyn Stream>>, Peer)> = match self {
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
                    if !is_told {
                        tracing::warn!(%error, "can't accept connections; retrying ten times a second");
                        is_told = true;
                    }
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// The socket that whoever started this has opened (sd_listen_fds(3)).
fn handed_over() -> io::Result<Listener> {
    let mut all = ListenFd::from_env();
    match all.len() {
        0 => {
            let what = "systemd passed no socket: LISTEN_FDS is not set for this process";
            return Err(io::Error::other(what));
        }
        1 => {}
        several => {
            let what = format!("systemd passed {several} sockets; exactly one is supported");
            return Err(io::Error::other(what));
        }
    }
    // Which of the two it is shows when it is taken.
    if let Ok(Some(listener)) = all.take_tcp_listener(0) {
        check_that_it_listens(&listener)?;
        listener.set_nonblocking(true)?;
        return TcpListener::from_std(listener).map(Listener::Tcp);
    }
    match all.take_unix_listener(0) {
        Ok(Some(listener)) => {
            check_that_it_listens(&listener)?;
            listener.set_nonblocking(true)?;
            let listener = UnixListener::from_std(listener)?;
            Ok(Listener::Unix {
                listener,
                _file: None,
            })
        }
        Ok(None) => Err(io::Error::other(
            "the socket that systemd passed was taken already",
        )),
        Err(_) => Err(io::Error::other(NOT_LISTENING)),
    }
}

const NOT_LISTENING: &str = "the socket that systemd passed accepts no connections: its unit needs \
    ListenStream=, and must not have Accept=yes";

fn check_that_it_listens(socket: &impl AsFd) -> io::Result<()> {
    match socket_acceptconn(socket) {
        Ok(true) => Ok(()),
        Ok(false) => Err(io::Error::other(NOT_LISTENING)),
        Err(error) => Err(error.into()),
    }
}

/// Listens at `path`, where an earlier process that did not end well may have left a socket
/// that nobody listens to.
async fn bind_unix(path: &Path, mode: Option<u32>) -> io::Result<Listener> {
    let address = SocketAddrUnix::new(path).map_err(|_| {
        let what = "the path is too long for a socket, which has 107 bytes at most";
        io::Error::new(ErrorKind::InvalidInput, what)
    })?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match bind(&socket, &address) {
        Err(Errno::ADDRINUSE) => {
            if !fs::symlink_metadata(path)?.file_type().is_socket() {
                let what = "the path is taken by a file that is not a socket";
                return Err(io::Error::new(ErrorKind::AddrInUse, what));
            }
            match UnixStream::connect(path).await {
                Err(refused) if refused.kind() == ErrorKind::ConnectionRefused => {}
                // Also where its queue is full, or it is for another user.
                _ => return Err(Errno::ADDRINUSE.into()),
            }
            fs::remove_file(path)?;
            bind(&socket, &address)?;
        }
        Err(Errno::NOENT) => {
            let folder = path.parent().unwrap_or(path).display();
            let what = format!("there is no folder {folder}");
            return Err(io::Error::new(ErrorKind::NotFound, what));
        }
        bound => bound?,
    }
    let file = Socket::of(path)?;
    // Before anybody can connect.
    let mode = mode.unwrap_or(OWNER_ALONE);
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    listen(&socket, BACKLOG)?;
    Ok(Listener::Unix {
        listener: UnixListener::from_std(socket.into())?,
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
