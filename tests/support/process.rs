//! Programs in processes of their own: ours as a user runs it, and services
//! that others wrote.

use serde_json::Value;
use std::{
    ffi::OsStr,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::OnceLock,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::{Instant, timeout},
};

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a program left behind.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: String,
}

impl Ended {
    /// Its exit code; -1 for a signal.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or(-1)
    }

    /// What it printed, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What it printed, as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.text(), self.stderr))
    }
}

/// Our own program. It is built when it is first asked for, which takes no time:
/// the build of the tests has made it already.
pub fn rest_client() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut cargo = std::process::Command::new(env!("CARGO"));
        // Cargo sets these for tests. Build scripts watch some of them, and would
        // run again: ring, and all that stands on it, would be built anew.
        for (name, _) in std::env::vars_os() {
            let name_bytes = name.as_encoded_bytes();
            if name_bytes.starts_with(b"CARGO_PKG_") || name_bytes.starts_with(b"CARGO_MANIFEST_") {
                cargo.env_remove(&name);
            }
        }
        let output = cargo
            // All that `cargo xtask test` builds. A part of it may have fewer
            // features, and would be built anew.
            .args(["build", "--workspace", "--exclude", "rest-client-bench"])
            .args(["--bins", "--examples"])
            .args(["--message-format", "json-render-diagnostics", "--quiet"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "the program can't be built");
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == "rest-client")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from))
            .expect("cargo says where the program is")
    })
}

/// The program that puts random load on the cap, built as [`rest_client`] is.
pub fn soak() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| rest_client().with_file_name("soak"))
}

/// An example of the library, built as [`rest_client`] is.
#[must_use]
pub fn example(name: &str) -> PathBuf {
    let program = rest_client();
    let directory = program.parent().expect("a directory");
    directory.join("examples").join(name)
}

/// Runs `program` to its end with `stdin` as its input.
pub async fn run<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
    stdin: &[u8],
) -> Ended {
    let mut command = Command::new(program.as_ref());
    command.args(arguments);
    end(command, stdin, PATIENCE).await
}

/// Runs `program`, which may take longer than others, to its end.
pub async fn run_within(
    patience: Duration,
    program: &Path,
    arguments: &[&str],
    stdin: &[u8],
) -> Ended {
    let mut command = Command::new(program);
    command.args(arguments);
    end(command, stdin, patience).await
}

/// Runs `program` to its end with these variables set; an empty value is none.
pub async fn run_with(program: &Path, arguments: &[&str], variables: &[(&str, &OsStr)]) -> Ended {
    let mut command = Command::new(program);
    command.args(arguments);
    for (name, value) in variables {
        if value.is_empty() {
            command.env_remove(name);
        } else {
            command.env(name, value);
        }
    }
    end(command, b"", PATIENCE).await
}

