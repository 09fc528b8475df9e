//! Debian's nginx, with a location that asks `rest-client serve` first, and the same without.

use super::process::{Process, printed};
use anyhow::{Result, bail};
use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// As README has it.
const UPSTREAM: &str = include_str!("../../../deploy/nginx/upstream.conf");
const SERVER: &str = include_str!("../../../deploy/nginx/forward-auth.conf");

/// How long it may take until it listens.
const PATIENCE: Duration = Duration::from_secs(10);

/// The running program. Dropping this value ends it.
pub(super) struct Nginx {
    _process: Process,
    /// Where it asks before it serves.
    pub(super) asking: SocketAddr,
    /// Where it serves at once.
    pub(super) plain: SocketAddr,
}

/// Its program, if there is one. If not, this has printed so.
pub(super) fn find() -> Result<Option<PathBuf>> {
    // Debian installs it where not every user looks.
    for program in ["/usr/sbin/nginx", "nginx"] {
        if printed(program, ["-v"])?.is_some() {
            return Ok(Some(program.into()));
        }
    }
    println!("skipped: nginx is not installed");
    Ok(None)
}

impl Nginx {
    /// Starts it in that folder. It asks at `socket`, and serves what `backend` does.
    pub(super) fn start(
        program: &Path,
        folder: &Path,
        socket: &Path,
        backend: SocketAddr,
    ) -> Result<Self> {
        // It can't choose ports itself, so it is given some that were free a moment ago. If
        // somebody has taken one, there is another try.
        for _ in 0..5 {
            let (asking, plain) = (free()?, free()?);
            let file = folder.join("nginx.conf");
            std::fs::write(&file, configuration(folder, socket, backend, asking, plain))?;
            let mut command = Command::new(program);
            command
                .arg("-e")
                .arg(folder.join("start.log"))
                .arg("-c")
                .arg(file);
            let mut process = Process::silent(&mut command)?;
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline && !process.has_ended()? {
                if TcpStream::connect(plain).is_ok() {
                    return Ok(Self {
                        _process: process,
                        asking,
                        plain,
                    });
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        bail!("nginx does not start")
    }
}

fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Both servers, in one process that keeps connections for as long as they are used.
fn configuration(
    folder: &Path,
    socket: &Path,
    backend: SocketAddr,
    asking: SocketAddr,
    plain: SocketAddr,
) -> String {
    let (place, socket) = (folder.display(), socket.display());
    let upstream = UPSTREAM.replace("/run/rest-client/decide.sock", &socket.to_string());
    let server = SERVER.replace("127.0.0.1:8081", &backend.to_string());
    // The same location, without a word of who decides.
    let (location, _) = server.split_once("# Asks.").unwrap_or((&server, ""));
    let of_asking = ["auth_request", "error_page", "X-Account"];
    let without: Vec<&str> = location
        .lines()
        .filter(|line| !of_asking.iter().any(|word| line.contains(word)))
        .collect();
    let without = without.join("\n");
    format!(
        "daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;\n\
         events {{}}\n\
         http {{\n\
         access_log off; keepalive_requests 1000000000;\n\
         client_body_temp_path {place}/a; proxy_temp_path {place}/b;\n\
         fastcgi_temp_path {place}/c; uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;\n\
         {upstream}\n\
         server {{ listen {asking}; {server} }}\n\
         server {{ listen {plain}; {without} }}\n\
         }}\n"
    )
}
