//! The digest of the sources that the component is built from.

use crate::toolchain::LINK_ARGUMENTS;
use anyhow::{Context, Result, bail};
use cargo_lock::{Checksum, Lockfile};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

const GUEST: &str = "rest-client-guest";
const PROFILE: &str = "component";

/// The SHA-256, in hexadecimal, of everything in the tree that decides what the
/// components do: the guest, the WIT files, the profile, the link arguments and
/// the locked version of each dependency. The compiler does not count, as all of
/// them build the same behaviour.
///
/// # Errors
///
/// A file can't be read, the manifest has no profile for the component, or the
/// lock file does not list the guest.
pub fn sources_digest(workspace_root: &Path) -> Result<String> {
    let mut parts = Parts::default();
    parts.add_directory(workspace_root, Path::new("guest/src"))?;
    // What lies beside these is for plugins.
    for package in ["wit", "wit/async"] {
        parts.add_files(workspace_root, Path::new(package))?;
        parts.add_directory(workspace_root, &Path::new(package).join("deps"))?;
    }
    parts.add_file(workspace_root, Path::new("guest/Cargo.toml"))?;
    for (name, profile) in profiles(&parse(&workspace_root.join("Cargo.toml"))?)? {
        parts.add(&format!("profile {name}"), profile.into_bytes());
    }
    parts.add("link arguments", LINK_ARGUMENTS.join("\n").into_bytes());
    for (package, checksum) in dependencies(&lock(&workspace_root.join("Cargo.lock"))?)? {
        parts.add(&format!("package {package}"), checksum.into_bytes());
    }
    Ok(parts.digest())
}

/// Pieces of bytes by name, sorted by name.
#[derive(Default)]
struct Parts(BTreeMap<String, Vec<u8>>);

impl Parts {
    fn add(&mut self, name: &str, content: Vec<u8>) {
        self.0.insert(name.to_owned(), content);
    }

    fn add_file(&mut self, root: &Path, file: &Path) -> Result<()> {
        let content = fs::read(root.join(file))
            .with_context(|| format!("{} can't be read", root.join(file).display()))?;
        let name = file
            .to_str()
            .with_context(|| format!("{} is not UTF-8", file.display()))?;
        self.add(&format!("file {name}"), content);
        Ok(())
    }

    /// The files of `directory`, and those of all directories in it.
    fn add_directory(&mut self, root: &Path, directory: &Path) -> Result<()> {
        let path = root.join(directory);
        let unreadable = || format!("{} can't be listed", path.display());
        for entry in fs::read_dir(&path).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let inside: PathBuf = directory.join(entry.file_name());
            if entry.path().is_dir() {
                self.add_directory(root, &inside)?;
            }
        }
        self.add_files(root, directory)
    }

    /// The files of `directory`, without those of directories in it.
    fn add_files(&mut self, root: &Path, directory: &Path) -> Result<()> {
        let path = root.join(directory);
        let unreadable = || format!("{} can't be listed", path.display());
        for entry in fs::read_dir(&path).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            if !entry.path().is_dir() {
                self.add_file(root, &directory.join(entry.file_name()))?;
            }
        }
        Ok(())
    }

    /// The length of each piece is hashed before the piece. Otherwise bytes could
    /// move from a name to its content, or from one part to the next, and the
    /// digest would stay the same.
    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (name, content) in &self.0 {
            for piece in [name.as_bytes(), content] {
                hash.update((piece.len() as u64).to_le_bytes());
                hash.update(piece);
            }
        }
        hash.finalize()
            .iter()
            .fold(String::new(), |mut text, byte| {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }
}

/// The profile of the component and those that it inherits from, if the manifest
/// has them.
fn profiles(manifest: &Table) -> Result<BTreeMap<String, String>> {
    let all = manifest.get("profile").and_then(Value::as_table);
    let get = |name: &str| all?.get(name)?.as_table();
    let mut found = BTreeMap::new();
    let mut name = PROFILE;
    if get(name).is_none() {
        bail!("the workspace's Cargo.toml has no [profile.{PROFILE}]");
    }
    while let Some(profile) = get(name) {
        if found
            .insert(name.to_owned(), sorted_text(profile))
            .is_some()
        {
            bail!("[profile.{name}] inherits from itself");
        }
        match profile.get("inherits").and_then(Value::as_str) {
            Some(parent) => name = parent,
            None => break,
        }
    }
    Ok(found)
}

