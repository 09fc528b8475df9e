//! `-o` puts a reply where a shell's `>` would, but whole or not at all.

use crate::command_line::{assert_refused, rest_client};
use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::Path,
};
use support::{
    process::{self, run},
    server::Server,
    steps::ok,
};

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn a_link_is_written_through() {
    let server = Server::start(|_| ok("new")).await;
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    fs::create_dir(place("elsewhere")).unwrap();
    fs::write(place("elsewhere/there"), "old").unwrap();
    fs::write(place("one"), "old").unwrap();
    fs::hard_link(place("one"), place("two")).unwrap();
    symlink("elsewhere/there", place("to-old")).unwrap();
    symlink("elsewhere/not-yet", place("to-new")).unwrap();
    symlink("to-new-2", place("chain")).unwrap();
    symlink(place("elsewhere/last"), place("to-new-2")).unwrap();
    for (link, target) in [
        ("to-old", "elsewhere/there"),
        ("to-new", "elsewhere/not-yet"),
        ("chain", "elsewhere/last"),
        ("one", "two"),
    ] {
        let link = place(link);
        let was_link = link.is_symlink();
        let ended = rest_client(&["get", &server.url("/"), "-o", link.to_str().unwrap()]).await;
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        assert_eq!(text(&place(target)), "new", "{target}");
        assert_eq!(link.is_symlink(), was_link, "{target}");
    }
}

#[tokio::test]
async fn a_file_that_is_there_keeps_its_mode_and_its_owner() {
    let server = Server::start(|_| ok("new")).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    for wanted in [0o666, 0o600, 0o640, 0o777] {
        fs::write(&file, "old, and longer").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(wanted)).unwrap();
        // Only root gives a file away. For anybody else there is no such file.
        let owner = chown(&file, Some(12345), Some(54321)).map_or(None, |()| Some((12345, 54321)));
        let script = format!(
            "umask 027; '{}' get {} -o '{}'",
            process::rest_client().display(),
            server.url("/"),
            file.display()
        );
        let ended = run("sh", ["-c", &script], b"").await;
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        assert_eq!(text(&file), "new");
        assert_eq!(mode(&file), wanted, "{:o}", mode(&file));
        if let Some(owner) = owner {
            let metadata = file.metadata().unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), owner);
        }
    }
    // A new one is as the umask has it.
    let new = directory.path().join("new");
    let script = format!(
        "umask 027; '{}' get {} -o '{}'",
        process::rest_client().display(),
        server.url("/"),
        new.display()
    );
    run("sh", ["-c", &script], b"").await;
    assert_eq!(mode(&new), 0o640);
}

#[tokio::test]
async fn what_could_not_be_written_is_not_asked_for() {
    let server = Server::start(|_| ok("new")).await;
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name).display().to_string();
    symlink("nowhere/file", directory.path().join("to-nowhere")).unwrap();
    symlink("loop", directory.path().join("loop")).unwrap();
    fs::write(directory.path().join("file"), "old").unwrap();
    for path in [
        place(""),
        place("not-there/"),
        place("not-there/file"),
        place("file/"),
        place("file/below"),
        place("to-nowhere"),
        place("loop"),
        place(&"x".repeat(300)),
    ] {
        let ended = rest_client(&["get", &server.url("/"), "-o", &path]).await;
        assert_refused(&ended, 23, "can't be written");
    }
    assert_eq!(server.record().accepted, 0);
    assert_eq!(text(&directory.path().join("file")), "old");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
}
