//! A plugin that makes the calls it is told to. Its argument is the URL of who tells it:
//! `GET /next` is a call to make, or 204 for none yet, and what came of it is sent to
//! `POST /outcome`. So it needs nothing of its host but `wasi:http` and an argument.

#![allow(missing_docs, unsafe_code, reason = "generated")]

wit_bindgen::generate!({ path: "wit", world: "probe", generate_all });

use exports::wasi::cli::run::Guest;
use rest::client::{
    configuration::{AtCap, Config, configure},
    rest::{rest_get, rest_post},
    transfers::{Transfer, start_get, wait},
    types::{RequestOptions, Response, RestError},
};
use std::collections::BTreeMap;
use wasi::cli::environment::get_arguments;

struct Probe;
export!(Probe);

impl Guest for Probe {
    fn run() -> Result<(), ()> {
        // The first argument is the program, in some hosts.
        let base = get_arguments().pop().ok_or(())?;
        loop {
            let next = rest_get(&format!("{base}/next"), None).map_err(drop)?;
            // There is none yet.
            if next.status == 204 {
                continue;
            }
            let call = String::from_utf8_lossy(&next.body).into_owned();
            let outcome = make(&call);
            rest_post(&format!("{base}/outcome"), outcome.as_bytes(), None, None).map_err(drop)?;
        }
    }
}

/// Makes the call, which is a word and what it is about. The result is what came of it.
fn make(call: &str) -> String {
    let words: Vec<_> = call.split(' ').collect();
    match *words.as_slice() {
        ["get", url] => told(rest_get(url, None)),
        ["get-within", milliseconds, url] => {
            told(rest_get(url, Some(&within(number(milliseconds)))))
        }
        ["connect-within", milliseconds, url] => {
            let options = RequestOptions {
                connection_timeout: Some(number(milliseconds)),
                ..nothing()
            };
            told(rest_get(url, Some(&options)))
        }
        ["follow", redirects, url] => {
            let options = RequestOptions {
                max_redirects: Some(number(redirects) as u32),
                ..nothing()
            };
            told(rest_get(url, Some(&options)))
        }
        ["with-field", name, value, url] => {
            let options = RequestOptions {
                headers: vec![(name.into(), value.into())],
                ..nothing()
            };
            told(rest_get(url, Some(&options)))
        }
        ["post", bytes, url] => told(rest_post(
            url,
            &vec![b'x'; number(bytes) as usize],
            None,
            None,
        )),
        ["wait-within", milliseconds, url] => {
            let transfer = start_get(url, Some(&within(number(milliseconds))));
            wait(&[&transfer]);
            told(Transfer::finish(transfer))
        }
        ["first", ref urls @ ..] => {
            let transfers: Vec<_> = urls.iter().map(|url| start_get(url, None)).collect();
            let first = wait(&transfers.iter().collect::<Vec<_>>())[0];
            format!("place {first}")
        }
        ["many", count, url] => many(number(count), url),
        ["set", parameter] => set(parameter, ""),
        ["set", parameter, value] => set(parameter, value),
        _ => format!("no such call: {call}"),
    }
}

/// Starts so many at a time, and tells how many ended in which way.
fn many(count: u64, url: &str) -> String {
    let mut running: Vec<_> = (0..count).map(|_| start_get(url, None)).collect();
    let mut outcomes = BTreeMap::<_, u32>::new();
    while !running.is_empty() {
        for place in wait(&running.iter().collect::<Vec<_>>()).into_iter().rev() {
            let outcome = told(Transfer::finish(running.swap_remove(place as usize)));
            *outcomes.entry(outcome).or_default() += 1;
        }
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
