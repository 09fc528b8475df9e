//! The puppet for WASI 0.3: questions are asynchronous functions.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package tests:puppet;
            world puppet {
                include routing:contract-async/routing-plugin-async@0.1.0;
                import rest:client-async/open-replies@0.1.0;
                import wasi:cli/environment@0.3.0;
                import wasi:cli/stderr@0.3.0;
                import wasi:clocks/monotonic-clock@0.3.0;
                import wasi:clocks/system-clock@0.3.0;
                import wasi:random/insecure@0.3.0;
                import wasi:random/insecure-seed@0.3.0;
                import wasi:random/random@0.3.0;
                export wasi:cli/run@0.3.0;
            }
        ",
        path: "../../../wit/async/routing",
        world: "tests:puppet/puppet",
        generate_all,
    });
}

pub(crate) use bindings::{
    routing::contract::decisions::{Answer, Changes, Decision, Destination, Redirect, Request},
    wasi::config::store,
};

use bindings::{
    exports::{routing::contract_async::router::Guest, wasi::cli0_3_0::run},
    rest::client_async::{open_replies::rest_open, rest::rest_get},
    wasi::{
        cli0_3_0::{environment::get_arguments, stderr::write_via_stream},
        clocks0_3_0::{monotonic_clock, system_clock},
        random0_3_0::{insecure, insecure_seed, random},
    },
    wit_stream,
};
use futures_util::{
    StreamExt as _,
    future::{Either, join_all, select, select_all},
    stream::FuturesUnordered,
};
use std::{collections::BTreeMap, pin::pin};
use wit_bindgen::{StreamResult, backpressure_inc, spawn_local, yield_async};

struct Puppet;
bindings::export!(Puppet with_types_in bindings);

impl Guest for Puppet {
    async fn check() -> Result<(), String> {
        crate::check().await
    }

    async fn route(request: Request) -> Result<Decision, String> {
        crate::route(request).await
    }
}

/// As a command, it asks all of its arguments at a time, and fails unless each answers with
/// 200.
impl run::Guest for Puppet {
    async fn run() -> Result<(), ()> {
        let urls: Vec<_> = get_arguments().into_iter().skip(1).collect();
        let answers = join_all(urls.iter().map(|url| ask(url))).await;
        match answers.iter().all(|it| *it == Ok(200)) {
            true => Ok(()),
            false => Err(()),
        }
    }
}

/// The status of the reply.
pub(crate) async fn ask(url: &str) -> Result<u16, String> {
    match rest_get(url.into(), None).await {
        Ok(reply) => Ok(reply.status),
        Err(error) => Err(error.to_string()),
    }
}

/// The same, and leaves it to nobody.
async fn abandon(url: &str) {
    let mut asked = Box::pin(rest_get(url.into(), None));
    let _ = futures_util::poll!(&mut asked);
    std::mem::forget(asked);
}

/// Does what is another thing here than with WASI 0.2. The result is for an attribute.
pub(crate) async fn special(word: &str, rest: &str) -> Option<String> {
    Some(match word {
        // Nothing is polled here.
        "race" | "race-by-polling" => race(rest).await,
        "first" | "first-by-polling" => {
            let asked = rest.split(' ').map(|url| Box::pin(told(url)));
            select_all(asked).await.0
        }
        "within" => within(rest).await,
        "many" => many(rest).await,
        "open" => open(rest).await,
        "abandon" => {
            abandon(rest).await;
            "abandoned".into()
        }
        "open-many" => open_many(rest).await,
        "wait" => {
            monotonic_clock::wait_for(number(rest) * 1_000_000).await;
            "waited".into()
        }
        "give-way" => give_way().await,
        "write" => {
            let (mut writer, text) = wit_stream::new();
            let written = write_via_stream(text);
            writer.write_all(rest.into()).await;
            drop(writer);
            format!("{:?}", written.await)
        }
        "let-nobody-in" => {
            backpressure_inc();
            "closed".into()
        }
        "streams" => {
            let streams: Vec<_> = (0..number(rest))
                .map(|_| bindings::wit_stream::new::<u8>())
                .collect();
            streams.len().to_string()
        }
        _ => return None,
    })
}

/// Asks, and does not wait for the answer.
pub(crate) async fn forget(url: &str) {
    let mut asked = pin!(rest_get(url.into(), None));
    // It is asked when it is waited for.
    let _ = futures_util::poll!(&mut asked);
}

/// The same, and goes on to wait behind the decision.
pub(crate) async fn keep(url: &str) {
    let mut asked = Box::pin(rest_get(url.into(), None));
    let _ = futures_util::poll!(&mut asked);
    spawn_local(async {
        let _ = asked.await;
    });
}

pub(crate) fn clocks() -> String {
    format!("{:?} {}", system_clock::now(), monotonic_clock::now())
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
        insecure_seed::get_insecure_seed(),
    )
}

/// Asks all of them at a time. The result is the order in which they answered, with what
/// they said.
async fn race(urls: &str) -> String {
    let mut asked: FuturesUnordered<_> = urls.split(' ').map(told).collect();
    let mut order = String::new();
    while let Some(told) = asked.next().await {
        order += &told;
    }
    order
}

async fn told(url: &str) -> String {
    match ask(url).await {
        Ok(status) => format!("{url}: {status} "),
        Err(error) => format!("{url}: {error} "),
    }
}

/// Asks, and gives up after so many milliseconds.
async fn within(words: &str) -> String {
    let (milliseconds, url) = words.split_once(' ').expect("a time and a URL");
    let time = pin!(monotonic_clock::wait_for(number(milliseconds) * 1_000_000));
    match select(time, pin!(ask(url))).await {
        Either::Left(_) => "given up".into(),
        Either::Right((outcome, _)) => format!("{outcome:?}"),
    }
}

/// Without end.
async fn give_way() -> ! {
    loop {
        yield_async().await;
    }
}

/// Asks so often at a time. The result is how many ended in which way.
async fn many(words: &str) -> String {
    let (count, url) = words.split_once(' ').expect("a number and a URL");
    let mut asked: FuturesUnordered<_> = (0..number(count)).map(|_| ask(url)).collect();
    let mut outcomes = BTreeMap::<_, u32>::new();
    while let Some(outcome) = asked.next().await {
        let outcome = match outcome {
            Ok(status) => status.to_string(),
            Err(error) => error.split('(').next().unwrap_or_default().to_owned(),
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    let told = outcomes
        .iter()
        .map(|(what, times)| format!("{times} x {what}"));
    told.collect::<Vec<_>>().join(", ")
}

/// Reads the body as it arrives.
async fn open(url: &str) -> String {
    match rest_open("GET".into(), url.into(), None, None, None).await {
        Ok(mut reply) => {
            let mut bytes = 0;
            loop {
                let (status, read) = reply.body.read(Vec::with_capacity(1000)).await;
                bytes += read.len();
                if matches!(status, StreamResult::Dropped) {
                    break;
                }
            }
            match reply.end.await {
                Ok(()) => format!("{} {bytes} bytes", reply.status),
                Err(error) => format!("{} {bytes} bytes, {error}", reply.status),
            }
        }
        Err(error) => error.to_string(),
    }
}

/// Opens so many replies, and reads none. The result is how many there were until one was
/// refused.
async fn open_many(words: &str) -> String {
    let (count, url) = words.split_once(' ').expect("a number and a URL");
    let mut open = Vec::new();
    for _ in 0..number(count) {
        match rest_open("GET".into(), url.into(), None, None, None).await {
            Ok(reply) => open.push(reply),
            Err(error) => return format!("{} and then {error}", open.len()),
        }
    }
    open.len().to_string()
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}
