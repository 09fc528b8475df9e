//! Builds the component from the guest.

use crate::{
    debian::Apt,
    digest::sources_digest,
    local_paths::LocalPaths,
    process::{run, shell},
    section,
    toolchain::{TARGET, Toolchain},
    workspace::{absolute, target_dir, workspace_root},
};
use anyhow::{Context, Result, bail};
use std::{
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process,
};
use wit_component::ComponentEncoder;

/// The component is smaller than this many bytes, as the documentation promises.
const MAX_SIZE: usize = 200_000;

/// What it says of itself.
const DESCRIPTION: &str =
    "Asks REST services questions over wasi:http, before a deadline, with exactly one answer";

/// A component in a file.
pub struct Built {
    /// Its absolute path.
    pub file: PathBuf,
    /// Its size in bytes.
    pub size: usize,
    /// The [`sources_digest`] that it holds.
    pub digest: String,
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, size, digest } = self;
        write!(f, "{}: {size} bytes, sources {digest}", file.display())
    }
}

/// The file of the committed component. It is for those who have no compiler for
/// the guest.
#[must_use]
pub fn committed() -> PathBuf {
    workspace_root().join("host/component/rest-client.wasm")
}

/// Builds the component and writes it to `file`. A file that has the same bytes
/// already is not touched, so that cargo does not rebuild what depends on it.
///
/// # Errors
///
/// There is no compiler for the guest and none can be installed, the guest does
/// not compile, or the component breaks a promise: it is too large, or it names a
/// directory of this machine.
pub fn build(file: &Path) -> Result<Built> {
    let file = absolute(file)?;
    let root = workspace_root();
    // The digest comes first: if a source changes during the build, the
    // component counts as stale.
    let digest = sources_digest(&root)?;
    let shell = shell()?;
    let toolchain = Toolchain::find(&shell, &mut Apt::new(&shell))?;
    eprintln!("building the component with {}", toolchain.description);
    let local_paths = LocalPaths::find(&toolchain.rust_sources()?)?;
    let mut component = compile(&toolchain, &local_paths, "rest-client-guest")?;
    section::append_metadata(&mut component, "rest-client", DESCRIPTION);
    section::append(&mut component, &digest);
    local_paths.check(&component)?;
    if component.len() >= MAX_SIZE {
        bail!(
            "the component has {} bytes; the promise is fewer than {MAX_SIZE}",
            component.len()
        );
    }
    write(&file, &component).with_context(|| format!("{} can't be written", file.display()))?;
    Ok(Built {
        file,
        size: component.len(),
        digest,
    })
}

/// The component that a package of the workspace is, for whom there is no operating
/// system.
pub(crate) fn compile(
    toolchain: &Toolchain,
    local_paths: &LocalPaths,
    package: &str,
) -> Result<Vec<u8>> {
    // Guests have a directory of their own, as their compiler may be another one.
    let target_dir = target_dir()?.join("guest");
    // `cargo rustc` builds the module alone. If cargo built the Rust library in
    // the same run, it would not optimise at link time.
    run(toolchain
        .cargo_rustc(local_paths)
        .args(["--package", package, "--lib"])
        .args(["--crate-type", "cdylib"])
        .args(["--profile", "component", "--locked", "--target-dir"])
        .arg(&target_dir))
    .with_context(|| format!("{package} can't be compiled"))?;
    let module = target_dir
        .join(TARGET)
        .join("component")
        .join(package.replace('-', "_"))
        .with_extension("wasm");
    let module =
        fs::read(&module).with_context(|| format!("{} can't be read", module.display()))?;
    ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.validate(true).encode())
        .with_context(|| format!("the module of {package} can't be made a component"))
}

/// Writes `content` at once: a reader sees the old file or the new one, never a
/// part of it.
pub(crate) fn write(file: &Path, content: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|present| present == content) {
        return Ok(());
    }
    let directory = file.parent().context("it is a directory")?;
    fs::create_dir_all(directory)?;
    let mut name = OsString::from(".");
    name.push(file.file_name().context("it is a directory")?);
    name.push(format!(".{}", process::id()));
    let new = directory.join(name);
    let written = fs::write(&new, content).and_then(|()| fs::rename(&new, file));
    if written.is_err() {
        // The caller gets the error of the write, which says more than one of
        // the removal would.
        let _ = fs::remove_file(&new);
    }
    Ok(written?)
}
