//! `compose`: a plugin and the component of this program in one file, which then imports
//! `wasi:http` in place of `rest:client`.

use super::wrong;
use crate::{
    args::{Component, Compose},
    destination::Destination,
    exit::{Exit, Problem},
    stderr, stdout,
};
use std::{fs, path::Path};
use wac_graph::{
    CompositionGraph, EncodeOptions, PlugError, plug,
    types::{Package, Types},
};

/// What the component exports is of this package.
const PACKAGE: &str = "rest:client/";

const OPEN_REPLIES: &str = "rest:client/open-replies@";
const OUTGOING_HANDLER: &str = "wasi:http/outgoing-handler@";

/// Writes the component without a plugin.
pub(crate) fn component(component: &Component) -> Result<Exit, Problem> {
    let bytes = component.fixed.component()?;
    Destination::open(Some(&component.output))?.write(&bytes)?;
    Ok(Exit::Success)
}

/// Writes what the plugin and the component make together, and says what it needs of a
/// host.
pub(crate) fn run(compose: &Compose) -> Result<Exit, Problem> {
    let component = compose.fixed.component_for_plugin()?;
    let plugin = fs::read(&compose.plugin)
        .map_err(|error| wrong(&compose.plugin, format_args!("it can't be read: {error}")))?;
    let composed = composed(&compose.plugin, plugin, component)?;
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

fn composed(file: &Path, plugin: Vec<u8>, component: Vec<u8>) -> Result<Composed, Problem> {
    let of_plugin = plugin.len();
    let mut graph = CompositionGraph::new();
    let read = |name, bytes, types: &mut Types| Package::from_bytes(name, None, bytes, types);
    let socket = read("plugin", plugin, graph.types_mut())
        .map_err(|error| wrong(file, format_args!("this is no component: {error:#}")))?;
    let imported = imports(&socket, graph.types());
    let wanted = of_this_package(&imported);
    if wanted.is_empty() {
        return Err(wrong(
            file,
            "it imports nothing of rest:client, so that there is nothing to compose; a host can run it as it is",
        ));
    }
    if imported.iter().any(|it| it.starts_with(OPEN_REPLIES)) {
        return Err(wrong(
            file,
            "it imports rest:client/open-replies; outside of this program nobody keeps transfer-timeout and max-transfer-size for a reply that is open, so that it has to take replies with transfers.finish",
        ));
    }
    if imported.iter().any(|it| it.starts_with(OUTGOING_HANDLER)) {
        stderr::complain(
            "the plugin imports wasi:http/outgoing-handler by itself: what is fixed here does not hold for requests that it makes with that",
        );
    }
    let internal = |error: &dyn std::fmt::Display| {
        Problem::new(Exit::Internal, format!("it can't be composed: {error}"))
    };
    let ours = read("component", component, graph.types_mut()).map_err(|error| internal(&error))?;
    let offered = exports(&ours, graph.types());
    let socket = graph
        .register_package(socket)
        .map_err(|error| internal(&error))?;
    let ours = graph
        .register_package(ours)
        .map_err(|error| internal(&error))?;
    let unsatisfied = |wanted: &[String]| {
        let offered = of_this_package(&offered).join(", ");
        wrong(
            file,
            format_args!(
                "it imports {}, in a form that this component does not have; it has {offered}",
                wanted.join(", ")
            ),
        )
    };
    match plug(&mut graph, vec![ours], socket) {
        Ok(()) => {}
        Err(PlugError::NoPlugHappened) => return Err(unsatisfied(&wanted)),
        Err(PlugError::GraphError { source }) => return Err(internal(&source)),
    }
    let bytes = graph
        .encode(EncodeOptions::default())
        .map_err(|error| internal(&error))?;
    let mut types = Types::default();
    let whole = read("composed", bytes.clone(), &mut types).map_err(|error| internal(&error))?;
    let imports = imports(&whole, &types);
    let left = of_this_package(&imports);
    if !left.is_empty() {
        return Err(unsatisfied(&left));
    }
    Ok(Composed {
        bytes,
        of_plugin,
        imports,
    })
}

fn imports(package: &Package, types: &Types) -> Vec<String> {
    types[package.ty()].imports.keys().cloned().collect()
}

fn exports(package: &Package, types: &Types) -> Vec<String> {
    types[package.ty()].exports.keys().cloned().collect()
}

fn of_this_package(names: &[String]) -> Vec<String> {
    let ours = names.iter().filter(|it| it.starts_with(PACKAGE));
    // Types are none that a host has to have.
    ours.filter(|it| !it.starts_with("rest:client/types@"))
        .cloned()
        .collect()
}
