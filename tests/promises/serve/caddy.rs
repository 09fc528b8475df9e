//! Debian's Caddy, with README's configuration.

use super::{Serving, behind::admits_whom_the_plugin_admits};
use crate::puppets::Puppet;
use support::{process::Service, server::Server, steps::ok};

const CONFIGURATION: &str = include_str!("../../../deploy/caddy/Caddyfile");

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    #[cfg_attr(
        not(has_caddy),
        ignore = "Caddy is not installed: apt-get install caddy"
    )]
    those_are_served_whom_the_plugin_admits,
}

async fn those_are_served_whom_the_plugin_admits<P: Puppet>() {
    let backend = Server::start(|_| ok("from the backend")).await;
    let arguments = ["--form", "caddy", "--carry", "x-account"];
    let serving = Serving::at_socket(P::NAME, None, &arguments).await;
    let caddy = Service::caddy(|address| {
        CONFIGURATION
            .replace("127.0.0.1:8080", &address.to_string())
            .replace("/run/rest-client/decide.sock", &serving.at)
            .replace("127.0.0.1:8081", &backend.address().to_string())
    })
    .await;
    admits_whom_the_plugin_admits(&caddy, &backend).await;
}
