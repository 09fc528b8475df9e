//! Calls side by side, in one instance and from many tasks.
//!
//! `cargo run -p rest-client-host --example many_at_once`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use rest_client_host::{Config, Host};
use std::error::Error;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url: String = include!("service/serve.rs");
    let instance = Host::new(Config::default())?.instance();

    // Two that are awaited together.
    let (credit, missing) = (format!("{url}/credit"), format!("{url}/nothing"));
    let (credit, missing) =
        tokio::try_join!(instance.rest_get(&credit), instance.rest_get(&missing))?;
    println!("{} and {}", credit.status(), missing.status());

    // A hundred, each in a task of its own: a clone is the same instance.
    let mut calls = JoinSet::new();
    for caller in 0..100 {
        let instance = instance.clone();
        let url = format!("{url}/credit?caller={caller}");
        calls.spawn(async move { instance.rest_get(&url).await });
    }
    let mut bytes = 0;
    while let Some(call) = calls.join_next().await {
        bytes += call??.body().len();
    }
    println!("{} calls, {bytes} bytes", instance.stats().started);
    Ok(())
}
