//! The puppet (`tests/plugins/puppet`) for each generation of WASI, compiled once for all
//! tests.

use rest_client_host::{
    Wasi,
    plugin::{Limits, Plugin, PluginRuntime},
};
use std::sync::LazyLock;
use support::plugin;

/// Which of them.
pub(crate) trait Puppet {
    const WASI: Wasi;

    /// The name of its file.
    const NAME: &str;

    fn plugin() -> &'static Plugin;

    /// Its component.
    fn component() -> Vec<u8> {
        plugin::built(Self::NAME)
    }
}

/// The puppet for WASI 0.2.
pub(crate) struct Plain;

/// The puppet for WASI 0.3.
pub(crate) struct Async;

impl Puppet for Plain {
    const WASI: Wasi = Wasi::P2;
    const NAME: &str = "puppet";

    fn plugin() -> &'static Plugin {
        static PUPPET: LazyLock<Plugin> = LazyLock::new(compiled::<Plain>);
        &PUPPET
    }
}

impl Puppet for Async {
    const WASI: Wasi = Wasi::P3;
    const NAME: &str = "puppet-async";

    fn plugin() -> &'static Plugin {
        static PUPPET: LazyLock<Plugin> = LazyLock::new(compiled::<Async>);
        &PUPPET
    }
}

fn compiled<P: Puppet>() -> Plugin {
    let runtime = PluginRuntime::new(Limits::default()).unwrap();
    runtime.load(&P::component()).unwrap()
}