async fn end(mut command: Command, stdin: &[u8], patience: Duration) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} can't be run: {error}"));
    let mut input = child.stdin.take().expect("a pipe");
    let stdin = stdin.to_vec();
    tokio::spawn(async move {
        // A program that does not read its input is no fault of the test's.
        let _ = input.write_all(&stdin).await;
    });
    let output = timeout(patience, child.wait_with_output())
        .await
        .expect("the program ends in time")
        .expect("the program can be waited for");
    Ended {
        status: output.status,
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Bytes that are resident of a process, which is `self` or a number; 0 if it is gone.
#[must_use]
pub fn resident(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// A program while it runs. It is ended when this is dropped.
pub struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    read: Vec<u8>,
    complaints: Vec<u8>,
}

impl Running {
    /// Starts `program`.
    pub fn start<A: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let mut child = Command::new(program.as_ref())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program can be run");
        Self {
            stdin: child.stdin.take().expect("a pipe"),
            stdout: child.stdout.take().expect("a pipe"),
            child,
            read: Vec::new(),
            complaints: Vec::new(),
        }
    }

    /// Bytes of its memory that are resident.
    #[must_use]
    pub fn resident(&self) -> u64 {
        let id = self.child.id().expect("it runs");
        resident(&id.to_string())
    }

    /// Returns when the program has read all but what a pipe holds.
    pub async fn write(&mut self, bytes: &[u8]) {
        timeout(PATIENCE, self.stdin.write_all(bytes))
            .await
            .expect("the program reads in time")
            .expect("the program reads its input");
    }

    /// Sends it a signal, by its name: `INT`.
    pub async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let kill = run("sh", ["-c", "kill -s $0 $1", name, &id], b"").await;
        assert_eq!(kill.code(), 0, "{}", kill.stderr);
    }

    /// Waits until it has printed `text`.
    pub async fn wait_for(&mut self, text: &str) {
        let printed = async {
            while !String::from_utf8_lossy(&self.read).contains(text) {
                let count = self.stdout.read_buf(&mut self.read).await.unwrap_or(0);
                assert!(count > 0, "it ended before {text:?}: {:?}", self.read);
            }
        };
        timeout(PATIENCE, printed)
            .await
            .unwrap_or_else(|_| panic!("it never printed {text:?}"));
    }

    /// Waits until it has complained about `text`.
    pub async fn wait_for_complaint(&mut self, text: &str) {
        let stderr = self.child.stderr.as_mut().expect("a pipe");
        let complained = async {
            while !String::from_utf8_lossy(&self.complaints).contains(text) {
                let count = stderr.read_buf(&mut self.complaints).await.unwrap_or(0);
                assert!(count > 0, "it ended before {text:?}");
            }
        };
        timeout(PATIENCE, complained)
            .await
            .unwrap_or_else(|_| panic!("it never complained about {text:?}"));
    }

    /// Waits until it complains about that once more.
    ///
    /// # Panics
    ///
    /// As for [`wait_for_complaint`](Self::wait_for_complaint).
    pub async fn wait_for_next_complaint(&mut self, text: &str) {
        self.wait_for_complaint(text).await;
        let complaints = String::from_utf8_lossy(&self.complaints).into_owned();
        let (_, rest) = complaints.split_once(text).expect("it has complained");
        self.complaints = rest.as_bytes().to_vec();
    }

    /// Its next line.
    pub async fn line(&mut self) -> String {
        let line = async {
            loop {
                if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = self.read.drain(..=end).collect();
                    return String::from_utf8_lossy(&line).trim_end().to_owned();
                }
                if self.stdout.read_buf(&mut self.read).await.unwrap_or(0) == 0 {
                    let mut stderr = String::new();
                    if let Some(mut pipe) = self.child.stderr.take() {
                        let _ = pipe.read_to_string(&mut stderr).await;
                    }
                    panic!("it ended before a line: {stderr}");
                }
            }
        };
        timeout(PATIENCE, line).await.expect("a line in time")
    }

    /// Waits for its end. Its input stays open until then.
    pub async fn ended(mut self) -> Ended {
        let rest = async {
            // A terminal is gone with an error when its last program ends.
            let _ = self.stdout.read_to_end(&mut self.read).await;
            self.child.wait_with_output().await
        };
        let output = timeout(PATIENCE, rest)
            .await
            .expect("the program ends in time")
            .expect("the program can be waited for");
        Ended {
            status: output.status,
            stdout: self.read,
            stderr: String::from_utf8_lossy(&[self.complaints, output.stderr].concat())
                .into_owned(),
        }
    }
}

/// A service in a process of its own, which ends when this is dropped.
pub struct Service {
    address: SocketAddr,
    child: Child,
    /// It has children of its own, which it ends when it is asked to end.
    is_master: bool,
    _directory: Option<TempDir>,
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.is_master {
            self.signal("TERM");
            // Without it, the children would outlive it.
            while matches!(self.child.try_wait(), Ok(None)) {
                std::thread::yield_now();
            }
        }
    }
}

impl Service {
    /// Debian's nginx, which serves the files in `root`. `server` goes into its
    /// server block. `listen` follows the address there: `http2`, for example.
    pub async fn nginx(root: &Path, listen: &str, server: &str) -> Self {
        Self::start_nginx("master_process off;", "", root, listen, server).await
    }

    /// The same, with `upstream` beside that block.
    pub async fn nginx_with_upstream(root: &Path, upstream: &str, server: &str) -> Self {
        Self::start_nginx("master_process off;", upstream, root, "", server).await
    }

    /// The same, which can be [reloaded](Self::reload).
    pub async fn nginx_with_workers(root: &Path, listen: &str, server: &str) -> Self {
        let mut service = Self::start_nginx("worker_processes 2;", "", root, listen, server).await;
        service.is_master = true;
        service
    }

    async fn start_nginx(
        processes: &str,
        upstream: &str,
        root: &Path,
        listen: &str,
        server: &str,
    ) -> Self {
        Self::until_it_listens(|address| {
            let directory = tempfile::tempdir().expect("a directory");
            let place = directory.path().display();
            let configuration = format!(
                "daemon off; {processes} pid {place}/pid; error_log {place}/error.log;\n\
                 events {{}}\n\
                 http {{\n\
                 access_log off; default_type application/octet-stream;\n\
                 types {{ text/plain txt; }}\n\
                 client_body_temp_path {place}/a; proxy_temp_path {place}/b;\n\
                 fastcgi_temp_path {place}/c; uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;\n\
                 {upstream}\n\
                 server {{ listen {address} {listen}; root {}; {server} }}\n\
                 }}\n",
                root.display()
            );
            let file = directory.path().join("nginx.conf");
            std::fs::write(&file, configuration).expect("a configuration");
            let mut command = Command::new(nginx());
            command.arg("-c").arg(file).arg("-e").arg(directory.path().join("start.log"));
            (command, Some(directory))
        })
        .await
    }

