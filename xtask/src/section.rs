//! The custom sections that say what a component is, and of which sources.

use anyhow::{Context, Result};
use wasm_encoder::{
    ComponentNameSection, ComponentSectionId, CustomSection, Encode as _, Section as _,
};
use wasmparser::{Parser, Payload};

const NAME: &str = "rest-client-sources";

/// Appends the section to a module or a component.
pub(crate) fn append(binary: &mut Vec<u8>, digest: &str) {
    append_text(binary, NAME, digest);
}

/// Appends what the tools of the Bytecode Alliance show of a component: name, version,
/// licence and description.
pub(crate) fn append_metadata(component: &mut Vec<u8>, name: &str, description: &str) {
    let mut names = ComponentNameSection::new();
    names.component(name);
    component.push(ComponentSectionId::CoreCustom.into());
    names.encode(component);
    append_text(component, "version", env!("CARGO_PKG_VERSION"));
    append_text(component, "licenses", env!("CARGO_PKG_LICENSE"));
    append_text(component, "description", description);
}

/// A binary is a list of sections, and a custom section may be anywhere in the list.
pub(crate) fn append_bytes(binary: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    CustomSection {
        name: name.into(),
        data: bytes.into(),
    }
    .append_to(binary);
}

fn append_text(binary: &mut Vec<u8>, name: &str, text: &str) {
    append_bytes(binary, name, text.as_bytes());
}

/// The digest of the sources that a component was built from, in the form of
/// [`sources_digest`](crate::sources_digest), or `None` if it has no such section.
///
/// # Errors
///
/// `bytes` are not a module or component, or the section is not text.
pub fn component_digest(bytes: &[u8]) -> Result<Option<String>> {
    let mut depth = 0usize;
    let mut digest = None;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.context("not a WebAssembly binary")? {
            // The section of a nested binary is not that of the whole.
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == NAME => {
                let text = std::str::from_utf8(section.data())
                    .with_context(|| format!("the section {NAME} is not text"))?;
                digest = Some(text.to_owned());
            }
            _ => {}
        }
    }
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::{NAME, append, component_digest};
    use wasm_encoder::{Component, CustomSection, Module, ModuleSection};

    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn a_digest_that_was_appended_is_read_back() {
        for empty in [MODULE, COMPONENT] {
            let mut binary = empty.to_vec();
            // The length of this section takes two bytes.
            let digest = "0123456789abcdef".repeat(16);
            append(&mut binary, &digest);
            assert_eq!(component_digest(&binary).unwrap(), Some(digest));
        }
    }

    #[test]
    fn a_binary_without_the_section_has_no_digest() {
        assert_eq!(component_digest(COMPONENT).unwrap(), None);
    }

    #[test]
    fn a_nested_modules_section_is_not_the_components() {
        let mut module = Module::new();
        module.section(&CustomSection {
            name: NAME.into(),
            data: b"inner".into(),
        });
        let mut component = Component::new();
        component.section(&ModuleSection(&module));
        let mut component = component.finish();
        assert_eq!(component_digest(&component).unwrap(), None);
        append(&mut component, "outer");
        assert_eq!(
            component_digest(&component).unwrap().as_deref(),
            Some("outer")
        );
    }

    #[test]
    fn what_is_not_webassembly_is_an_error() {
        assert!(component_digest(b"hello").is_err());
    }
}
