//! The components of this project, as bytes.

/// A WASI version; there is a component for each. The host of this project runs the one
/// for 0.2. Both run in other hosts that have `wasi:http`, alone or composed with a plugin.
///
/// ```
/// use rest_client_host::Wasi;
///
/// for wasi in [Wasi::P2, Wasi::P3] {
///     assert!(wasi.component().starts_with(b"\0asm\x0d\0\x01\0"));
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Wasi {
    /// WASI 0.2: `rest:client`, in which a call returns when it is over, or is a resource
    /// that is waited for.
    #[default]
    P2,
    /// WASI 0.3: `rest:client-async`, in which calls are asynchronous functions.
    P3,
}

impl Wasi {
    /// The component for this version, with the default parameters.
    #[must_use]
    pub fn component(self) -> &'static [u8] {
        match self {
            Self::P2 => include_bytes!(env!("COMPONENT_SOURCE")),
            Self::P3 => include_bytes!(env!("ASYNC_COMPONENT_SOURCE")),
        }
    }
}
