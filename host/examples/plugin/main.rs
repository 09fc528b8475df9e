//! A plugin that makes calls through an instance of the program that runs it.
//!
//! `cargo run -p rest-client-host --example plugin`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use rest_client_host::{
    Config, Host, Service,
    plugin::{self, PluginCtx, PluginView},
};
use std::error::Error;
use wasmtime::{
    Engine, Store,
    component::{Component, Linker},
};

/// What the program keeps for a plugin.
struct State {
    rest_client: PluginCtx,
}

impl PluginView for State {
    fn rest_client(&mut self) -> &mut PluginCtx {
        &mut self.rest_client
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // What a plugin may ask has a name, and no plugin knows where it is.
    let service: String = include!("../service/serve.rs");
    let mut config = Config::default();
    let billing = Service::new(service.parse()?);
    config.services.insert("billing".into(), billing);
    let instance = Host::new(config)?.instance();

    let engine = Engine::default();
    let mut linker = Linker::<State>::new(&engine);
    plugin::add_to_linker(&mut linker)?;
    let component = Component::new(&engine, credit()?)?;

    // It may have 8 MiB of requests and replies beside its own memory, and 10
    // calls at a time.
    let rest_client = PluginCtx::new(instance.clone())
        .memory_budget(8 << 20)
        .max_async_transfers(10);
    let mut store = Store::new(&engine, State { rest_client });
    let plugin = linker.instantiate_async(&mut store, &component).await?;

    let look_up = plugin.get_typed_func::<(String,), (u16,)>(&mut store, "look-up")?;
    let url = "http://billing.service.internal/credit?caller=alice";
    let (status,) = look_up.call_async(&mut store, (url.into(),)).await?;
    println!("the plugin was answered with {status}");
    println!("calls of the instance: {}", instance.stats().started);
    Ok(())
}

/// The plugin. Others come as a file, from a compiler of any language; this one
/// is written by hand, so that the example needs no further toolchain.
fn credit() -> Result<Vec<u8>, Box<dyn Error>> {
    use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

    let mut resolve = wit_parser::Resolve::default();
    resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/wit"))?;
    let package = resolve.push_str("credit.wit", include_str!("credit.wit"))?;
    let world = resolve.select_world(&[package], Some("credit"))?;
    let mut module = wat::parse_str(include_str!("credit.wat"))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false)?;
    Ok(ComponentEncoder::default().module(&module)?.encode()?)
}
