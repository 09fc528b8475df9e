//! Lets those through who have credit: the first scenario of the manual of OpenSIPS'
//! `rest_client`. The service is asked by its name, `billing`.

#![allow(missing_docs, unsafe_code, reason = "generated")]

wit_bindgen::generate!({ path: "wit", world: "routing-plugin", generate_all });

use exports::routing::contract::router::{Decision, Guest, Request};
use rest::client::rest::{rest_escape, rest_get};
use routing::contract::decisions::{Answer, Changes, Protocol};

struct CreditCheck;
export!(CreditCheck);

impl Guest for CreditCheck {
    fn check() -> Result<(), String> {
        Ok(())
    }

    fn route(request: Request) -> Result<Decision, String> {
        let caller = caller(&request).ok_or("nobody says who is calling")?;
        let url = format!(
            "http://billing.service.internal/credit?caller={}",
            rest_escape(&caller)
        );
        let reply = rest_get(&url, None).map_err(|error| error.to_string())?;
        let credit = match reply.status {
            200 => String::from_utf8_lossy(&reply.body).trim().to_owned(),
            404 => return Ok(refusal(403, "Unknown Caller")),
            status => return Err(format!("billing answered with {status}")),
        };
        let amount = credit.split(' ').next().unwrap_or_default();
        match amount.parse::<f64>() {
            Ok(amount) if amount > 0.0 => Ok(go_on(&format!("credit {credit}"))),
            Ok(_) => Ok(refusal(402, "Payment Required")),
            Err(_) => Err(format!("billing says {credit:?}, which is no amount")),
        }
    }
}

/// Whom the proxy has authenticated; in SIP, if it has not, who the From claims to be.
fn caller(request: &Request) -> Option<String> {
    let attribute = request.attributes.iter().find(|(name, _)| name == "user");
    if let Some((_, user)) = attribute {
        return Some(user.clone());
    }
    if request.protocol != Protocol::Sip {
        return None;
    }
    let (_, from) = request.fields.iter().find(|(name, _)| name == "from")?;
    let from = String::from_utf8_lossy(from);
    let (_, uri) = from.split_once("sip:")?;
    Some(uri.split(['@', '>', ';']).next()?.to_owned())
}

fn go_on(reason: &str) -> Decision {
    Decision::Continue(Changes {
        destinations: vec![],
        remove_fields: vec![],
        set_fields: vec![],
        add_fields: vec![],
        reply_fields: vec![],
        attributes: vec![("reason".into(), reason.into())],
    })
}

fn refusal(code: u16, reason: &str) -> Decision {
    Decision::Answer(Answer {
        code,
        reason: Some(reason.into()),
        fields: vec![],
        body: vec![],
        attributes: vec![],
    })
}
