//! The puppet for WASI 0.2: transfers are resources, which are waited for or polled.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package tests:puppet;
            world puppet {
                include routing:contract/routing-plugin-with-transfers@0.1.0;
                import rest:client/polling@0.1.0;
                import wasi:cli/stderr@0.2.12;
                import wasi:clocks/monotonic-clock@0.2.12;
                import wasi:clocks/wall-clock@0.2.12;
                import wasi:random/insecure@0.2.12;
                import wasi:random/insecure-seed@0.2.12;
                import wasi:random/random@0.2.12;
            }
        ",
        path: "../../../wit/routing",
        world: "tests:puppet/puppet",
        generate_all,
    });
}

pub(crate) use bindings::{
    routing::contract::decisions::{Answer, Changes, Decision, Destination, Redirect, Request},
    wasi::config::store,
};

use bindings::{
    exports::routing::contract::router::Guest,
    rest::client::{
        polling::subscribe,
        rest::rest_get,
        transfers::{self, Transfer},
    },
    wasi::{
        cli::stderr::get_stderr,
        clocks::{monotonic_clock, wall_clock},
        io::poll::poll,
        random::{insecure, insecure_seed, random},
    },
};
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

struct Puppet;
bindings::export!(Puppet with_types_in bindings);

impl Guest for Puppet {
    fn check() -> Result<(), String> {
        at_once(crate::check())
    }

    fn route(request: Request) -> Result<Decision, String> {
        at_once(crate::route(request))
    }
}

/// Nothing here is waited for but inside of a call.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("it waits inside of a call"),
    }
}

/// The status of the reply.
pub(crate) async fn ask(url: &str) -> Result<u16, String> {
    match rest_get(url, None) {
        Ok(reply) => Ok(reply.status),
        Err(error) => Err(error.to_string()),
    }
}

/// Does what is another thing here than with WASI 0.3. The result is for an attribute.
pub(crate) async fn special(word: &str, rest: &str) -> Option<String> {
    let wait = match word.ends_with("-by-polling") {
        true => wait_by_polling,
        false => transfers::wait,
    };
    match word {
        "race" | "race-by-polling" => Some(race(rest, wait)),
        "first" | "first-by-polling" => Some(first(rest, wait)),
        "write" => {
            let written = get_stderr().blocking_write_and_flush(rest.as_bytes());
            Some(format!("{written:?}"))
        }
        _ => None,
    }
}

/// Asks, and does not wait for the answer.
pub(crate) async fn forget(url: &str) {
    drop(transfers::start_get(url, None));
}

/// The same, and keeps what it might wait for.
pub(crate) async fn keep(url: &str) {
    std::mem::forget(transfers::start_get(url, None));
}

pub(crate) fn clocks() -> String {
    format!("{:?} {}", wall_clock::now(), monotonic_clock::now())
}

pub(crate) fn read_clock() -> u64 {
    monotonic_clock::now()
}

pub(crate) fn random() -> String {
    format!(
        "{} {:?} {} {:?}",
        random::get_random_u64(),
        random::get_random_bytes(3),
        insecure::get_insecure_random_u64(),
        insecure_seed::insecure_seed(),
    )
}

/// Waits until some of the transfers are ready: their places.
type Wait = fn(&[&Transfer]) -> Vec<u32>;

fn wait_by_polling(transfers: &[&Transfer]) -> Vec<u32> {
    let pollables: Vec<_> = transfers.iter().map(|it| subscribe(it)).collect();
    poll(&pollables.iter().collect::<Vec<_>>())
}

/// Asks all of them at a time. The result is the order in which they answered, with what
/// they said.
fn race(urls: &str, wait: Wait) -> String {
    let mut running = start(urls);
    let mut order = String::new();
    while !running.is_empty() {
        let transfers: Vec<_> = running.iter().map(|(_, it)| it).collect();
        // From behind, so that the places stay those of the rest.
        for place in wait(&transfers).into_iter().rev() {
            let (url, transfer) = running.remove(place as usize);
            order += &told(url, transfer);
        }
    }
    order
}

/// Asks all of them at a time. The result is who answered first, with what he said.
fn first(urls: &str, wait: Wait) -> String {
    let mut running = start(urls);
    let transfers: Vec<_> = running.iter().map(|(_, it)| it).collect();
    let place = wait(&transfers)[0];
    let (url, transfer) = running.remove(place as usize);
    told(url, transfer)
}

fn told(url: &str, transfer: Transfer) -> String {
    match Transfer::finish(transfer) {
        Ok(reply) => format!("{url}: {} ", reply.status),
        Err(error) => format!("{url}: {error} "),
    }
}

fn start(urls: &str) -> Vec<(&str, Transfer)> {
    let start = |url| (url, transfers::start_get(url, None));
    urls.split(' ').map(start).collect()
}
