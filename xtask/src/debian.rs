//! Packages of Debian and its descendants.

use crate::process::{ask, command};
use anyhow::{Context, Result, bail};
use std::{fs, os::unix::fs::MetadataExt, process::Command};

/// Installs packages where this process may.
#[derive(Default)]
pub(crate) struct Apt {
    lists_are_fresh: bool,
}

impl Apt {
    /// Installs those of `packages` that are not there. Where the user is not
    /// root, the error holds the command for someone who is.
    pub(crate) fn install(&mut self, packages: &[&str]) -> Result<()> {
        let missing: Vec<&str> = packages
            .iter()
            .copied()
            .filter(|package| !is_installed(package))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        if !is_root() {
            bail!(
                "only root can install packages: {}",
                install_command(&missing)
            );
        }
        eprintln!("installing {}", missing.join(", "));
        if !self.lists_are_fresh {
            // Old lists may do where new ones can't be fetched.
            if let Err(error) = ask(apt_get().arg("update")) {
                eprintln!("the package lists could not be updated: {error:#}");
            }
            self.lists_are_fresh = true;
        }
        ask(apt_get()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(&missing))
        .with_context(|| format!("can't install {}", missing.join(", ")))?;
        Ok(())
    }

    /// Installs a package that starts a service, and stops it again: tests
    /// start their own, on ports of their own.
    pub(crate) fn install_without_service(&mut self, package: &str, service: &str) -> Result<()> {
        self.install(&[package])?;
        for (program, arguments) in [
            ("invoke-rc.d", &["--quiet", service, "stop"][..]),
            ("update-rc.d", &[service, "disable"]),
        ] {
            if let Err(error) = ask(command(program).args(arguments)) {
                eprintln!("the service {service} may be running: {error:#}");
            }
        }
        Ok(())
    }
}

/// What a person would type to install `packages`.
pub(crate) fn install_command(packages: &[&str]) -> String {
    format!("apt-get install {}", packages.join(" "))
}

fn is_installed(package: &str) -> bool {
    ask(command("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}

fn is_root() -> bool {
    // The owner of /proc/self is the user this process runs as.
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn apt_get() -> Command {
    let mut apt_get = command("apt-get");
    apt_get
        .env("DEBIAN_FRONTEND", "noninteractive")
        .arg("--quiet");
    apt_get
}