    /// Debian's Caddy, with the file that `configuration` makes for its address.
    pub async fn caddy(configuration: impl Fn(SocketAddr) -> String) -> Self {
        Self::until_it_listens(|address| {
            let directory = tempfile::tempdir().expect("a directory");
            let file = directory.path().join("Caddyfile");
            let global = "{\n\tadmin off\n}\n";
            let configuration = format!("{global}{}", configuration(address));
            std::fs::write(&file, configuration).expect("a configuration");
            let mut command = Command::new("caddy");
            command
                .args(["run", "--adapter", "caddyfile", "--config"])
                .arg(file)
                .env("XDG_CONFIG_HOME", directory.path())
                .env("XDG_DATA_HOME", directory.path());
            (command, Some(directory))
        })
        .await
    }

    /// PyPI's Traefik, with the static configuration that `configuration` makes for its
    /// address, and with these routes.
    pub async fn traefik(configuration: impl Fn(SocketAddr) -> String, routes: &str) -> Self {
        Self::until_it_listens(|address| {
            let directory = tempfile::tempdir().expect("a directory");
            let dynamic = directory.path().join("routes.yml");
            std::fs::write(&dynamic, routes).expect("routes");
            let dynamic = dynamic.to_str().expect("a path");
            let configuration =
                configuration(address).replace("/etc/traefik/forward-auth.yml", dynamic);
            let file = directory.path().join("traefik.yml");
            std::fs::write(&file, configuration).expect("a configuration");
            let mut command = Command::new("traefik");
            command.arg(format!("--configFile={}", file.display()));
            (command, Some(directory))
        })
        .await
    }

    /// PyPI's Envoy, with the file that `configuration` makes for its address.
    pub async fn envoy(configuration: impl Fn(SocketAddr) -> String) -> Self {
        Self::until_it_listens(|address| {
            let directory = tempfile::tempdir().expect("a directory");
            let file = directory.path().join("envoy.yaml");
            std::fs::write(&file, configuration(address)).expect("a configuration");
            let mut command = Command::new("envoy");
            command
                // Several may run at a time.
                .args(["--disable-hot-restart", "--concurrency", "1", "-c"])
                .arg(file);
            (command, Some(directory))
        })
        .await
    }

    /// PyPI's httpbin.
    pub async fn httpbin() -> Self {
        Self::until_it_listens(|address| {
            let mut command = Command::new("waitress-serve");
            command
                .arg(format!("--listen={address}"))
                .arg("httpbin:app");
            (command, None)
        })
        .await
    }

    /// Starts a service that can't choose a free port itself. It is given one
    /// that was free a moment ago. If somebody has taken it, there is another try.
    async fn until_it_listens(command: impl Fn(SocketAddr) -> (Command, Option<TempDir>)) -> Self {
        for _ in 0..5 {
            let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
            let address = free.local_addr().expect("an address");
            drop(free);
            let (mut command, directory) = command(address);
            let mut child = command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap_or_else(|error| panic!("{command:?} can't be run: {error}"));
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline {
                if TcpStream::connect(address).is_ok() {
                    return Self {
                        address,
                        child,
                        is_master: false,
                        _directory: directory,
                    };
                }
                if child.try_wait().expect("a child").is_some() {
                    break;
                }
                // Nothing tells when a service listens, so it is asked again.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        panic!("the service does not start");
    }

    /// Has it read its configuration anew. Those that serve until then end the
    /// exchanges that have begun.
    pub fn reload(&self) {
        self.signal("HUP");
    }

    fn signal(&self, name: &str) {
        let Some(id) = self.child.id() else {
            return;
        };
        let id = id.to_string();
        let sent = std::process::Command::new("sh")
            .args(["-c", "kill -s $0 $1", name, &id])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "{name} is sent");
    }

    /// The URL of `path`, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URL of `path` with TLS.
    #[must_use]
    pub fn https(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }
}

/// Debian installs it in a directory that is on the PATH of root alone.
fn nginx() -> PathBuf {
    let debian = PathBuf::from("/usr/sbin/nginx");
    if debian.exists() {
        debian
    } else {
        "nginx".into()
    }
}
