//! A plugin of the routing contract that decides about requests, many at a time.
//!
//! `cargo run -p rest-client-host --example plugin_pool`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use rest_client_host::{
    Config, Host,
    plugin::{Limits, OnFailure, PluginPool, PluginRuntime, PoolOptions},
    routing::{Decision, read_request, write_decision},
};
use std::{error::Error, time::Duration};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let component: Vec<u8> = include!("drops_all.rs");
    let plugin = PluginRuntime::new(Limits::default())?.load(&component)?;

    // What it asks are calls of this instance: of services, and nobody else.
    let instance = Host::new(Config::default())?.instance();
    let mut options = PoolOptions::default();
    options.name = "drops-all".into();
    options.decision_timeout = Duration::from_millis(500);
    let pool = PluginPool::new(&plugin, instance, options)?;
    pool.check().await?;

    let mut decisions = JoinSet::new();
    for number in 0..100 {
        let pool = pool.clone();
        let json = format!(
            r#"{{"protocol": "sip", "method": "INVITE", "target": "sip:{number}@example.org"}}"#
        );
        decisions.spawn(async move {
            let request = read_request(json.as_bytes()).expect("a request");
            let protocol = request.protocol;
            // Whoever runs the plugin says what happens where it fails.
            let decided = pool.route(request).await;
            decided.unwrap_or_else(|error| {
                println!("{error}");
                OnFailure::Closed.decision(protocol)
            })
        });
    }
    let decisions = decisions.join_all().await;
    println!("{}", write_decision(&decisions[0]));
    let dropped = decisions
        .iter()
        .filter(|it| matches!(it, Decision::Drop(_)));
    println!("{} of 100 were dropped", dropped.count());
    Ok(())
}
