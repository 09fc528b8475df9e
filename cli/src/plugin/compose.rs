//! `compose`: a plugin and the component of this program in one file, which then imports
//! `wasi:http` in place of `rest:client` and `rest:client-async`.

use super::{read, wrong};
use crate::{
    args::{Component, Compose, Fixed},
    destination::Destination,
    exit::{Exit, Problem},
    stderr, stdout,
};
use rest_client_host::Wasi;
use std::{os::unix::fs::MetadataExt as _, path::Path};
use wac_graph::{
    CompositionGraph, EncodeOptions, PlugError, plug,
    types::{ItemKind, Package, Types},
};

/// What the component for WASI 0.2 exports is of this package.
const PACKAGE: &str = "rest:client/";

/// What the component for WASI 0.3 exports is of this one, but for two interfaces that both
/// of them have.
const ASYNC_PACKAGE: &str = "rest:client-async/";
const CONFIGURATION: &str = "rest:client/configuration@";
const TYPES: &str = "rest:client/types@";

const OPEN_REPLIES: &str = "rest:client/open-replies@";

/// How a core module begins.
const CORE_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// By which a plugin sends requests of its own.
const SENDS: [&str; 2] = ["wasi:http/outgoing-handler@", "wasi:http/client@"];

/// Writes the component without a plugin.
pub(crate) fn component(component: &Component) -> Result<Exit, Problem> {
    let bytes = component.fixed.component(component.wasi)?;
    Destination::open(Some(&component.output))?.write(&bytes)?;
    Ok(Exit::Success)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let file = |it: &Path| it.metadata().map(|it| (it.dev(), it.ino())).ok();
    file(one).is_some_and(|it| file(other) == Some(it))
}

/// Writes what the plugin and the component make together, and says what it needs of a
/// host.
pub(crate) fn run(compose: &Compose) -> Result<Exit, Problem> {
    let plugin = read(&compose.plugin)
        .map_err(|error| wrong(&compose.plugin, format_args!("it can't be read: {error}")))?;
    if is_same_file(&compose.plugin, &compose.output) {
        return Err(wrong(
            &compose.output,
            "--output is the plugin itself, which is not overwritten; name another file",
        ));
    }
    let composed = composed(&compose.plugin, plugin, &compose.fixed)?;
    Destination::open(Some(&compose.output))?.write(&composed.bytes)?;
    // Standard output is the component itself.
    if compose.output == Path::new("-") {
        return Ok(Exit::Success);
    }
    let mut text = format!(
        "{}: {} bytes, {} of them the plugin. It needs of its host:\n",
        compose.output.display(),
        composed.bytes.len(),
        composed.of_plugin
    );
    for import in &composed.imports {
        text += &format!("  {import}\n");
    }
    stdout::print(text.as_bytes())?;
    Ok(Exit::Success)
}

struct Composed {
    bytes: Vec<u8>,
    /// Bytes of the plugin.
    of_plugin: usize,
    /// What it imports.
    imports: Vec<String>,
}

