//! The files that a new plugin is made of. Those of the examples and of the WIT package are
//! links in this crate, so that they are part of it where it is published.

use crate::args::Language;

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

/// Those of a language.
pub(super) fn of(language: Language) -> &'static [File] {
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

/// What the plugin is tried with.
pub(super) const TO_TRY: &[File] = files!("template":
    "rest-client.toml", "request.json", "credit" as "service/credit");

/// The package that it is built against, with those that it needs.
pub(super) const WIT: &[File] = files!("../../../wit":
    "routing/decisions.wit" as "wit/decisions.wit",
    "routing/router.wit" as "wit/router.wit",
    "routing/worlds.wit" as "wit/worlds.wit",
    "routing/deps/config.wit" as "wit/deps/config.wit",
    "configuration.wit" as "wit/deps/client/configuration.wit",
    "rest.wit" as "wit/deps/client/rest.wit",
    "transfers.wit" as "wit/deps/client/transfers.wit",
    "types.wit" as "wit/deps/client/types.wit",
    "worlds.wit" as "wit/deps/client/worlds.wit",
    "deps/cli.wit" as "wit/deps/cli.wit",
    "deps/clocks.wit" as "wit/deps/clocks.wit",
    "deps/filesystem.wit" as "wit/deps/filesystem.wit",
    "deps/http.wit" as "wit/deps/http.wit",
    "deps/io.wit" as "wit/deps/io.wit",
    "deps/random.wit" as "wit/deps/random.wit",
    "deps/sockets.wit" as "wit/deps/sockets.wit",
);
