//! One call: what is this caller's credit?
//!
//! `cargo run -p rest-client-host --example get`

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use rest_client_host::{Config, ErrorKind, Host};
use std::{error::Error, time::Duration};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let service: String = include!("service/serve.rs");
    let url = format!("{service}/credit?caller=alice");

    let mut config = Config::default();
    config.transfer_timeout = Duration::from_secs(2);
    let instance = Host::new(config)?.instance();

    match instance
        .rest_get(&url)
        .header("x-call-id", "84381763")
        .await
    {
        Ok(reply) => println!("{}: {}", reply.status(), reply.text()),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => println!("no service"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
