//! Debian's Kamailio, in a process of its own, and a phone that calls through it.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    net::UdpSocket,
    process::{Child, Command},
    time::{Instant, timeout},
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a reply is waited for before a request is sent once more.
const AGAIN: Duration = Duration::from_millis(200);

/// It is ended when this is dropped, with its children.
pub struct Kamailio {
    address: SocketAddr,
    child: Child,
    _directory: TempDir,
}

impl Kamailio {
    /// One with the configuration that `configuration` makes for its address, in which these
    /// are defined.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub async fn start(configuration: impl Fn(SocketAddr) -> String, defined: &[&str]) -> Self {
        for _ in 0..5 {
            let free = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
            let address = free.local_addr().expect("an address");
            drop(free);
            let directory = tempfile::tempdir().expect("a directory");
            let file = directory.path().join("kamailio.cfg");
            std::fs::write(&file, configuration(address)).expect("a configuration");
            let child = Command::new(kamailio())
                .args(["-DD", "-E", "-m", "32", "-M", "8", "-f"])
                .arg(&file)
                .args(defined.iter().flat_map(|name| ["-A", name]))
                .arg("-P")
                .arg(directory.path().join("pid"))
                .arg("-Y")
                .arg(directory.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("Kamailio can be run");
            let mut kamailio = Self {
                address,
                child,
                _directory: directory,
            };
            if kamailio.answers().await {
                return kamailio;
            }
        }
        panic!("Kamailio does not start");
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it answers before it ends, which it does where its port is taken.
    async fn answers(&mut self) -> bool {
        let phone = Phone::new(self.address).await;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            phone.send(&phone.request("OPTIONS", "alice", "bob")).await;
            if timeout(AGAIN, phone.receive()).await.is_ok() {
                return true;
            }
            if self.child.try_wait().expect("a child").is_some() {
                return false;
            }
        }
        false
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        if let Some(id) = self.child.id() {
            // Its children are its own to end.
            let _ = std::process::Command::new("sh")
                .args(["-c", "kill -s TERM $0", &id.to_string()])
                .status();
            while matches!(self.child.try_wait(), Ok(None)) {
                std::thread::yield_now();
            }
        }
    }
}

/// Sends requests through a proxy.
pub struct Phone {
    socket: UdpSocket,
    proxy: SocketAddr,
    calls: AtomicU32,
}

impl Phone {
    /// One at an address of its own.
    ///
    /// # Panics
    ///
    /// There is no port.
    pub async fn new(proxy: SocketAddr) -> Self {
        Self {
            socket: UdpSocket::bind("127.0.0.1:0").await.expect("a port"),
            proxy,
            calls: AtomicU32::new(0),
        }
    }

    /// Where it is.
    ///
    /// # Panics
    ///
    /// The system does not say it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("an address")
    }

    /// A request of a call of its own, to a user at `example.org`, or to a whole URI.
    #[must_use]
    pub fn request(&self, method: &str, from: &str, to: &str) -> String {
        let number = self.calls.fetch_add(1, Relaxed);
        let address = self.address();
        let uri = match to.contains(':') {
            true => to.to_owned(),
            false => format!("sip:{to}@example.org"),
        };
        format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {address};branch=z9hG4bK{number}x{}\r\n\
             From: <sip:{from}@example.org>;tag=t{number}\r\n\
             To: <{uri}>\r\n\
             Call-ID: {number}@{address}\r\n\
             CSeq: 1 {method}\r\n\
             Contact: <sip:{from}@{address}>\r\n\
             Max-Forwards: 70\r\n\
             Content-Length: 0\r\n\r\n",
            address.port()
        )
    }

    /// Sends a message to the proxy.
    ///
    /// # Panics
    ///
    /// The system does not send it.
    pub async fn send(&self, message: &str) {
        let sent = self.socket.send_to(message.as_bytes(), self.proxy).await;
        sent.expect("it is sent");
    }

    /// The next message.
    ///
    /// # Panics
    ///
    /// The system gives none.
    pub async fn receive(&self) -> String {
        let mut buffer = vec![0; 65_536];
        let (length, _) = self.socket.recv_from(&mut buffer).await.expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    /// The final reply to `request`, which is sent until there is one.
    ///
    /// # Panics
    ///
    /// There is none.
    pub async fn ask(&self, request: &str) -> String {
        let replied = async {
            loop {
                self.send(request).await;
                while let Ok(reply) = timeout(AGAIN, self.receive()).await {
                    if !reply.starts_with("SIP/2.0 1") {
                        return reply;
                    }
                }
            }
        };
        timeout(PATIENCE, replied).await.expect("a final reply")
    }
}

/// Debian installs it in a directory that is on the PATH of root alone.
fn kamailio() -> PathBuf {
    let debian = PathBuf::from("/usr/sbin/kamailio");
    if debian.exists() {
        debian
    } else {
        "kamailio".into()
    }
}
