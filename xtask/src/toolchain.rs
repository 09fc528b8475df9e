//! Finds a compiler for the guest. There are three ways, and the simplest is tried
//! first.

use crate::{
    debian::{Apt, install_command},
    local_paths::LocalPaths,
    process::{cargo, find, read, without_variables},
};
use anyhow::{Context, Result, anyhow};
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use xshell::{Cmd, Shell, cmd};

/// The target of the guest has no operating system, not even WASI: the component
/// imports what the WIT world says, and nothing else.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Arguments for the linker. They keep the first memory of an instance small,
/// because it is restored before the next instance has it. It is 128 KiB: a stack
/// of 32 KiB, where every test passes with 8 and the default is 1 MiB, then the
/// static data, then the heap. The heap is large enough for a small call.
pub(crate) const LINK_ARGUMENTS: [&str; 2] = ["-zstack-size=32768", "--initial-memory=131072"];

const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_LINKER_PACKAGE: &str = "lld-19";
const DEBIAN_LINKER: &str = "wasm-ld-19";

/// A cargo that can build the guest.
pub(crate) struct Toolchain<'a> {
    shell: &'a Shell,
    /// What was found, for a person.
    pub(crate) description: &'static str,
    kind: Kind<'a>,
}

enum Kind<'a> {
    /// The toolchain that runs this program.
    Active(Rustc<'a>),
    /// Debian's compiler, which has to build the standard library too.
    Debian { linker: PathBuf },
}

impl<'a> Toolchain<'a> {
    /// Takes the first way that works, and installs what that way needs.
    pub(crate) fn find(shell: &'a Shell, apt: &mut Apt<'_>) -> Result<Self> {
        let active = Rustc::new(shell, "rustc");
        if active.has_target() {
            return Ok(Self {
                shell,
                description: "the active toolchain, which has the target",
                kind: Kind::Active(active),
            });
        }
        let rustup = match read(cmd!(shell, "rustup target add {TARGET}")) {
            Ok(_) if active.has_target() => {
                return Ok(Self {
                    shell,
                    description: "the active toolchain, to which rustup added the target",
                    kind: Kind::Active(active),
                });
            }
            Ok(_) => anyhow!("rustup added the target to a toolchain that is not the active one"),
            Err(error) => error,
        };
        let debian = match set_up_debian(apt, &active) {
            Ok(linker) => {
                return Ok(Self {
                    shell,
                    description: "Debian's compiler, with the standard library built from source",
                    kind: Kind::Debian { linker },
                });
            }
            Err(error) => error,
        };
        let packages = [&DEBIAN_PACKAGES[..], &[DEBIAN_LINKER_PACKAGE]].concat();
        Err(anyhow!(
            "no compiler for {TARGET}: the active toolchain does not have it, {rustup:#}, \
             {debian:#}\nEither of these would do:\n  \
             rustup target add {TARGET}\n  {}",
            install_command(&packages)
        ))
    }

    /// The directory of the standard library's sources. A toolchain without
    /// sources does not have it.
    pub(crate) fn rust_sources(&self) -> Result<PathBuf> {
        let sysroot = match &self.kind {
            Kind::Active(rustc) => rustc.sysroot()?,
            Kind::Debian { .. } => Rustc::new(self.shell, DEBIAN_RUSTC).sysroot()?,
        };
        Ok(sysroot.join("lib/rustlib/src/rust"))
    }

    /// `cargo rustc` with what the toolchain needs. It inherits no variable that
    /// changes the component, so that every machine builds the same.
    pub(crate) fn cargo_rustc(&self, local_paths: &LocalPaths) -> Cmd<'a> {
        let cargo = match &self.kind {
            Kind::Active(_) => cargo(),
            Kind::Debian { .. } => DEBIAN_CARGO.into(),
        };
        let mut rustc = cmd!(self.shell, "{cargo} rustc --target {TARGET}");
        rustc = without_variables(rustc, steers_the_compiler);
        if let Kind::Debian { linker } = &self.kind {
            rustc = rustc
                // These are meant for the toolchain that runs this program.
                .env_remove("RUSTUP_TOOLCHAIN")
                .env_remove("LD_LIBRARY_PATH")
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                .arg("-Zbuild-std=std,panic_abort");
        }
        let flags: Vec<String> = LINK_ARGUMENTS
            .iter()
            .map(|argument| format!("-Clink-arg={argument}"))
            .chain(local_paths.remap_arguments())
            .collect();
        // Unlike RUSTFLAGS, this variable can hold paths with spaces.
        rustc.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
    }
}

fn steers_the_compiler(name: &str) -> bool {
    matches!(
        name,
        "CARGO_ENCODED_RUSTFLAGS"
            | "CARGO_INCREMENTAL"
            | "RUSTC"
            | "RUSTC_BOOTSTRAP"
            | "RUSTC_WORKSPACE_WRAPPER"
            | "RUSTC_WRAPPER"
            | "RUSTFLAGS"
    ) || (name.starts_with("CARGO_BUILD_") && name != "CARGO_BUILD_JOBS")
        || ["CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_UNSTABLE_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// Installs Debian's compiler if it is missing, and returns a linker for it.
fn set_up_debian(apt: &mut Apt<'_>, active: &Rustc<'_>) -> Result<PathBuf> {
    apt.install(&DEBIAN_PACKAGES)
        .context("Debian's compiler is not there")?;
    // Debian's compiler has no linker of its own.
    if let Some(linker) = active.rust_lld() {
        return Ok(linker);
    }
    if let Some(linker) = find(DEBIAN_LINKER).or_else(|| find("wasm-ld")) {
        return Ok(linker);
    }
    apt.install(&[DEBIAN_LINKER_PACKAGE])
        .context("there is no linker for Debian's compiler")?;
    find(DEBIAN_LINKER)
        .with_context(|| format!("{DEBIAN_LINKER_PACKAGE} came without {DEBIAN_LINKER}"))
}

struct Rustc<'a> {
    shell: &'a Shell,
    program: &'static str,
}

impl<'a> Rustc<'a> {
    fn new(shell: &'a Shell, program: &'static str) -> Self {
        Self { shell, program }
    }

    fn read(&self, arguments: &[&str]) -> Result<String> {
        let program = self.program;
        let rustc = cmd!(self.shell, "{program} {arguments...}");
        let printed = read(without_variables(rustc, steers_the_compiler))?;
        Ok(printed.trim().to_owned())
    }

    /// Whether the standard library for the target is there. rustc itself knows
    /// every target.
    fn has_target(&self) -> bool {
        self.read(&["--print", "target-libdir", "--target", TARGET])
            .ok()
            .and_then(|directory| fs::read_dir(directory).ok())
            .is_some_and(|files| {
                files
                    .flatten()
                    .any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
            })
    }

    fn sysroot(&self) -> Result<PathBuf> {
        Ok(self.read(&["--print", "sysroot"])?.into())
    }

    fn rust_lld(&self) -> Option<PathBuf> {
        let version = self.read(&["-vV"]).ok()?;
        let host = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))?;
        let bin = self
            .sysroot()
            .ok()?
            .join("lib/rustlib")
            .join(host)
            .join("bin");
        let linker = bin.join(Path::new("rust-lld").with_extension(env::consts::EXE_EXTENSION));
        linker.is_file().then_some(linker)
    }
}
