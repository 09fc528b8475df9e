//! The custom section by which a component tells what it was built from.

use anyhow::{Context, Result};
use wasmparser::{Parser, Payload};

const NAME: &str = "rest-client-sources";

/// Appends the section to a module or a component: both are a sequence of
/// sections, in which a custom one may stand anywhere.
pub(crate) fn append(binary: &mut Vec<u8>, digest: &str) {
    let mut content = Vec::new();
    push_string(&mut content, NAME);
    content.extend_from_slice(digest.as_bytes());
    binary.push(0); // The id of custom sections.
    push_length(binary, content.len());
    binary.append(&mut content);
}

/// The digest of the sources that a component was built from, in the form of
/// [`sources_digest`](crate::sources_digest), or `None` if it does not tell.
///
/// # Errors
///
/// If `bytes` are not a module or component, or the section is not text.
pub fn component_digest(bytes: &[u8]) -> Result<Option<String>> {
    let mut depth = 0usize;
    let mut digest = None;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.context("not a WebAssembly binary")? {
            // What a nested binary says of itself is not said of the whole.
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

fn push_string(bytes: &mut Vec<u8>, text: &str) {
    push_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

/// LEB128, as the binary format writes every length.
fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

#[cfg(test)]
mod tests {
    use super::{append, component_digest, push_length};

    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn a_digest_that_was_appended_is_read_back() {
        for empty in [MODULE, COMPONENT] {
            let mut binary = empty.to_vec();
            // Long enough for a length of two bytes.
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
        let mut module = MODULE.to_vec();
        append(&mut module, "inner");
        let mut component = COMPONENT.to_vec();
        component.push(1); // The id of core modules.
        push_length(&mut component, module.len());
        component.append(&mut module);
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
