//! Says where somebody is registered: the second scenario of the manual of OpenSIPS'
//! `rest_client`. The service `location` answers with a line for each place: its URI, and
//! perhaps a preference from 0 to 1000.

#![allow(missing_docs, unsafe_code, reason = "generated")]

wit_bindgen::generate!({ path: "wit", world: "routing-plugin", generate_all });

use exports::routing::contract::router::{Decision, Guest, Request};
use rest::client::rest::{rest_escape, rest_get};
use routing::contract::decisions::{Answer, Destination, Redirect};

struct Location;
export!(Location);

impl Guest for Location {
    fn check() -> Result<(), String> {
        Ok(())
    }

    fn route(request: Request) -> Result<Decision, String> {
        let url = format!(
            "http://location.service.internal/where?is={}",
            rest_escape(&request.target)
        );
        let reply = rest_get(&url, None).map_err(|error| error.to_string())?;
        let lines = String::from_utf8_lossy(&reply.body);
        let destinations: Vec<Destination> = match reply.status {
            200 => lines.lines().map(destination).collect(),
            404 => vec![],
            status => return Err(format!("location answered with {status}")),
        };
        Ok(match destinations.is_empty() {
            true => nowhere(),
            false => Decision::Redirect(Redirect {
                code: None,
                destinations,
                fields: vec![],
                attributes: vec![],
            }),
        })
    }
}

fn destination(line: &str) -> Destination {
    let (uri, preference) = line.split_once(' ').unwrap_or((line, ""));
    Destination {
        uri: uri.into(),
        next_hop: None,
        preference: preference.trim().parse().ok(),
        set_fields: vec![],
        attributes: vec![],
    }
}

fn nowhere() -> Decision {
    Decision::Answer(Answer {
        code: 404,
        reason: None,
        fields: vec![],
        body: vec![],
        attributes: vec![],
    })
}
