//! `rest-client serve` has a plugin decide for a proxy: what the proxy is told is what the
//! plugin has decided, and what a client can write is never taken for what the proxy says.

mod access_log;
mod admin;
mod api;
mod behind;
mod caddy;
mod ending;
mod envoy;
mod forward_auth;
mod http;
mod kamailio;
mod nginx;
mod operation;
mod spans;
mod systemd;
mod traefik;
mod under_load;

use crate::worker;
use std::{fs, path::PathBuf, time::Duration};
use support::{
    plugin,
    process::{Running, rest_client},
    server::Server,
};
use tempfile::TempDir;
use tokio::time::timeout;

/// For what comes at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in a process of its own, and what lies beside it in its folder.
struct Serving {
    process: Running,
    /// Its address, or the path of its socket.
    at: String,
    /// Its admin address, if it has one.
    admin: Option<String>,
    folder: TempDir,
}

impl Serving {
    /// One that serves the plugin of that name, at a port of its choice.
    async fn start(name: &str, arguments: &[&str]) -> Self {
        let listen = ["--listen", "127.0.0.1:0"];
        Self::start_in(folder(), name, &[&listen[..], arguments].concat()).await
    }

    /// The same, with a service of that name.
    async fn asking(name: &str, service: (&str, &Server), arguments: &[&str]) -> Self {
        let folder = folder();
        let config = configuration(&folder, Some(service));
        let all = [
            &["--listen", "127.0.0.1:0", "--config", &config][..],
            arguments,
        ]
        .concat();
        Self::start_in(folder, name, &all).await
    }

    /// One at a socket, with a service of that name.
    async fn at_socket(name: &str, service: Option<(&str, &Server)>, arguments: &[&str]) -> Self {
        let folder = folder();
        let listen = format!("unix:{}", folder.path().join("decide.sock").display());
        let config = configuration(&folder, service);
        let all = [&["--listen", &listen, "--config", &config][..], arguments].concat();
        Self::start_in(folder, name, &all).await
    }

    async fn start_in(folder: TempDir, name: &str, arguments: &[&str]) -> Self {
        let file = folder.path().join(name).with_extension("wasm");
        fs::write(&file, plugin::built(name)).unwrap();
        let arguments = [&["serve"][..], arguments, &[file.to_str().unwrap()]].concat();
        let mut process = Running::start(rest_client(), arguments);
        let mut line = process.line().await;
        let admin = line.strip_prefix("admin on ").map(str::to_owned);
        if admin.is_some() {
            line = process.line().await;
        }
        let at = line.strip_prefix("listening on ").expect(&line);
        let at = at.strip_prefix("unix:").unwrap_or(at).to_owned();
        Self {
            process,
            at,
            admin,
            folder,
        }
    }

    /// Waits until that line is among its metrics.
    async fn wait_for_metric(&self, line: &str) {
        let url = format!("http://{}/metrics", self.admin.as_ref().unwrap());
        let is_there = async {
            loop {
                let metrics = worker().rest_get(&url).await.unwrap();
                if metrics.text().lines().any(|it| it == line) {
                    return;
                }
            }
        };
        let waited = timeout(PATIENCE, is_there).await;
        waited.unwrap_or_else(|_| panic!("its metrics never had {line:?}"));
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The file of a configuration with that service.
fn configuration(folder: &TempDir, service: Option<(&str, &Server)>) -> String {
    let file = folder.path().join("rest-client.toml");
    let text = service.map_or(String::new(), |(name, server)| {
        format!("[services.{name}]\norigin = {:?}\n", server.origin())
    });
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}