/// The text of `table`, with the keys sorted at every depth. `toml` keeps the
/// order of the file if any crate of the build turns on a feature for it.
fn sorted_text(table: &Table) -> String {
    fn sorted(table: &Table) -> Table {
        let keys: BTreeMap<&String, &Value> = table.iter().collect();
        keys.into_iter()
            .map(|(key, value)| {
                let value = match value {
                    Value::Table(inner) => Value::Table(sorted(inner)),
                    other => other.clone(),
                };
                (key.clone(), value)
            })
            .collect()
    }
    sorted(table).to_string()
}

/// The checksums of the guest and of all that it depends on, by `name version`.
/// A package of this workspace has none: its checksum is empty.
fn dependencies(lock: &Lockfile) -> Result<BTreeMap<String, String>> {
    let packages = || lock.packages.iter();
    let guest = packages()
        .find(|package| package.name.as_str() == GUEST)
        .with_context(|| format!("Cargo.lock has no package {GUEST}"))?;
    let mut found = BTreeMap::new();
    let mut queue = vec![guest];
    while let Some(package) = queue.pop() {
        let name = format!("{} {}", package.name, package.version);
        let checksum = package.checksum.as_ref().map(Checksum::to_string);
        if found.insert(name, checksum.unwrap_or_default()).is_some() {
            continue;
        }
        for dependency in &package.dependencies {
            let package = packages()
                .find(|package| dependency.matches(package))
                .with_context(|| format!("Cargo.lock has no package {dependency}"))?;
            queue.push(package);
        }
    }
    Ok(found)
}

fn parse(file: &Path) -> Result<Table> {
    fs::read_to_string(file)
        .with_context(|| format!("{} can't be read", file.display()))?
        .parse()
        .with_context(|| format!("{} is not TOML", file.display()))
}

fn lock(file: &Path) -> Result<Lockfile> {
    Lockfile::load(file).with_context(|| format!("{} can't be read", file.display()))
}

#[cfg(test)]
mod tests {
    use super::{GUEST, Parts, dependencies, profiles, sources_digest};
    use crate::workspace_root;
    use std::{
        fs,
        path::{Path, PathBuf},
        process,
        sync::atomic::{AtomicU32, Ordering},
    };

    const MANIFEST: &str = r#"
[profile.release]
debug = false

[profile.component]
inherits = "release"
opt-level = "s"

[profile.component.package."*"]
opt-level = "s"
"#;

    const LOCK: &str = r#"
version = 4

[[package]]
name = "direct"
version = "1.0.0"
checksum = "d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1"
dependencies = ["twice 2.0.0"]

[[package]]
name = "rest-client-guest"
version = "0.1.0"
dependencies = ["direct"]

[[package]]
name = "stranger"
version = "1.0.0"
checksum = "5151515151515151515151515151515151515151515151515151515151515151"

[[package]]
name = "twice"
version = "1.0.0"
checksum = "7171717171717171717171717171717171717171717171717171717171717171"

[[package]]
name = "twice"
version = "2.0.0"
checksum = "7272727272727272727272727272727272727272727272727272727272727272"
"#;

    /// A small workspace on disk, gone when it is dropped.
    struct Workspace(PathBuf);

    impl Workspace {
        fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let name = format!(
                "xtask-digest-{}-{}",
                process::id(),
                NEXT.fetch_add(1, Ordering::Relaxed)
            );
            let workspace = Self(std::env::temp_dir().join(name));
            workspace.write("Cargo.toml", MANIFEST);
            workspace.write("Cargo.lock", LOCK);
            workspace.write("guest/Cargo.toml", "[package]");
            workspace.write("guest/src/lib.rs", "pub mod a;");
            workspace.write("guest/src/deep/a.rs", "fn a() {}");
            workspace.write("wit/world.wit", "world w {}");
            workspace.write("wit/deps/io.wit", "package wasi:io;");
            workspace.write("wit/async/deps/io.wit", "package wasi:io;");
            workspace
        }

        fn write(&self, file: &str, content: &str) {
            let file = self.0.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }

        fn replace(&self, file: &str, from: &str, to: &str) {
            let content = fs::read_to_string(self.0.join(file)).unwrap();
            assert!(content.contains(from), "{file} has no {from}");
            self.write(file, &content.replace(from, to));
        }

