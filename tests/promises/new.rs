//! `rest-client new` makes a plugin that builds and decides, in each language whose tools
//! are there.

use std::{fs, path::Path, time::Duration};
use support::{
    folder::Folder,
    process::{rest_client, run, run_within},
    server::Server,
    steps::ok,
};

/// Makes one, builds it as its user is told to, and has it decide.
async fn decides(language: &str, name: &str) {
    let folder = Folder::new();
    let plugin = folder.path(name);
    let path = plugin.to_str().unwrap();
    let made = run(rest_client(), ["new", "--lang", language, path], b"").await;
    assert_eq!(made.code(), 0, "{}", made.stderr);
    assert!(made.text().contains("./build.sh"), "{}", made.text());
    let component = folder.path("built.wasm");
    let script = plugin.join("build.sh");
    let patience = Duration::from_secs(600);
    let built = run_within(patience, &script, &[component.to_str().unwrap()]).await;
    assert_eq!(built.code(), 0, "{}{}", built.text(), built.stderr);

    let billing = Server::start(|_| ok("12.50 EUR\n")).await;
    let config = plugin.join("rest-client.toml");
    let bound = fs::read_to_string(&config)
        .unwrap()
        .replace("http://127.0.0.1:8080", &billing.origin());
    fs::write(&config, bound).unwrap();
    let arguments = [
        "route",
        "--config",
        config.to_str().unwrap(),
        component.to_str().unwrap(),
    ];
    let request = fs::read(plugin.join("request.json")).unwrap();
    let decided = run(rest_client(), arguments, &request).await;
    let expected = r#"{"decision":"continue","attributes":{"reason":"credit 12.50 EUR"}}"#;
    assert_eq!(decided.text().trim_end(), expected, "{}", decided.stderr);
    assert_eq!(billing.only_request().target, "/credit?caller=alice");
}

#[tokio::test]
#[cfg_attr(
    not(has_javascript_plugin),
    ignore = "the tools for plugins in JavaScript are not there: node, npm"
)]
async fn a_plugin_in_javascript_builds_and_decides() {
    decides("javascript", "my-plugin").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_python_plugin),
    ignore = "the tools for plugins in Python are not there: python3"
)]
async fn a_plugin_in_python_builds_and_decides() {
    decides("python", "my-plugin").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_rustup),
    ignore = "rustup is not installed, which has the target for plugins in Rust"
)]
async fn a_plugin_in_rust_builds_and_decides() {
    decides("rust", "my-plugin").await;
}

/// Nothing of the example's name is left, whose plugin it isn't any more.
#[tokio::test]
async fn it_is_called_as_its_folder_is() {
    let folder = Folder::new();
    for language in ["c", "go", "javascript", "python", "rust"] {
        let plugin = folder.path(&format!("my-{language}"));
        let arguments = ["new", "--lang", language, plugin.to_str().unwrap()];
        let made = run(rest_client(), arguments, b"").await;
        assert_eq!(made.code(), 0, "{}", made.stderr);
        for file in files(&plugin) {
            let text = format!("{} {}", file.0, file.1).to_lowercase();
            for name in ["credit-check", "credit_check", "creditcheck"] {
                assert!(!text.contains(name), "{}", file.0);
            }
        }
    }
}

/// All files, with what is in them.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path.to_str().unwrap().to_owned(), text));
            }
        }
    }
    files
}

#[tokio::test]
async fn what_is_there_is_left_as_it_is_and_a_wrong_name_makes_nothing() {
    let folder = Folder::new();
    let there = folder.file("there", "mine");
    let wrong = folder.path("My_Plugin");
    for (path, code, expected) in [
        (there.as_str(), 23, "it is there already"),
        (wrong.to_str().unwrap(), 2, "words of lower case letters"),
        ("/proc/nowhere/my-plugin", 23, "my-plugin"),
    ] {
        let ended = run(rest_client(), ["new", "--lang=python", path], b"").await;
        assert_eq!(ended.code(), code, "{path}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
    assert!(!wrong.exists());
}
