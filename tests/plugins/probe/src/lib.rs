//! A plugin that makes the calls it is told to. Its argument is the URL of who tells it:
//! `GET /next` is a call to make, or 204 for none yet, and what came of it is sent to
//! `POST /outcome`. So it needs nothing of its host but `wasi:http` and an argument. It is
//! built for WASI 0.2, and with the feature `async` for 0.3.

#![allow(missing_docs, unsafe_code, reason = "generated")]

#[cfg(feature = "async")]
#[path = "concurrent.rs"]
mod edition;
#[cfg(not(feature = "async"))]
#[path = "plain.rs"]
mod edition;

use edition::{AtCap, Config, RequestOptions, Response, RestError, configure};
use std::collections::BTreeMap;

/// Makes calls until the server that tells which has gone.
async fn run(mut arguments: Vec<String>) -> Result<(), ()> {
    // The first argument is the program, in some hosts.
    let base = arguments.pop().ok_or(())?;
    loop {
        let next = edition::get(&format!("{base}/next"), None).await;
        let next = next.map_err(drop)?;
        // There is none yet.
        if next.status == 204 {
            continue;
        }
        let call = String::from_utf8_lossy(&next.body).into_owned();
        let outcome = make(&call).await;
        let told = edition::post(&format!("{base}/outcome"), outcome.into_bytes()).await;
        told.map_err(drop)?;
    }
}

/// Makes the call, which is a word and what it is about. The result is what came of it.
async fn make(call: &str) -> String {
    let words: Vec<_> = call.split(' ').collect();
    match *words.as_slice() {
        ["get", url] => told(edition::get(url, None).await),
        ["get-within", milliseconds, url] => {
            told(edition::get(url, Some(within(number(milliseconds)))).await)
        }
        ["connect-within", milliseconds, url] => {
            let options = RequestOptions {
                connection_timeout: Some(number(milliseconds)),
                ..nothing()
            };
            told(edition::get(url, Some(options)).await)
        }
        ["follow", redirects, url] => {
            let options = RequestOptions {
                max_redirects: Some(number(redirects) as u32),
                ..nothing()
            };
            told(edition::get(url, Some(options)).await)
        }
        ["with-field", name, value, url] => {
            let options = RequestOptions {
                headers: vec![(name.into(), value.into())],
                ..nothing()
            };
            told(edition::get(url, Some(options)).await)
        }
        ["post", bytes, url] => {
            let body = vec![b'x'; number(bytes) as usize];
            told(edition::post(url, body).await)
        }
        ["wait-within", milliseconds, url] => {
            told(edition::wait(url, within(number(milliseconds))).await)
        }
        ["first", ref urls @ ..] => format!("place {}", edition::first(urls).await),
        ["many", count, url] => counted(edition::many(number(count), url).await),
        ["open-within", milliseconds, url] => {
            let opened = edition::open(url, within(number(milliseconds))).await;
            opened.unwrap_or_else(|| format!("no such call: {call}"))
        }
        ["set", parameter] => set(parameter, ""),
        ["set", parameter, value] => set(parameter, value),
        _ => format!("no such call: {call}"),
    }
}

/// How many ended in which way.
fn counted(ended: Vec<Result<Response, RestError>>) -> String {
    let mut outcomes = BTreeMap::<_, u32>::new();
    for outcome in ended {
        *outcomes.entry(told(outcome)).or_default() += 1;
    }
    let told = outcomes
        .iter()
        .map(|(outcome, times)| format!("{times} x {outcome}"));
    told.collect::<Vec<_>>().join(", ")
}

fn set(parameter: &str, value: &str) -> String {
    let mut config = Config {
        connection_timeout: None,
        transfer_timeout: None,
        max_async_transfers: None,
        at_cap: None,
        ssl_verifypeer: None,
        ssl_verifyhost: None,
        ssl_capath: None,
        max_transfer_size: None,
        http_version: None,
        enable_expect100: None,
        no_concurrent_connects: None,
        conn_lifetime: None,
        connect_poll_interval: None,
    };
    match parameter {
        "defaults" => {}
        "transfer-timeout" => config.transfer_timeout = Some(number(value)),
        "max-transfer-size" => config.max_transfer_size = Some(number(value)),
        "cap" => config.max_async_transfers = Some(number(value) as u32),
        "cap-that-rejects" => {
            config.max_async_transfers = Some(number(value) as u32);
            config.at_cap = Some(AtCap::Reject);
        }
        "cap-that-waits" => {
            config.max_async_transfers = Some(number(value) as u32);
            config.at_cap = Some(AtCap::Wait);
        }
        "ssl-verifypeer" => config.ssl_verifypeer = Some(value == "true"),
        _ => return format!("no such parameter: {parameter}"),
    }
    match configure(&config) {
        Ok(()) => "set".into(),
        Err(error) => format!("refused {}", error.parameter),
    }
}

fn told(outcome: Result<Response, RestError>) -> String {
    match outcome {
        Ok(reply) => match reply.body.len() {
            // In whole where it is short.
            0..=50 => format!("{} {}", reply.status, String::from_utf8_lossy(&reply.body)),
            long => format!("{} {long} bytes", reply.status),
        },
        Err(RestError::TransferTimeout(partial)) => {
            format!(
                "transfer-timeout {} {} bytes",
                partial.status,
                partial.body.len()
            )
        }
        Err(error) => case(&error).into(),
    }
}

fn case(error: &RestError) -> &'static str {
    match error {
        RestError::ConnectionRefused(_) => "connection-refused",
        RestError::ConnectionTimeout(_) => "connection-timeout",
        RestError::TransferTimeout(_) => "transfer-timeout",
        RestError::AlreadyConnecting(_) => "already-connecting",
        RestError::TooLarge(_) => "too-large",
        RestError::Dns(_) => "dns",
        RestError::Tls(_) => "tls",
        RestError::Denied(_) => "denied",
        RestError::Busy(_) => "busy",
        RestError::InvalidUrl(_) => "invalid-url",
        RestError::InvalidHeader(_) => "invalid-header",
        RestError::Protocol(_) => "protocol",
        RestError::Internal(_) => "internal",
    }
}

fn nothing() -> RequestOptions {
    RequestOptions {
        headers: vec![],
        connection_timeout: None,
        transfer_timeout: None,
        max_redirects: None,
    }
}

fn within(milliseconds: u64) -> RequestOptions {
    RequestOptions {
        transfer_timeout: Some(milliseconds),
        ..nothing()
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}
