//! An attribute of the routing contract, and the field in which a proxy says it.

use http::HeaderName;
use rest_client_host::routing::is_attribute_name;
use std::str::FromStr;

/// What a proxy may say of any request, as `attributes` of the routing contract lists it. Of
/// the others `scheme` is in every form already.
const OF_CONTRACT: [&str; 7] = [
    "route",
    "proxy",
    "tls-peer",
    "tls-san",
    "tls-sni",
    "user",
    "http-version",
];

/// `user=x-original-user`.
#[derive(Debug, Clone)]
pub(crate) struct AttributeField {
    pub(crate) attribute: String,
    pub(crate) field: HeaderName,
}

impl FromStr for AttributeField {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (attribute, field) = text
            .split_once('=')
            .ok_or("what is needed is an attribute and its field, as in user=x-original-user")?;
        let is_own =
            attribute.len() > 2 && attribute.starts_with("x-") && is_attribute_name(attribute);
        if !is_own && !OF_CONTRACT.contains(&attribute) {
            return Err(format!(
                "{attribute:?} is none of the attributes {}, and one of your own begins with x- \
                 and has lower case letters, digits and -, up to 64 in all",
                OF_CONTRACT.join(", ")
            ));
        }
        let field = field
            .parse()
            .map_err(|_| format!("{field:?} is no name of a field, as x-original-user is one"))?;
        Ok(Self {
            attribute: attribute.into(),
            field,
        })
    }
}
