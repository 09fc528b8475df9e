//! The plugin of the tests that does what a request says (`tests/plugins/puppet`).

use rest_client_host::routing::{Protocol, Request};

/// A request that has it do these things, in their order.
#[must_use]
pub fn to_do(things: &[&str]) -> Request {
    Request {
        id: "1".into(),
        protocol: Protocol::Http,
        method: "GET".into(),
        target: "/".into(),
        fields: things
            .iter()
            .map(|it| ("x-do".to_owned(), it.as_bytes().to_vec()))
            .collect(),
        body: None,
        source: None,
        destination: None,
        transport: None,
        attributes: vec![],
        time_left: u64::MAX,
    }
}
