//! Several instances that share the calls of a program, as the worker processes
//! of OpenSIPS do. One that is blocked is passed over.
//!
//! `cargo run -p rest-client-host --example worker_pool`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use rest_client_host::{AtCap, Config, Host, WorkerPool};
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let service: String = include!("service/serve.rs");
    let url = format!("{service}/credit?caller=alice");

    let mut config = Config::default();
    config.max_async_transfers = 10;
    config.at_cap = AtCap::Wait;
    let pool = WorkerPool::new(&Host::new(config)?, 4);

    for _ in 0..8 {
        pool.rest_get(&url).await?;
    }
    for (number, worker) in pool.states().iter().enumerate() {
        println!("worker {number}: {} calls", worker.stats.started);
    }

    // No call is lost at the end: new ones are refused, the others end.
    pool.drain().await;
    println!("{} in all", pool.stats().started);
    Ok(())
}
