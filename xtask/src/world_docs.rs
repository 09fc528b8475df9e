//! What a component says of itself to whoever prints its interfaces.

use anyhow::{Context, Result};
use std::path::Path;
use wit_parser::{Resolve, WorldItem};

/// The section by which `wasm-tools component wit`, and whatever else decodes a component, finds
/// docs. It begins with its version.
const SECTION: &str = "package-docs";
const VERSION: u8 = 0;

/// A component does not keep the name of its world: decoded, it has this one. There is no place
/// for docs of the interfaces of other packages, which all of them are.
const WORLD: &str = "root";

/// The section for a component that is `world` of the WIT package in `folder`: the docs of the
/// world, and of each interface that it exports.
///
/// # Errors
///
/// There is no such world.
pub(crate) fn section(folder: &Path, world: &str) -> Result<(&'static str, Vec<u8>)> {
    let docs = docs(folder, world)?;
    let json = serde_json::json!({ "worlds": { WORLD: { "docs": docs } } });
    let mut data = vec![VERSION];
    data.extend(json.to_string().into_bytes());
    Ok((SECTION, data))
}

fn docs(folder: &Path, world: &str) -> Result<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_dir(folder)
        .with_context(|| format!("{} is no WIT package", folder.display()))?;
    let world = resolve.select_world(&[package], Some(world))?;
    let world = &resolve.worlds[world];
    let mut docs = world.docs.contents.clone().unwrap_or_default();
    for (key, item) in &world.exports {
        if let WorldItem::Interface { id, .. } = item
            && let Some(of_interface) = &resolve.interfaces[*id].docs.contents
        {
            let name = resolve.name_world_key(key);
            docs += &format!("\n\n`{name}`:\n{of_interface}");
        }
    }
    docs += "\n\nThe WIT packages of these interfaces document each function and type.";
    Ok(docs)
}