        fn digest(&self) -> String {
            sources_digest(&self.0).unwrap()
        }
    }

    impl Drop for Workspace {
        fn drop(&mut self) {
            // If this fails, the system clears its temporary directory some day.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[track_caller]
    fn assert_changes(change: impl FnOnce(&Workspace)) {
        let workspace = Workspace::new();
        let before = workspace.digest();
        change(&workspace);
        assert_ne!(workspace.digest(), before);
    }

    #[track_caller]
    fn assert_keeps(change: impl FnOnce(&Workspace)) {
        let workspace = Workspace::new();
        let before = workspace.digest();
        change(&workspace);
        assert_eq!(workspace.digest(), before);
    }

    #[test]
    fn the_same_sources_have_the_same_digest_anywhere() {
        let digest = Workspace::new().digest();
        assert_eq!(digest.len(), 64);
        assert_eq!(digest, Workspace::new().digest());
    }

    #[test]
    fn the_sources_of_this_workspace_have_a_digest() {
        sources_digest(&workspace_root()).unwrap();
    }

    #[test]
    fn a_changed_byte_changes_the_digest() {
        assert_changes(|it| it.replace("guest/src/deep/a.rs", "{}", "{ }"));
        assert_changes(|it| it.replace("guest/src/lib.rs", "pub", "pUb"));
        assert_changes(|it| it.replace("guest/Cargo.toml", "p", "P"));
        assert_changes(|it| it.replace("wit/world.wit", "w {}", "v {}"));
    }

    #[test]
    fn a_renamed_file_changes_the_digest() {
        assert_changes(|it| {
            fs::rename(
                it.0.join("guest/src/deep/a.rs"),
                it.0.join("guest/src/deep/b.rs"),
            )
            .unwrap();
        });
    }

    #[test]
    fn a_new_file_changes_the_digest() {
        assert_changes(|it| it.write("guest/src/deep/er/empty.rs", ""));
        assert_changes(|it| it.write("wit/deps/more.wit", ""));
        assert_changes(|it| it.write("wit/async/more.wit", ""));
        assert_changes(|it| it.write("wit/more.wit", ""));
    }

    #[test]
    fn the_contract_of_plugins_is_no_part_of_the_component() {
        assert_keeps(|it| it.write("wit/routing/router.wit", "interface router {}"));
    }

    #[test]
    fn a_setting_of_the_profile_or_its_parent_changes_the_digest() {
        assert_changes(|it| it.replace("Cargo.toml", r#"opt-level = "s""#, "opt-level = 3"));
        assert_changes(|it| it.replace("Cargo.toml", "debug = false", "debug = true"));
    }

    #[test]
    fn a_dependency_of_a_dependency_changes_the_digest() {
        assert_changes(|it| it.replace("Cargo.lock", "72", "73"));
        assert_changes(|it| it.replace("Cargo.lock", "2.0.0", "2.0.1"));
        assert_changes(|it| it.replace("Cargo.lock", "d1", "d2"));
    }

    #[test]
    fn what_the_guest_is_not_made_of_keeps_the_digest() {
        assert_keeps(|it| it.replace("Cargo.lock", "51", "52"));
        assert_keeps(|it| it.replace("Cargo.lock", "71", "74"));
        assert_keeps(|it| {
            it.write(
                "Cargo.toml",
                &format!("{MANIFEST}\n[profile.dev]\ndebug = 1"),
            )
        });
        assert_keeps(|it| it.write("host/src/lib.rs", "//! The host."));
    }

    #[test]
    fn the_packages_of_the_guest_are_named_with_version_and_checksum() {
        let found = dependencies(&LOCK.parse().unwrap()).unwrap();
        let expected = [
            ("direct 1.0.0", "d1".repeat(32)),
            ("rest-client-guest 0.1.0", String::new()),
            ("twice 2.0.0", "72".repeat(32)),
        ];
        assert_eq!(
            found,
            expected
                .map(|(package, checksum)| (package.to_owned(), checksum))
                .into()
        );
    }

    #[test]
    fn bytes_can_not_move_between_parts() {
        let digest = |parts: &[(&str, &str)]| {
            let mut all = Parts::default();
            for (name, content) in parts {
                all.add(name, content.as_bytes().to_vec());
            }
            all.digest()
        };
        assert_ne!(digest(&[("ab", "c")]), digest(&[("a", "bc")]));
        assert_ne!(digest(&[("a", "b"), ("c", "d")]), digest(&[("a", "bcd")]));
        assert_ne!(digest(&[("a", ""), ("b", "")]), digest(&[("a", "b")]));
    }

    #[test]
    fn a_lock_without_the_guest_is_an_error() {
        let lock = LOCK.replace(GUEST, "another-guest");
        let error = dependencies(&lock.parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains(GUEST), "{error}");
    }

    #[test]
    fn a_manifest_without_the_profile_is_an_error() {
        assert!(profiles(&"[workspace]".parse().unwrap()).is_err());
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let error = sources_digest(Path::new("/nowhere")).unwrap_err();
        assert!(error.to_string().contains("/nowhere/guest/src"), "{error}");
    }
}
