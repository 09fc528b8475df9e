//! `rest-client new` makes a plugin that builds and decides, in each language whose tools
//! are there.

use serde_json::json;
use std::{fs, path::Path, time::Duration};
use support::{
    folder::Folder,
    process::{rest_client, run, run_within},
    server::Server,
    steps::ok,
};

/// Makes one, builds it as its user is told to, and has it decide.
async fn decides(language: &str, wasi: &str, name: &str) {
    let folder = Folder::new();
    let plugin = folder.path(name);
    let path = plugin.to_str().unwrap();
    let arguments = ["new", "--lang", language, "--wasi", wasi, path];
    let made = run(rest_client(), arguments, b"").await;
    assert_eq!(made.code(), 0, "{}", made.stderr);
    assert!(made.text().contains("./build.sh"), "{}", made.text());
    let component = folder.path("built.wasm");
    let script = plugin.join("build.sh");
    let patience = Duration::from_secs(600);
    let built = run_within(patience, &script, &[component.to_str().unwrap()], b"").await;
    assert_eq!(built.code(), 0, "{}{}", built.text(), built.stderr);

    // What the server of the next steps would say.
    let files = plugin.join("service");
    let server = Server::start(move |seen| {
        let (path, _) = seen.target.split_once('?').unwrap();
        ok(&fs::read_to_string(files.join(&path[1..])).unwrap())
    })
    .await;
    let config = plugin.join("rest-client.toml");
    let bound = fs::read_to_string(&config)
        .unwrap()
        .replace("http://127.0.0.1:8080", &server.origin());
    fs::write(&config, bound).unwrap();
    let arguments = [
        "route",
        "--config",
        config.to_str().unwrap(),
        // Python is compiled first, which takes longer than the programs of other tests.
        "--decision-timeout=60s",
        component.to_str().unwrap(),
    ];
    let request = fs::read(plugin.join("request.json")).unwrap();
    let decided = run_within(patience, rest_client(), &arguments, &request).await;
    let mut expected = json!({"decision": "continue",
        "attributes": {"reason": "credit 12.50 EUR"}});
    let mut questions = vec!["/credit?caller=alice"];
    if wasi == "0.3" {
        expected["destinations"] = json!([{"uri": "sip:bob@192.0.2.7:5060", "preference": 1000}]);
        questions.push("/where?is=sip%3Abob%40example.org");
    }
    assert_eq!(decided.json(), expected, "{}", decided.stderr);
    let mut asked: Vec<_> = server
        .record()
        .requests
        .into_iter()
        .map(|it| it.target)
        .collect();
    asked.sort();
    assert_eq!(asked, questions);
}

#[tokio::test]
#[cfg_attr(
    not(has_javascript_plugin),
    ignore = "the tools for plugins in JavaScript are not there: node, npm"
)]
async fn a_plugin_in_javascript_builds_and_decides() {
    decides("javascript", "0.2", "my-plugin").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_python_plugin),
    ignore = "the tools for plugins in Python are not there: python3"
)]
async fn a_plugin_in_python_builds_and_decides() {
    decides("python", "0.2", "my-plugin").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_rustup),
    ignore = "rustup is not installed, which has the target for plugins in Rust"
)]
async fn a_plugin_in_rust_builds_and_decides() {
    decides("rust", "0.2", "my-plugin").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_python_plugin),
    ignore = "the tools for plugins in Python are not there: python3"
)]
async fn a_plugin_of_wasi_0_3_in_python_builds_and_decides() {
    decides("python", "0.3", "my-plugin").await;
}

#[tokio::test]
#[cfg_attr(
    not(has_rustup),
    ignore = "rustup is not installed, which has the target for plugins in Rust"
)]
async fn a_plugin_of_wasi_0_3_in_rust_builds_and_decides() {
    decides("rust", "0.3", "my-plugin").await;
}

/// How the examples are called, in all spellings.
const EXAMPLES: [&str; 6] = [
    "credit-check",
    "credit_check",
    "creditcheck",
    "credit-and-location",
    "credit_and_location",
    "creditandlocation",
];

/// Nothing of the example's name is left, whose plugin it isn't any more.
#[tokio::test]
async fn it_is_called_as_its_folder_is() {
    let folder = Folder::new();
    for (language, wasi) in [
        ("c", "0.2"),
        ("go", "0.2"),
        ("javascript", "0.2"),
        ("python", "0.2"),
        ("python", "0.3"),
        ("rust", "0.2"),
        ("rust", "0.3"),
    ] {
        let plugin = folder.path(&format!("my-{language}-wasi{}", wasi.replace('.', "")));
        let path = plugin.to_str().unwrap();
        let arguments = ["new", "--lang", language, "--wasi", wasi, path];
        let made = run(rest_client(), arguments, b"").await;
        assert_eq!(made.code(), 0, "{}", made.stderr);
        for file in files(&plugin) {
            let text = format!("{} {}", file.0, file.1).to_lowercase();
            for name in EXAMPLES {
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
        (there.as_str(), 23, "it exists already"),
        (wrong.to_str().unwrap(), 2, "words of lower case letters"),
        ("/proc/nowhere/my-plugin", 23, "my-plugin"),
    ] {
        let ended = run(rest_client(), ["new", "--lang=python", path], b"").await;
        assert_eq!(ended.code(), code, "{path}: {}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    }
    let later = ["new", "--lang=go", "--wasi=0.3", "later"];
    let ended = run(rest_client(), later, b"").await;
    assert_eq!(ended.code(), 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("rust and python"), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
    assert!(!wrong.exists());
}
