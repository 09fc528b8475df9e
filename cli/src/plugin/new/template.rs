//! The files that a new plugin is made of. Those of the examples and of the WIT package are
//! links in this crate, so that they are part of it where it is published.

use crate::args::Language;
use rest_client_host::Wasi;

/// A file of a new plugin.
pub(super) struct File {
    /// Where it is in its folder.
    pub(super) path: &'static str,
    pub(super) content: &'static str,
}

/// Files of a folder of this crate, under the names that they have in the new one.
macro_rules! files {
    ($folder:literal: $($file:literal $(as $path:literal)?),* $(,)?) => {
        &[$(File {
            path: files!(@path $file $($path)?),
            content: include_str!(concat!($folder, "/", $file)),
        }),*]
    };
    (@path $file:literal) => { $file };
    (@path $file:literal $path:literal) => { $path };
}

/// What the plugin is called in them.
pub(super) fn name(wasi: Wasi) -> &'static str {
    match wasi {
        Wasi::P2 => "credit-check",
        Wasi::P3 => "credit-and-location",
    }
}

/// Those of a new plugin; `None` where no plugin of this generation of WASI can be written in
/// the language yet.
pub(super) fn of(language: Language, wasi: Wasi) -> Option<Vec<&'static File>> {
    let parts = match wasi {
        Wasi::P2 => [
            of_language(language),
            TO_TRY,
            CREDIT,
            ROUTING,
            CLIENT,
            OF_WASI,
        ],
        Wasi::P3 => [
            of_language_async(language)?,
            TO_TRY_ASYNC,
            CREDIT,
            ROUTING_ASYNC,
            CLIENT,
            OF_WASI,
        ],
    };
    Some(parts.into_iter().flatten().collect())
}

fn of_language(language: Language) -> &'static [File] {
    match language {
        Language::C => files!("template/c": "build.sh", "credit-check.c"),
        Language::Go => files!("template/go": "adapter.wat", "build.sh", "credit_check.go"),
        Language::Javascript => files!("template/javascript":
            "build.sh", "credit-check.js", "package.json"),
        Language::Python => files!("template/python": "build.sh", "credit_check.py"),
        Language::Rust => files!("template":
            "rust-package.toml" as "Cargo.toml",
            "rust.sh" as "build.sh",
            "rust.rs" as "src/lib.rs",
        ),
    }
}

fn of_language_async(language: Language) -> Option<&'static [File]> {
    match language {
        Language::C | Language::Go | Language::Javascript => None,
        Language::Python => {
            Some(files!("template/python-async": "build.sh", "credit_and_location.py"))
        }
        Language::Rust => Some(files!("template":
            "rust-async-package.toml" as "Cargo.toml",
            "rust.sh" as "build.sh",
            "rust-async.rs" as "src/lib.rs",
        )),
    }
}

/// What the plugin is tried with.
const TO_TRY: &[File] = files!("template": "rest-client.toml", "request.json");

const TO_TRY_ASYNC: &[File] = files!("template/async":
    "rest-client.toml", "request.json", "where" as "service/where");

/// What the service says of a caller.
const CREDIT: &[File] = files!("template": "credit" as "service/credit");

/// The package of what decides.
const ROUTING: &[File] = files!("../../../wit":
    "routing/decisions.wit" as "wit/decisions.wit",
    "routing/router.wit" as "wit/router.wit",
    "routing/worlds.wit" as "wit/worlds.wit",
);

/// That of WASI 0.3, with what it needs and the other does not.
const ROUTING_ASYNC: &[File] = files!("../../../wit":
    "async/routing/router.wit" as "wit/router.wit",
    "async/routing/worlds.wit" as "wit/worlds.wit",
    "routing/decisions.wit" as "wit/deps/contract/decisions.wit",
    "routing/router.wit" as "wit/deps/contract/router.wit",
    "routing/worlds.wit" as "wit/deps/contract/worlds.wit",
    "async/rest.wit" as "wit/deps/client-async/rest.wit",
    "async/worlds.wit" as "wit/deps/client-async/worlds.wit",
    "async/deps/cli-0.3.wit" as "wit/deps/cli-0.3.wit",
    "async/deps/clocks-0.3.wit" as "wit/deps/clocks-0.3.wit",
    "async/deps/filesystem-0.3.wit" as "wit/deps/filesystem-0.3.wit",
    "async/deps/http-0.3.wit" as "wit/deps/http-0.3.wit",
    "async/deps/random-0.3.wit" as "wit/deps/random-0.3.wit",
    "async/deps/sockets-0.3.wit" as "wit/deps/sockets-0.3.wit",
);

/// The package of what is asked with.
const CLIENT: &[File] = files!("../../../wit":
    "configuration.wit" as "wit/deps/client/configuration.wit",
    "rest.wit" as "wit/deps/client/rest.wit",
    "transfers.wit" as "wit/deps/client/transfers.wit",
    "types.wit" as "wit/deps/client/types.wit",
    "worlds.wit" as "wit/deps/client/worlds.wit",
);

/// Those of WASI.
const OF_WASI: &[File] = files!("../../../wit":
    "routing/deps/config.wit" as "wit/deps/config.wit",
    "deps/cli.wit" as "wit/deps/cli.wit",
    "deps/clocks.wit" as "wit/deps/clocks.wit",
    "deps/filesystem.wit" as "wit/deps/filesystem.wit",
    "deps/http.wit" as "wit/deps/http.wit",
    "deps/io.wit" as "wit/deps/io.wit",
    "deps/random.wit" as "wit/deps/random.wit",
    "deps/sockets.wit" as "wit/deps/sockets.wit",
);