fn composed(file: &Path, plugin: Vec<u8>, fixed: &Fixed) -> Result<Composed, Problem> {
    let of_plugin = plugin.len();
    if plugin.starts_with(CORE_MODULE) {
        return Err(wrong(
            file,
            "this is a core module and not a component; a language's toolchain makes a component of it",
        ));
    }
    let imported = imports(&plugin)
        .map_err(|error| wrong(file, format_args!("this is no component: {error:#}")))?;
    let wanted = of_this_project(&imported);
    let components = components(file, &wanted)?;
    if components.is_empty() {
        return Err(wrong(
            file,
            "it imports nothing of rest:client or rest:client-async, so that there is nothing to compose; a host can run it as it is",
        ));
    }
    if imported.iter().any(|it| it.starts_with(OPEN_REPLIES)) {
        return Err(wrong(
            file,
            "it imports rest:client/open-replies; in other hosts nothing enforces transfer-timeout and max-transfer-size for an open reply, so it has to take replies with transfers.finish",
        ));
    }
    for sends in SENDS {
        if imported.iter().any(|it| it.starts_with(sends)) {
            let interface = sends.trim_end_matches('@');
            stderr::complain(&format!(
                "the plugin also imports {interface}: the parameters fixed here do not apply to requests that it makes with it"
            ));
        }
    }
    let (mut bytes, mut offered) = (plugin, Vec::new());
    for wasi in components {
        let component = fixed.component_for_plugin(wasi)?;
        offered.extend(exports(&component).map_err(internal)?);
        // One after the other: the library takes no two plugs that have the same types.
        bytes = plugged(bytes, component).map_err(internal)?;
    }
    let imports = imports(&bytes).map_err(internal)?;
    let left = of_this_project(&imports);
    if !left.is_empty() {
        let offered = of_this_project(&offered).join(", ");
        return Err(wrong(
            file,
            format_args!(
                "it imports {}, in a form that this component does not have; it has {offered}",
                left.join(", ")
            ),
        ));
    }
    Ok(Composed {
        bytes,
        of_plugin,
        imports,
    })
}

fn internal(error: anyhow::Error) -> Problem {
    Problem::new(Exit::Internal, format!("it can't be composed: {error:#}"))
}

/// `socket`, whose imports are the exports of `component` as far as these fit.
fn plugged(socket: Vec<u8>, component: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let mut register = |name, bytes| {
        let package = Package::from_bytes(name, None, bytes, graph.types_mut())?;
        Ok::<_, anyhow::Error>(graph.register_package(package)?)
    };
    let (socket_package, component) = (
        register("plugin", socket.clone())?,
        register("component", component)?,
    );
    match plug(&mut graph, vec![component], socket_package) {
        Ok(()) => Ok(graph.encode(EncodeOptions::default())?),
        // What is left over is told by whoever looks at the imports.
        Err(PlugError::NoPlugHappened) => Ok(socket),
        Err(PlugError::GraphError { source }) => Err(source),
    }
}

fn imports(component: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut types = Types::default();
    let package = Package::from_bytes("component", None, component.to_vec(), &mut types)?;
    let imports = &types[package.ty()].imports;
    // A world may have types of its own, which stand among its imports.
    let of_host = imports
        .iter()
        .filter(|(_, kind)| !matches!(kind, ItemKind::Type(_)));
    Ok(of_host.map(|(name, _)| name.clone()).collect())
}

fn exports(component: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut types = Types::default();
    let package = Package::from_bytes("component", None, component.to_vec(), &mut types)?;
    Ok(types[package.ty()].exports.keys().cloned().collect())
}

fn of_this_project(names: &[String]) -> Vec<String> {
    let is_ours = |it: &&String| it.starts_with(PACKAGE) || it.starts_with(ASYNC_PACKAGE);
    // Types are none that a host has to have.
    let ours = names.iter().filter(is_ours);
    ours.filter(|it| !it.starts_with(TYPES)).cloned().collect()
}

/// The components that have what is `wanted`.
fn components(file: &Path, wanted: &[String]) -> Result<Vec<Wasi>, Problem> {
    let configures = wanted.iter().any(|it| it.starts_with(CONFIGURATION));
    let is_async = |it: &&String| it.starts_with(ASYNC_PACKAGE);
    let asynchronous = wanted.iter().filter(is_async).count();
    let synchronous = wanted.len() - asynchronous - usize::from(configures);
    if configures && asynchronous > 0 && synchronous > 0 {
        return Err(wrong(
            file,
            "it imports rest:client, rest:client-async and configuration, which would configure only one of the two components; it has to use only one of rest:client and rest:client-async, or to be configured with --transfer-timeout and the other flags instead",
        ));
    }
    let mut components = Vec::new();
    if synchronous > 0 || configures && asynchronous == 0 {
        components.push(Wasi::P2);
    }
    if asynchronous > 0 {
        components.push(Wasi::P3);
    }
    Ok(components)
}
