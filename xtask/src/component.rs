//! Builds the component from the guest.

use crate::{
    debian::Apt,
    digest::sources_digest,
    local_paths::LocalPaths,
    process::{run, shell},
    section,
    toolchain::{TARGET, Toolchain},
    workspace::{absolute, target_dir, workspace_root},
    world_docs,
};
use anyhow::{Context, Result, bail};
use std::{
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process,
};
use wit_component::ComponentEncoder;

/// One of the components that are built from the guest.
#[derive(Debug, Clone, Copy)]
pub struct Edition {
    /// What it says that it is called; its file is `NAME.wasm`.
    name: &'static str,
    /// What it says of itself.
    description: &'static str,
    /// The folder of its WIT package; its world there has its name.
    package: &'static str,
    /// The features of the guest that make it.
    features: &'static [&'static str],
    /// It is smaller than this many bytes, as the documentation promises.
    max_size: usize,
}

/// For WASI 0.2, which is what the host of this project runs, and for WASI 0.3.
pub const EDITIONS: [Edition; 2] = [
    Edition {
        name: "rest-client",
        description: "Asks REST services questions over wasi:http, before a deadline, with exactly one answer",
        package: "wit",
        features: &[],
        max_size: 200_000,
    },
    Edition {
        name: "rest-client-async",
        description: "Asks REST services questions over wasi:http 0.3, many at a time, before a deadline, with exactly one answer each",
        package: "wit/async",
        features: &["p3"],
        max_size: 250_000,
    },
];

impl Edition {
    /// Its file in `folder`.
    #[must_use]
    pub fn file(self, folder: &Path) -> PathBuf {
        folder.join(self.name).with_extension("wasm")
    }
}

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

/// The folder of the committed components. They are for those who have no compiler for
/// the guest.
#[must_use]
pub fn committed() -> PathBuf {
    workspace_root().join("host/component")
}

/// Builds the components and writes them to `folder`. A file that has the same bytes
/// already is not touched, so that cargo does not rebuild what depends on it.
///
/// # Errors
///
/// There is no compiler for the guest and none can be installed, the guest does
/// not compile, or a component breaks a promise: it is too large, or it names a
/// directory of this machine.
pub fn build(folder: &Path) -> Result<[Built; EDITIONS.len()]> {
    let folder = absolute(folder)?;
    let root = workspace_root();
    // The digest comes first: if a source changes during the build, the
    // components count as stale.
    let digest = sources_digest(&root)?;
    let shell = shell()?;
    let toolchain = Toolchain::find(&shell, &mut Apt::new(&shell))?;
    eprintln!("building the components with {}", toolchain.description);
    let local_paths = LocalPaths::find(&toolchain.rust_sources()?)?;
    let build = |edition: Edition| {
        let Edition {
            name,
            description,
            package,
            features,
            max_size,
        } = edition;
        let mut component = compile(&toolchain, &local_paths, "rest-client-guest", features)?;
        section::append_metadata(&mut component, name, description);
        let (section, docs) = world_docs::section(&root.join(package), name)?;
        section::append_bytes(&mut component, section, &docs);
        section::append(&mut component, &digest);
        local_paths.check(&component)?;
        if component.len() >= max_size {
            bail!(
                "the component {name} has {} bytes; the promise is fewer than {max_size}",
                component.len()
            );
        }
        let file = edition.file(&folder);
        write(&file, &component).with_context(|| format!("{} can't be written", file.display()))?;
        Ok(Built {
            file,
            size: component.len(),
            digest: digest.clone(),
        })
    };
    let [one, other] = EDITIONS;
    Ok([build(one)?, build(other)?])
}

/// The component that a package of the workspace is, for whom there is no operating
/// system.
pub(crate) fn compile(
    toolchain: &Toolchain,
    local_paths: &LocalPaths,
    package: &str,
    features: &[&str],
) -> Result<Vec<u8>> {
    // Guests have a directory of their own, as their compiler may be another one.
    let target_dir = target_dir()?.join("guest");
    // `cargo rustc` builds the module alone. If cargo built the Rust library in
    // the same run, it would not optimise at link time.
    run(toolchain
        .cargo_rustc(local_paths)
        .args(["--package", package, "--lib"])
        .arg(format!("--features={}", features.join(",")))
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
