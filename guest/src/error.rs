//! Why a call has no complete reply: `rest-error` of the WIT package, without
//! the generated bindings.

/// Has the cases of `rest-error` in `wit/types.wit`, which says what each one
/// means. A text is a sentence for a person. It holds no user information and
/// no query.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented once, in wit/types.wit")]
pub enum RestError {
    ConnectionRefused(String),
    ConnectionTimeout(String),
    TransferTimeout(Partial),
    AlreadyConnecting(String),
    TooLarge(String),
    Dns(String),
    Tls(String),
    Denied(String),
    Busy(String),
    InvalidUrl(String),
    InvalidHeader(String),
    Protocol(String),
    Internal(String),
}

impl RestError {
    /// The reply's body is larger than `limit` bytes.
    #[must_use]
    pub fn too_large(limit: u64) -> Self {
        Self::TooLarge(format!(
            "the body of the reply is larger than max-transfer-size, {limit} bytes"
        ))
    }
}

/// What had arrived of a reply when transfer-timeout passed. If no reply had
/// begun, the status is 0 and all else is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partial {
    /// The HTTP status code, or 0.
    pub status: u16,
    /// All fields of the head.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The bytes that had arrived.
    pub body: Vec<u8>,
}
