//! Debian's sipp, which makes and answers calls.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    net::UdpSocket,
    process::{Child, Command},
    time::{Instant, timeout},
};

/// How long all calls of a scenario may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the system may take to say that nobody listens.
const AGAIN: Duration = Duration::from_millis(100);

/// Calls that somebody makes.
#[derive(Debug, Clone, Copy)]
pub enum Calls {
    /// They are let through, answered and ended.
    Admitted,
    /// They are refused with 402.
    Refused,
}

/// Answers calls. It is ended when this is dropped.
pub struct Callee {
    address: SocketAddr,
    _child: Child,
    _directory: TempDir,
}

impl Callee {
    /// One at an address of its own.
    ///
    /// # Panics
    ///
    /// It does not start.
    pub async fn start() -> Self {
        for _ in 0..5 {
            let address = free_port().await;
            let directory = tempfile::tempdir().expect("a directory");
            let scenario = scenario(directory.path(), include_str!("sipp/callee.xml"));
            let mut child = sipp(directory.path(), address)
                .await
                .arg("-sf")
                .arg(scenario)
                // It would wait for whoever reads it.
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .expect("sipp can be run");
            if listens(address, &mut child).await {
                return Self {
                    address,
                    _child: child,
                    _directory: directory,
                };
            }
        }
        panic!("sipp does not start");
    }

    /// Makes so many calls to it, through `proxy`. What sipp says where not all of them went as
    /// the scenario has it.
    ///
    /// # Errors
    ///
    /// That.
    ///
    /// # Panics
    ///
    /// sipp can't be run.
    pub async fn call(&self, calls: Calls, count: u32, proxy: SocketAddr) -> Result<(), String> {
        let directory = tempfile::tempdir().expect("a directory");
        let calls = match calls {
            Calls::Admitted => include_str!("sipp/admitted.xml"),
            Calls::Refused => include_str!("sipp/refused.xml"),
        };
        let called = sipp(directory.path(), free_port().await)
            .await
            .arg("-sf")
            .arg(scenario(directory.path(), calls))
            .args(["-m", &count.to_string(), "-r", "50", "-l", "20"])
            .args(["-rsa", &proxy.to_string()])
            .args(["-timeout", "50s", "-timeout_error"])
            .arg(self.address.to_string())
            .kill_on_drop(true)
            .output();
        let ended = timeout(PATIENCE, called)
            .await
            .map_err(|_| "it never ended")?;
        let ended = ended.expect("sipp can be run");
        match ended.status.success() {
            true => Ok(()),
            false => Err(format!(
                "{}\n{}\n{}",
                ended.status,
                String::from_utf8_lossy(&ended.stdout),
                String::from_utf8_lossy(&ended.stderr)
            )),
        }
    }
}

/// Whether it listens before it ends, which it does where its port is taken.
async fn listens(address: SocketAddr, child: &mut Child) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    socket.connect(address).await.expect("an address");
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        // The system says at once that nobody listens there. What keeps a binding of NAT
        // alive (RFC 5626, section 3.5.1) is no message.
        if socket.send(b"\r\n\r\n").await.is_ok() {
            let mut nothing = [0; 1];
            if timeout(AGAIN, socket.recv(&mut nothing)).await.is_err() {
                return true;
            }
        }
    }
    false
}

fn scenario(directory: &Path, text: &str) -> PathBuf {
    let file = directory.join("scenario.xml");
    std::fs::write(&file, text).expect("a scenario");
    file
}

async fn free_port() -> SocketAddr {
    let free = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    free.local_addr().expect("an address")
}

async fn sipp(directory: &Path, address: SocketAddr) -> Command {
    let mut command = Command::new("sipp");
    let steering = free_port().await.port();
    command
        .args(["-i", &address.ip().to_string()])
        .args(["-p", &address.port().to_string()])
        .args(["-nostdin", "-cp", &steering.to_string()])
        .current_dir(directory)
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}
