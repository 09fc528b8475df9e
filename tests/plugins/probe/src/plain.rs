//! The probe for WASI 0.2: many calls at a time are transfers.

mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "probe", generate_all });
}

pub(crate) use bindings::rest::client::{
    configuration::{AtCap, Config, configure},
    types::{RequestOptions, Response, RestError},
};

use bindings::{
    exports::wasi::cli::run::Guest,
    rest::client::{
        rest::{rest_get, rest_post},
        transfers::{self, Transfer, start_get},
    },
    wasi::cli::environment::get_arguments,
};
use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

struct Probe;
bindings::export!(Probe with_types_in bindings);

impl Guest for Probe {
    fn run() -> Result<(), ()> {
        let mut cx = Context::from_waker(Waker::noop());
        match pin!(crate::run(get_arguments())).poll(&mut cx) {
            Poll::Ready(ended) => ended,
            Poll::Pending => unreachable!("it waits inside of calls alone"),
        }
    }
}

pub(crate) async fn get(url: &str, options: Option<RequestOptions>) -> Result<Response, RestError> {
    rest_get(url, options.as_ref())
}

pub(crate) async fn post(url: &str, body: Vec<u8>) -> Result<Response, RestError> {
    rest_post(url, &body, None, None)
}

/// The same as [`get`] by a transfer.
pub(crate) async fn wait(url: &str, options: RequestOptions) -> Result<Response, RestError> {
    let transfer = start_get(url, Some(&options));
    transfers::wait(&[&transfer]);
    Transfer::finish(transfer)
}

/// The place of whoever answers first.
pub(crate) async fn first(urls: &[&str]) -> usize {
    let running: Vec<_> = urls.iter().map(|url| start_get(url, None)).collect();
    transfers::wait(&running.iter().collect::<Vec<_>>())[0] as usize
}

/// So many at a time.
pub(crate) async fn many(count: u64, url: &str) -> Vec<Result<Response, RestError>> {
    let mut running: Vec<_> = (0..count).map(|_| start_get(url, None)).collect();
    let mut ended = Vec::new();
    while !running.is_empty() {
        let ready = transfers::wait(&running.iter().collect::<Vec<_>>());
        for place in ready.into_iter().rev() {
            ended.push(Transfer::finish(running.swap_remove(place as usize)));
        }
    }
    ended
}

/// Replies are not open here.
pub(crate) async fn open(_: &str, _: RequestOptions) -> Option<String> {
    None
}
