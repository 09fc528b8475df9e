//! The component, out of the guest.

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

/// What the documentation promises: a component is smaller than this.
const MAX_SIZE: usize = 200_000;

/// A component in a file.
pub struct Built {
    /// Where it is, as an absolute path.
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

/// Where the component is that is kept beside its sources, for those who have
/// no compiler for the guest.
#[must_use]
pub fn committed() -> PathBuf {
    workspace_root().join("host/component/rest-client.wasm")
}

/// Builds the component and puts it into `file`. A file that has these bytes
/// already is left alone, so that nothing is built anew on its account.
///
/// # Errors
///
/// If there is no compiler for the guest and none can be installed, the guest
/// does not compile, or the component breaks a promise: it is too large, or
/// names a place on this machine.
pub fn build(file: &Path) -> Result<Built> {
    let file = absolute(file)?;
    let root = workspace_root();
    // Before the compiler reads them: a change meanwhile then shows as one.
    let digest = sources_digest(&root)?;
    let shell = shell()?;
    let toolchain = Toolchain::find(&shell, &mut Apt::new(&shell))?;
    eprintln!("building the component with {}", toolchain.description);
    let local_paths = LocalPaths::find(&toolchain.rust_sources()?)?;
    let module = compile(&toolchain, &local_paths)?;
    let mut component = ComponentEncoder::default()
        .module(&module)
        .and_then(|encoder| encoder.validate(true).encode())
        .context("the guest's module can't be made a component")?;
    section::append(&mut component, &digest);
    local_paths.check(&component)?;
    if component.len() >= MAX_SIZE {
        bail!(
            "the component has {} bytes, and is promised to have fewer than {MAX_SIZE}",
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

fn compile(toolchain: &Toolchain, local_paths: &LocalPaths) -> Result<Vec<u8>> {
    // Apart from what else is built: the compiler may be another one.
    let target_dir = target_dir()?.join("guest");
    // `cargo rustc`, to build nothing but the module: with the library for
    // Rust beside it, cargo would not optimise at link time.
    run(toolchain
        .cargo_rustc(local_paths)
        .args(["--package", "rest-client-guest", "--lib"])
        .args(["--crate-type", "cdylib"])
        .args(["--profile", "component", "--locked", "--target-dir"])
        .arg(&target_dir))
    .context("the guest can't be compiled")?;
    let module = target_dir
        .join(TARGET)
        .join("component/rest_client_guest.wasm");
    fs::read(&module).with_context(|| format!("{} can't be read", module.display()))
}

/// Writes all of `content` or nothing, whoever reads meanwhile.
fn write(file: &Path, content: &[u8]) -> Result<()> {
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
        // The first error tells more than one about the clearing up.
        let _ = fs::remove_file(&new);
    }
    Ok(written?)
}
