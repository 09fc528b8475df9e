//! What is published beside the crates: the components, and the WIT packages with their docs.

use crate::{
    component,
    workspace::{target_dir, workspace_root},
};
use anyhow::{Context, Result};
use std::{fs, path::PathBuf};
use wit_component::encode;
use wit_parser::Resolve;

/// The folder of each package under `wit/`, with the name of its file.
const PACKAGES: [(&str, &str); 4] = [
    ("wit", "rest-client-wit.wasm"),
    ("wit/async", "rest-client-async-wit.wasm"),
    ("wit/async/routing", "routing-contract-async-wit.wasm"),
    ("wit/routing", "routing-contract-wit.wasm"),
];

/// Writes all of them, and returns their paths.
///
/// # Errors
///
/// A component can't be built, or a WIT package is wrong.
pub fn package() -> Result<Vec<PathBuf>> {
    let (root, folder) = (workspace_root(), target_dir()?.join("published"));
    fs::create_dir_all(&folder)?;
    let mut written = Vec::from(component::build(&folder)?.map(|it| it.file));
    for (source, file) in PACKAGES {
        let mut resolve = Resolve::default();
        let (package, _) = resolve
            .push_dir(root.join(source))
            .with_context(|| format!("{source} is no WIT package"))?;
        let file = folder.join(file);
        component::write(&file, &encode(&resolve, package, false)?)?;
        written.push(file);
    }
    Ok(written)
}
