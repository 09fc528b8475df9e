//! A guest that does what no guest should, in the world of the real one.

use super::factory::Factory;
use crate::transport::Transport;
use wasmtime::{Engine, component::Component};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What the guest does is said by the method of a request.
pub(crate) mod misdeed {
    /// Executes what can't be executed.
    pub(crate) const TRAP: &str = "TRAP";
    /// Never comes back.
    pub(crate) const SPIN: &str = "SPIN";
    /// Sends the request, and traps when a reply is there.
    pub(crate) const TRAP_WITH_TRANSFERS_OPEN: &str = "OPEN";
    /// Sends the request, drops the reply to come, and fails the call.
    pub(crate) const DROP_TRANSFERS: &str = "DROP";
    /// Traps if it finds its mark in memory, and else makes it, on pages it has
    /// and on one more; then fails the call.
    pub(crate) const LEAVE_MARK: &str = "MARK";
}

impl Factory {
    /// Sandboxes whose guest takes its parameters and then misbehaves.
    pub(crate) fn misbehaving(
        transport: Transport,
        max_transfer_size: u64,
    ) -> wasmtime::Result<Self> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir("wit").expect("the WIT package");
        let world = resolve
            .select_world(&[package], Some("rest-client"))
            .expect("the world of the component");
        let mut module = wat::parse_str(include_str!("misbehaving.wat")).expect("a module");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)
            .expect("metadata");
        let component = ComponentEncoder::default()
            .module(&module)
            .and_then(|encoder| encoder.validate(true).encode())
            .expect("a component");
        let load = move |config| Component::new(&Engine::new(&config)?, &component);
        Self::of(Box::new(load), transport, max_transfer_size)
    }
}
