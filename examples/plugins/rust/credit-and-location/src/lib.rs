//! Both scenarios of the manual of OpenSIPS' `rest_client` in one decision, for WASI 0.3:
//! the services `billing` and `location` are asked at the same time. A caller without credit
//! is told at once, whatever `location` is still about to say.

#![allow(missing_docs, unsafe_code, reason = "generated")]

wit_bindgen::generate!({ path: "wit", world: "routing-plugin-async", generate_all });

use exports::routing::contract_async::router::{Decision, Guest, Request};
use futures_util::future::try_join;
use rest::client::types::Response;
use rest::client_async::rest::{rest_escape, rest_get};
use routing::contract::decisions::{Answer, Changes, Destination};

struct CreditAndLocation;
export!(CreditAndLocation);

/// What ends a decision before both have answered.
enum End {
    Decided(Decision),
    Failed(String),
}

impl Guest for CreditAndLocation {
    async fn check() -> Result<(), String> {
        Ok(())
    }

    async fn route(request: Request) -> Result<Decision, String> {
        let caller = request
            .attributes
            .iter()
            .find_map(|(name, value)| (name == "user").then_some(&**value))
            .ok_or("nobody says who is calling")?;
        // Whatever ends first with an error ends the other question, too.
        match try_join(credit(caller), destinations(&request.target)).await {
            Ok((credit, destinations)) => Ok(go_on(&credit, destinations)),
            Err(End::Decided(decision)) => Ok(decision),
            Err(End::Failed(error)) => Err(error),
        }
    }
}

async fn credit(caller: &str) -> Result<String, End> {
    let reply = ask("billing", "credit?caller=", caller).await?;
    let credit = String::from_utf8_lossy(&reply.body).trim().to_owned();
    let amount = credit.split(' ').next().unwrap_or_default();
    match (reply.status, amount.parse::<f64>()) {
        (200, Ok(amount)) if amount > 0.0 => Ok(credit),
        (200, Ok(_)) => Err(refusal(402, "Payment Required")),
        (200, Err(_)) => Err(End::Failed(format!(
            "billing says {credit:?}, which is no amount"
        ))),
        (404, _) => Err(refusal(403, "Unknown Caller")),
        (status, _) => Err(End::Failed(format!("billing answered with {status}"))),
    }
}

async fn destinations(target: &str) -> Result<Vec<Destination>, End> {
    let reply = ask("location", "where?is=", target).await?;
    match reply.status {
        200 => Ok(String::from_utf8_lossy(&reply.body)
            .lines()
            .map(destination)
            .collect()),
        404 => Err(refusal(404, "Not Found")),
        status => Err(End::Failed(format!("location answered with {status}"))),
    }
}

async fn ask(service: &str, query: &str, what: &str) -> Result<Response, End> {
    let what = rest_escape(what);
    let url = format!("http://{service}.service.internal/{query}{what}");
    let reply = rest_get(url, None).await;
    reply.map_err(|error| End::Failed(error.to_string()))
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

fn go_on(credit: &str, destinations: Vec<Destination>) -> Decision {
    Decision::Continue(Changes {
        destinations,
        remove_fields: vec![],
        set_fields: vec![],
        add_fields: vec![],
        reply_fields: vec![],
        attributes: vec![("reason".into(), format!("credit {credit}"))],
    })
}

fn refusal(code: u16, reason: &str) -> End {
    End::Decided(Decision::Answer(Answer {
        code,
        reason: Some(reason.into()),
        fields: vec![],
        body: vec![],
        attributes: vec![],
    }))
}
