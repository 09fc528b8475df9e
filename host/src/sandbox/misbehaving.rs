//! Guests that do what no guest should, made from the world of the real one.

use super::Factory;
use wasmtime::{Engine, component::Component};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// What a guest does when it is asked for a request.
pub(crate) enum Misdeed {
    /// Executes what can't be executed.
    Trap,
    /// Never comes back.
    Spin,
}

impl Factory {
    /// Sandboxes whose guest takes its parameters and then misbehaves.
    pub(crate) fn misbehaving(misdeed: Misdeed) -> wasmtime::Result<Self> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir("wit").expect("the WIT package");
        let world = resolve
            .select_world(&[package], Some("rest-client"))
            .expect("the world of the component");
        // Every function of it is one `unreachable`.
        let dummy = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
        let mut text = wasmprinter::print_bytes(dummy).expect("a module");
        text = text.replace("(memory (;0;) 0)", "(memory (;0;) 1)");
        text = with_body(&text, "configuration@0.1|configure\"", "i32.const 0");
        text = with_body(&text, "cm32p2_realloc\"", "i32.const 1024");
        if let Misdeed::Spin = misdeed {
            text = with_body(
                &text,
                "transfers@0.1|start-request\"",
                "(loop $again br $again) unreachable",
            );
        }
        let mut module = wat::parse_str(text).expect("a module");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
            .expect("metadata");
        let component = ComponentEncoder::default()
            .module(&module)
            .and_then(|encoder| encoder.validate(true).encode())
            .expect("a component");
        let engine = Engine::new(&crate::engine::config())?;
        let component = Component::new(&engine, component)?;
        Self::of(engine, &component)
    }
}

/// The module in `text`, with another body of the function whose export name
/// ends in `name`.
fn with_body(text: &str, name: &str, body: &str) -> String {
    let export = text
        .lines()
        .find(|line| line.contains("(export ") && line.contains(name))
        .unwrap_or_else(|| panic!("no export {name} in {text}"));
    let index = export
        .split("(func ")
        .nth(1)
        .and_then(|rest| rest.split(')').next())
        .expect("the index of a function");
    let start = text
        .find(&format!("(func (;{index};)"))
        .expect("the function");
    let length = text[start..].find("unreachable").expect("its body");
    let (before, rest) = text.split_at(start + length);
    format!("{before}{body}{}", &rest["unreachable".len()..])
}
