//! Why a call has no complete reply: `rest-error` of the WIT package, free of
//! any generation of bindings.

/// One case for each case of `rest-error` in `wit/types.wit`, where the meaning
/// of each is documented. Texts are sentences for a person, without user
/// information and without a query.
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
    InvalidUrl(String),
    InvalidHeader(String),
    Protocol(String),
    Internal(String),
}

impl RestError {
    /// The reply's body passed `limit` bytes.
    #[must_use]
    pub fn too_large(limit: u64) -> Self {
        Self::TooLarge(format!(
            "the body of the reply is larger than max-transfer-size, {limit} bytes"
        ))
    }
}

/// What there was of a reply when time ran out. All is empty, and the status 0,
/// if no reply had begun.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partial {
    /// The HTTP status code, or 0.
    pub status: u16,
    /// All fields of the head.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The bytes that had arrived.
    pub body: Vec<u8>,
}
