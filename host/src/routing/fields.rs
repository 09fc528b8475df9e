//! What the contract says of fields and attributes, wherever they are.

use super::{
    Protocol, Violation,
    names::{Message, canonical, is_of_proxy, is_token},
};

/// Fields in order, each a name and a value.
pub(super) type Fields = [(String, Vec<u8>)];

/// Free pairs of a name and a text.
pub(super) type Attributes = [(String, String)];

/// Attributes that a request, or a part of a decision, may have.
pub const MOST_ATTRIBUTES: usize = 64;

/// Bytes of the name of an attribute.
const LONGEST_NAME: usize = 64;

/// Bytes of its value.
const LONGEST_VALUE: usize = 4096;

/// Checks values of a request or a decision: bytes that stay one line.
pub(super) fn check_value(value: &[u8]) -> Result<(), &'static str> {
    if value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return Err("its value has a CR, LF or NUL");
    }
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if is_space(value.first()) || is_space(value.last()) {
        return Err("its value has white space around it");
    }
    Ok(())
}

/// Checks the fields that a decision has at `place`, for a message of that kind.
pub(super) fn check_fields(
    place: &str,
    protocol: Protocol,
    message: Message,
    fields: &Fields,
) -> Result<(), Violation> {
    for (name, value) in fields {
        check_name(place, protocol, message, name)?;
        check_value(value)
            .map_err(|what| Violation::new(place, format_args!("{name:?}: {what}")))?;
    }
    Ok(())
}

/// Checks a name that a decision has at `place`.
pub(super) fn check_name(
    place: &str,
    protocol: Protocol,
    message: Message,
    name: &str,
) -> Result<(), Violation> {
    if !is_token(name) {
        let what = format_args!("{name:?} is no name of a field");
        return Err(Violation::new(place, what));
    }
    if is_of_proxy(protocol, message, &canonical(protocol, name)) {
        let what = format_args!("{name} belongs to the proxy");
        return Err(Violation::new(place, what));
    }
    Ok(())
}

/// The value of the first field of that name, if there is one.
pub(super) fn value<'a>(protocol: Protocol, fields: &'a Fields, name: &str) -> Option<&'a [u8]> {
    let field = fields
        .iter()
        .find(|(other, _)| canonical(protocol, other) == name)?;
    Some(&field.1)
}

/// Whether an attribute may be called so: lower case letters, digits and `-`, 1 to 64 bytes.
#[must_use]
pub fn is_attribute_name(name: &str) -> bool {
    let of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(of_name)
}

/// Checks the attributes of a request or a decision.
pub(super) fn check_attributes(attributes: &Attributes) -> Result<(), Violation> {
    let wrong = |what: &dyn std::fmt::Display| Err(Violation::new("attributes", what));
    if attributes.len() > MOST_ATTRIBUTES {
        return wrong(&format_args!("there are more than {MOST_ATTRIBUTES}"));
    }
    for (index, (name, value)) in attributes.iter().enumerate() {
        if !is_attribute_name(name) {
            return wrong(&format_args!(
                "{name:?} is no name: lower case letters, digits and -, up to {LONGEST_NAME} bytes"
            ));
        }
        if attributes[..index].iter().any(|(other, _)| other == name) {
            return wrong(&format_args!("{name} is there twice"));
        }
        if value.len() > LONGEST_VALUE {
            return wrong(&format_args!("{name} has more than {LONGEST_VALUE} bytes"));
        }
        if value.chars().any(char::is_control) {
            return wrong(&format_args!("{name} has a control character"));
        }
    }
    Ok(())
}
