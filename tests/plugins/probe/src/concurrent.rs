//! The probe for WASI 0.3: a call is an asynchronous function.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package tests:probe;
            world probe {
                include rest:client-async/plugin-async@0.1.0;
                import rest:client/configuration@0.1.0;
                import wasi:cli/environment@0.3.0;
                export wasi:cli/run@0.3.0;
            }
        ",
        path: "../../../wit/async",
        world: "tests:probe/probe",
        generate_all,
    });
}

pub(crate) use bindings::rest::client::{
    configuration::{AtCap, Config, configure},
    types::{RequestOptions, Response, RestError},
};

use crate::told;
use bindings::{
    exports::wasi::cli0_3_0::run::Guest,
    rest::client_async::{
        open_replies::rest_open,
        rest::{rest_get, rest_post},
    },
    wasi::cli0_3_0::environment::get_arguments,
};
use futures_util::future::{join_all, select_all};
use wit_bindgen::StreamResult;

struct Probe;
bindings::export!(Probe with_types_in bindings);

impl Guest for Probe {
    async fn run() -> Result<(), ()> {
        crate::run(get_arguments()).await
    }
}

pub(crate) async fn get(url: &str, options: Option<RequestOptions>) -> Result<Response, RestError> {
    rest_get(url.into(), options).await
}

pub(crate) async fn post(url: &str, body: Vec<u8>) -> Result<Response, RestError> {
    rest_post(url.into(), body, None, None).await
}

/// The same as [`get`]: each call is one that is waited for.
pub(crate) async fn wait(url: &str, options: RequestOptions) -> Result<Response, RestError> {
    get(url, Some(options)).await
}

/// The place of whoever answers first.
pub(crate) async fn first(urls: &[&str]) -> usize {
    let calls = urls.iter().map(|url| Box::pin(get(url, None)));
    select_all(calls).await.1
}

/// So many at a time.
pub(crate) async fn many(count: u64, url: &str) -> Vec<Result<Response, RestError>> {
    join_all((0..count).map(|_| get(url, None))).await
}

/// Reads a body as it arrives. The result is what came of it, if this can be done here.
pub(crate) async fn open(url: &str, options: RequestOptions) -> Option<String> {
    let opened = rest_open("GET".into(), url.into(), None, None, Some(options)).await;
    let mut reply = match opened {
        Ok(reply) => reply,
        Err(error) => return Some(told(Err(error))),
    };
    let mut bytes = 0;
    loop {
        let (status, read) = reply.body.read(Vec::with_capacity(4096)).await;
        bytes += read.len();
        if matches!(status, StreamResult::Dropped) {
            break;
        }
    }
    Some(match reply.end.await {
        Ok(()) => format!("{} {bytes} bytes", reply.status),
        Err(error) => format!("{bytes} bytes, {}", crate::case(&error)),
    })
}
