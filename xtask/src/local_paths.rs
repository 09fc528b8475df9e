//! The directories of the machine that builds. The component must not name them.

use crate::workspace;
use anyhow::{Context, Result, bail};
use std::{
    fs, iter,
    path::{Path, PathBuf},
};

/// The directories that the compiler could write into the component, each with
/// its replacement.
pub(crate) struct LocalPaths(Vec<(PathBuf, &'static str)>);

impl LocalPaths {
    /// `rust_sources` is the directory of the standard library's sources.
    pub(crate) fn find(rust_sources: &Path) -> Result<Self> {
        let cargo_home = workspace::cargo_home()?;
        let mut paths = vec![
            (workspace::workspace_root(), "/rest-client"),
            (rust_sources.to_path_buf(), "/rustc"),
        ];
        // Each registry has a directory, named after its host.
        let registries = cargo_home.join("registry/src");
        match fs::read_dir(&registries) {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry
                        .with_context(|| format!("{} can't be listed", registries.display()))?;
                    paths.push((entry.path(), "/crates"));
                }
            }
            // Nothing was downloaded yet.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("{} can't be listed", registries.display()));
            }
        }
        paths.push((cargo_home, "/cargo"));
        // The compiler may follow a link and write its destination.
        for (path, replacement) in paths.clone() {
            if let Ok(real) = path.canonicalize()
                && real != path
            {
                paths.push((real, replacement));
            }
        }
        // The compiler takes the last that matches, so that a directory has to
        // come after the one that it is in.
        paths.sort_by_key(|(path, _)| path.components().count());
        Ok(Self(paths))
    }

    /// Arguments by which the compiler writes the replacements.
    pub(crate) fn remap_arguments(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(path, replacement)| {
            format!("--remap-path-prefix={}={replacement}", path.display())
        })
    }

    /// Fails if `binary` names one of the directories.
    pub(crate) fn check(&self, binary: &[u8]) -> Result<()> {
        let paths = self
            .0
            .iter()
            // A short path such as /src is in many binaries by chance.
            .filter(|(path, _)| path.components().count() > 2)
            .map(|(path, _)| path.display().to_string());
        for needle in paths.chain(iter::once("registry/src/".to_owned())) {
            if let Some(found) = context(binary, needle.as_bytes()) {
                bail!(
                    "the component must not name a directory of this machine: {found:?}; \
                     --remap-path-prefix did not replace it"
                );
            }
        }
        Ok(())
    }
}

/// The printable text around `needle` in `binary`, if it is there.
fn context(binary: &[u8], needle: &[u8]) -> Option<String> {
    let at = binary
        .windows(needle.len())
        .position(|window| window == needle)?;
    let printable = |byte: &&u8| byte.is_ascii_graphic();
    let before = binary[..at].iter().rev().take_while(printable).take(40);
    let after = binary[at..].iter().take_while(printable).take(120);
    let mut text: Vec<u8> = before.copied().collect();
    text.reverse();
    text.extend(after);
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::LocalPaths;
    use std::path::PathBuf;

    fn local_paths() -> LocalPaths {
        LocalPaths(vec![
            (PathBuf::from("/src"), "/rest-client"),
            (PathBuf::from("/home/me/rest"), "/rest-client"),
        ])
    }

    #[test]
    fn a_binary_that_names_a_place_is_refused() {
        let error = local_paths()
            .check(b"\0\x07 /home/me/rest/guest/src/lib.rs\0")
            .unwrap_err();
        assert!(
            error.to_string().contains("/home/me/rest/guest/src/lib.rs"),
            "{error}"
        );
        assert!(local_paths().check(b"a/registry/src/x-1/y").is_err());
    }

    #[test]
    fn a_binary_with_stand_ins_and_relative_paths_is_accepted() {
        local_paths()
            .check(b"/rest-client/x\0guest/src/lib.rs\0/crates/a-1/src/lib.rs")
            .unwrap();
    }

    #[test]
    fn each_place_is_remapped() {
        let arguments: Vec<String> = local_paths().remap_arguments().collect();
        assert_eq!(
            arguments,
            [
                "--remap-path-prefix=/src=/rest-client",
                "--remap-path-prefix=/home/me/rest=/rest-client"
            ]
        );
    }
}
