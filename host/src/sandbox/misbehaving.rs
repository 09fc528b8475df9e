//! Guests that do what no guest should, made from the world of the real one.

use super::Factory;
use wasmtime::component::Component;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// What a guest does when it is asked for a request.
pub(crate) enum Misdeed {
    /// Executes what can't be executed.
    Trap,
    /// Never comes back.
    Spin,
    /// Sends the request, and traps when a reply is there.
    TrapWithTransfersOpen,
    /// Sends the request, drops the reply to come, and fails the call.
    DropTransfers,
    /// Traps if it finds its mark in memory, and else makes it, on pages it
    /// has and on one more; then fails the call.
    LeaveMark,
}

/// Allocates, and frees nothing: a test is short.
const ALLOCATE: &str = "
    (global.set $next (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    global.get $next
    (global.set $next (i32.add (global.get $next) (local.get 3)))";

/// Sends a GET to the authority of `http://AUTHORITY/`, which is all that the
/// URL may be. The parameters lie in memory, the URL second among them. Leaves
/// the reply to come at 8.
const SEND: &str = "
    (local $request i32)
    (local.set $request (call $outgoing-request (call $fields)))
    (drop (call $set-scheme (local.get $request) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)))
    (drop (call $set-authority
        (local.get $request)
        (i32.const 1)
        (i32.add (i32.load offset=8 (local.get 0)) (i32.const 7))
        (i32.sub (i32.load offset=12 (local.get 0)) (i32.const 8))))
    (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 0))";

/// Grows the memory by a page, and marks the first byte of some pages.
const MARK: &str = "
    (local $at i32)
    (drop (memory.grow (i32.const 1)))
    (local.set $at (i32.const 131072))
    (loop $next
        (if (i32.load (local.get $at)) (then unreachable))
        (i32.store (local.get $at) (i32.const 1))
        (local.set $at (i32.add (local.get $at) (i32.const 65536)))
        (br_if $next (i32.lt_u (local.get $at) (i32.shl (memory.size) (i32.const 16)))))";

/// Answers with a call that is known as 1.
const NEW_TRANSFER: &str = "(call $new-transfer (i32.const 1))";

/// Answers with an `internal` without words.
const FAIL: &str = "
    (i32.store8 (i32.const 64) (i32.const 1))
    (i32.store8 (i32.const 68) (i32.const 11))
    (i64.store (i32.const 72) (i64.const 0))
    i32.const 64";

impl Factory {
    /// Sandboxes whose guest takes its parameters and then misbehaves.
    pub(crate) fn misbehaving(misdeed: Misdeed) -> wasmtime::Result<Self> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir("wit").expect("the WIT package");
        let world = resolve
            .select_world(&[package], Some("rest-client"))
            .expect("the world of the component");
        // Every function of it that has a result is one `unreachable`.
        let dummy = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
        let mut guest = Text(wasmprinter::print_bytes(dummy).expect("a module"));
        guest.replace(
            "(memory (;0;) 0)",
            "(memory (;0;) 4) (global $next (mut i32) (i32.const 1024))",
        );
        guest.body("cm32p2_realloc\"", ALLOCATE);
        guest.body("configuration@0.1|configure\"", "i32.const 0");
        for (import, name) in [
            ("[constructor]fields", "fields"),
            ("[constructor]outgoing-request", "outgoing-request"),
            ("[method]outgoing-request.set-scheme", "set-scheme"),
            ("[method]outgoing-request.set-authority", "set-authority"),
            ("handle", "handle"),
            ("future-incoming-response_drop", "drop-reply"),
            ("transfer_new", "new-transfer"),
        ] {
            guest.name_import(import, name);
        }
        let start = "transfers@0.1|start-request\"";
        match misdeed {
            Misdeed::Trap => {}
            Misdeed::Spin => guest.body(start, "(loop $again br $again) unreachable"),
            Misdeed::TrapWithTransfersOpen => guest.body(start, &[SEND, NEW_TRANSFER].concat()),
            Misdeed::DropTransfers => {
                let drop = "(call $drop-reply (i32.load (i32.const 8)))";
                guest.body(start, &[SEND, drop, NEW_TRANSFER].concat());
                guest.body("[static]transfer.finish-open\"", FAIL);
            }
            Misdeed::LeaveMark => {
                guest.body(start, &[MARK, NEW_TRANSFER].concat());
                guest.body("[static]transfer.finish-open\"", FAIL);
            }
        }
        let mut module = wat::parse_str(guest.0).expect("a module");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
            .expect("metadata");
        let component = ComponentEncoder::default()
            .module(&module)
            .and_then(|encoder| encoder.validate(true).encode())
            .expect("a component");
        Self::of(Box::new(move |engine| Component::new(engine, &component)))
    }
}

/// A module as text.
struct Text(String);

impl Text {
    fn replace(&mut self, what: &str, with: &str) {
        assert!(self.0.contains(what), "no {what} in {}", self.0);
        self.0 = self.0.replacen(what, with, 1);
    }

    /// Gives the function whose export name ends in `export` another body.
    fn body(&mut self, export: &str, body: &str) {
        let index = self.index(|line| line.contains("(export ") && line.contains(export));
        let start = self
            .0
            .find(&format!("(func (;{index};)"))
            .expect("the function");
        let length = self.0[start..].find("unreachable").expect("its body");
        let (before, rest) = self.0.split_at(start + length);
        self.0 = format!("{before}{body}{}", &rest["unreachable".len()..]);
    }

    /// Lets the text say `$name` for an import.
    fn name_import(&mut self, import: &str, name: &str) {
        let import = format!("\"{import}\" (func (;");
        let line = self.index(|line| line.contains("(import ") && line.contains(&import));
        self.replace(
            &format!("{import}{line};)"),
            &format!("{} ${name} (;{line};)", import.trim_end_matches(" (;")),
        );
    }

    /// The index of the function in the first line that is so.
    fn index(&self, is_so: impl Fn(&str) -> bool) -> String {
        let line = self.0.lines().find(|line| is_so(line));
        let line = line.unwrap_or_else(|| panic!("no such line in {}", self.0));
        let digits = line.rsplit("(func ").next().expect("an index");
        digits
            .trim_start_matches("(;")
            .chars()
            .take_while(char::is_ascii_digit)
            .collect()
    }
}
