//! Types that a configuration writes as texts.

/// Has serde read a type by its `FromStr`, and write it by its `Display`.
macro_rules! by_text {
    ($type:ident) => {
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    };
}

pub(super) use by_text;

/// `text` as an error may show it: a URL may have a user, and a user a password.
pub(super) fn without_user(text: &str) -> String {
    let Some((user, rest)) = text.rsplit_once('@') else {
        return text.to_owned();
    };
    let begin = user.find("://").map_or("", |end| &user[..end + 3]);
    format!("{begin}…@{rest}")
}
