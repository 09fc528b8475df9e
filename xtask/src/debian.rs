//! Packages of Debian and its descendants.

use crate::process::read;
use anyhow::{Context, Result, bail};
use std::{fs, os::unix::fs::MetadataExt};
use xshell::{Cmd, Shell, cmd};

/// Installs packages, where the user is root.
pub(crate) struct Apt<'a> {
    shell: &'a Shell,
    lists_are_fresh: bool,
}

impl<'a> Apt<'a> {
    pub(crate) fn new(shell: &'a Shell) -> Self {
        Self {
            shell,
            lists_are_fresh: false,
        }
    }

    /// Installs those of `packages` that are missing. If the user is not root,
    /// the error holds the command that root can run.
    pub(crate) fn install(&mut self, packages: &[&str]) -> Result<()> {
        let missing: Vec<&str> = packages
            .iter()
            .copied()
            .filter(|package| !self.is_installed(package))
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
            // If new lists can't be fetched, the old ones may be good enough.
            if let Err(error) = read(self.apt_get("update")) {
                eprintln!("the package lists could not be updated: {error:#}");
            }
            self.lists_are_fresh = true;
        }
        read(
            self.apt_get("install")
                .args(["--yes", "--no-install-recommends"])
                .args(&missing),
        )
        .with_context(|| format!("can't install {}", missing.join(", ")))?;
        Ok(())
    }

    /// Installs a package that starts a service, and stops the service. Tests
    /// start one themselves, on a port of their own.
    pub(crate) fn install_without_service(&mut self, package: &str, service: &str) -> Result<()> {
        self.install(&[package])?;
        for command in [
            cmd!(self.shell, "invoke-rc.d --quiet {service} stop"),
            cmd!(self.shell, "update-rc.d {service} disable"),
        ] {
            if let Err(error) = read(command) {
                eprintln!("the service {service} may be running: {error:#}");
            }
        }
        Ok(())
    }

    fn is_installed(&self, package: &str) -> bool {
        let format = "--showformat=${db:Status-Status}";
        read(cmd!(self.shell, "dpkg-query --show {format} {package}"))
            .is_ok_and(|status| status == "installed")
    }

    fn apt_get(&self, action: &str) -> Cmd<'a> {
        cmd!(self.shell, "apt-get --quiet {action}").env("DEBIAN_FRONTEND", "noninteractive")
    }
}

/// The command by which a person installs `packages`.
pub(crate) fn install_command(packages: &[&str]) -> String {
    format!("apt-get install {}", packages.join(" "))
}

fn is_root() -> bool {
    // The owner of /proc/self is the user this process runs as.
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
