//! `rest-client`, as its users run it.

use super::process::{Process, Says, printed};
use anyhow::{Context as _, Result};
use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// The name of the service that a plugin may ask.
pub(super) const SERVICE: &str = "bench";

/// The program, and a folder for what it reads and writes.
pub(super) struct RestClient {
    program: PathBuf,
    folder: TempDir,
}

impl RestClient {
    /// `None` if it is not built, or the plugins are not. It has then printed so.
    pub(super) fn find() -> Result<Option<Self>> {
        let this = env::current_exe().context("this program has no file")?;
        let program = this.with_file_name("rest-client");
        if !program.is_file() {
            println!("skipped: {} is not built", program.display());
            return Ok(None);
        }
        if env::var_os("REST_CLIENT_PLUGINS").is_none() {
            println!(
                "skipped: REST_CLIENT_PLUGINS names no folder of plugins; cargo xtask bench does"
            );
            return Ok(None);
        }
        let folder = tempfile::tempdir()?;
        Ok(Some(Self { program, folder }))
    }

    /// Where everything of a measurement stands.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The file of that name in its folder.
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The plugin of that name, with the client that it imports in one component.
    pub(super) fn compose(&self, plugin: &str) -> Result<PathBuf> {
        let (plugin, composed) = (built(plugin)?, self.file("composed.wasm"));
        let arguments = [
            Path::new("compose"),
            &plugin,
            Path::new("--output"),
            &composed,
        ];
        printed(&self.program, arguments)?.context("the program is gone")?;
        Ok(composed)
    }

    /// Has a component answer HTTP by itself, with a service that it may ask.
    pub(super) fn serve(
        &self,
        component: &Path,
        service: SocketAddr,
    ) -> Result<(Process, SocketAddr)> {
        let config = self.file("rest-client.toml");
        let text = format!("[services.{SERVICE}]\norigin = \"http://{service}\"\n");
        std::fs::write(&config, text)?;
        let mut command = self.command();
        command
            .args(["--listen", "127.0.0.1:0", "--config"])
            .args([&config, component]);
        Process::at_port(&mut command, Says::OnStdout)
    }

    /// Has the plugin of that name decide for nginx, and returns the socket where it is asked.
    pub(super) fn decide_for_nginx(&self, plugin: &str) -> Result<(Process, PathBuf)> {
        let socket = self.file("decide.sock");
        let mut command = self.command();
        command
            .args(["--form", "nginx", "--carry", "x-account", "--listen"])
            .arg(format!("unix:{}", socket.display()))
            .arg(built(plugin)?);
        let (process, _) = Process::telling(&mut command, Says::OnStdout, "listening on ")?;
        Ok((process, socket))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // What others have kept is not measured.
        command.arg("serve").arg("--cache").arg(self.file("cache"));
        command
    }
}

/// The file of a plugin.
pub(super) fn built(plugin: &str) -> Result<PathBuf> {
    let folder = env::var_os("REST_CLIENT_PLUGINS").context("there is no folder of plugins")?;
    Ok(Path::new(&folder).join(plugin).with_extension("wasm"))
}
