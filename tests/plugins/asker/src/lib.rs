//! For WASI 0.3, what `tests/support/plugin/asker.wit` and `hostile.wit` are for 0.2: a plugin
//! that asks what it is told to ask. Outcomes are theirs. What is started goes on while no
//! function of it runs.

#![allow(missing_docs, unsafe_code, reason = "generated")]

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package tests:asker;
            world asker {
                use rest:client/types@0.1.0.{request-options};
                import rest:client-async/rest@0.1.0;
                import rest:client-async/open-replies@0.1.0;

                export request: async func(method: string, url: string, body: option<list<u8>>,
                    content-type: option<string>, options: option<request-options>) -> s32;
                export get: async func(url: string) -> s32;
                export get-long: async func(url: string, length: u32) -> s32;
                export complaint: async func(url: string) -> string;
                export open: async func(url: string) -> s32;
                export open-and-keep: async func(url: string) -> s32;
                export escaped-length: async func(text: string) -> u32;
                export escape-zeroes: async func(length: u32) -> u32;
                export escape: async func(text: string) -> string;
                export unescape: async func(text: string) -> result<string, string>;
                export start-get: async func(url: string) -> u32;
                export start-post: async func(url: string, length: u32) -> u32;
                export ready: async func(transfer: u32) -> bool;
                export block: async func(transfer: u32);
                export finish: async func(transfer: u32) -> s32;
                export discard: async func(transfer: u32);
            }
        ",
        path: "../../../wit/async",
        world: "tests:asker/asker",
        generate_all,
    });
}

use bindings::{
    Guest,
    rest::{
        client::types::{RequestOptions, Response, RestError},
        client_async::{
            open_replies::{OpenReply, rest_open},
            rest::{rest_escape, rest_get, rest_post, rest_request, rest_unescape},
        },
    },
};
use futures_util::{FutureExt as _, future::RemoteHandle};
use std::{cell::RefCell, mem};
use wit_bindgen::{spawn_local, yield_async};

struct Asker;
bindings::export!(Asker with_types_in bindings);

/// What was started. It runs in the task that has started it: in wasmtime 48 a plugin traps
/// that has one task wait for what another one waits for, if it ends in that moment.
enum Transfer {
    Running(RemoteHandle<i32>),
    Ended(i32),
    /// Somebody has it, or had.
    Taken,
}

thread_local! {
    static TRANSFERS: RefCell<Vec<Transfer>> = const { RefCell::new(Vec::new()) };
    static OPEN: RefCell<Vec<OpenReply>> = const { RefCell::new(Vec::new()) };
}

impl Guest for Asker {
    async fn request(
        method: String,
        url: String,
        body: Option<Vec<u8>>,
        content_type: Option<String>,
        options: Option<RequestOptions>,
    ) -> i32 {
        outcome(&rest_request(method, url, body, content_type, options).await)
    }

    async fn get(url: String) -> i32 {
        get(url).await
    }

    async fn get_long(url: String, length: u32) -> i32 {
        get(url + &"a".repeat(length as usize)).await
    }

    async fn complaint(url: String) -> String {
        match rest_get(url, None).await {
            Ok(_) => String::new(),
            Err(error) => message(error),
        }
    }

    async fn open(url: String) -> i32 {
        match open(url).await {
            Ok(reply) => reply.status.into(),
            Err(error) => -1 - case(&error),
        }
    }

    async fn open_and_keep(url: String) -> i32 {
        match open(url).await {
            Ok(reply) => {
                let status = reply.status.into();
                OPEN.with_borrow_mut(|open| open.push(reply));
                status
            }
            Err(error) => -1 - case(&error),
        }
    }

    async fn escaped_length(text: String) -> u32 {
        count(rest_escape(&text).len())
    }

    async fn escape_zeroes(length: u32) -> u32 {
        count(rest_escape(&"\0".repeat(length as usize)).len())
    }

    async fn escape(text: String) -> String {
        rest_escape(&text)
    }

    async fn unescape(text: String) -> Result<String, String> {
        rest_unescape(&text)
    }

    async fn start_get(url: String) -> u32 {
        start(get(url))
    }

    async fn start_post(url: String, length: u32) -> u32 {
        start(async move {
            let body = vec![b'x'; length as usize];
            outcome(&rest_post(url, body, None, None).await)
        })
    }

    async fn ready(transfer: u32) -> bool {
        // The task that has it goes on when one of its functions runs.
        yield_async().await;
        let (now, is_ready) = match take(transfer) {
            Transfer::Running(mut running) => match (&mut running).now_or_never() {
                Some(ended) => (Transfer::Ended(ended), true),
                None => (Transfer::Running(running), false),
            },
            ended => (ended, true),
        };
        put_back(transfer, now);
        is_ready
    }

    async fn block(transfer: u32) {
        let ended = end(take(transfer)).await;
        put_back(transfer, Transfer::Ended(ended));
    }

    async fn finish(transfer: u32) -> i32 {
        end(take(transfer)).await
    }

    async fn discard(transfer: u32) {
        drop(take(transfer));
        // The task that has it has to hear of it.
        yield_async().await;
    }
}

async fn get(url: String) -> i32 {
    outcome(&rest_get(url, None).await)
}

async fn open(url: String) -> Result<OpenReply, RestError> {
    rest_open("GET".into(), url, None, None, None).await
}

fn start(transfer: impl Future<Output = i32> + 'static) -> u32 {
    let (running, handle) = transfer.remote_handle();
    spawn_local(running);
    TRANSFERS.with_borrow_mut(|transfers| {
        transfers.push(Transfer::Running(handle));
        count(transfers.len()) - 1
    })
}

async fn end(transfer: Transfer) -> i32 {
    match transfer {
        Transfer::Running(running) => running.await,
        Transfer::Ended(ended) => ended,
        Transfer::Taken => panic!("somebody had it"),
    }
}

fn take(transfer: u32) -> Transfer {
    TRANSFERS.with_borrow_mut(|it| mem::replace(&mut it[transfer as usize], Transfer::Taken))
}

fn put_back(place: u32, transfer: Transfer) {
    TRANSFERS.with_borrow_mut(|it| it[place as usize] = transfer);
}

fn count(items: usize) -> u32 {
    u32::try_from(items).expect("there is no room for more")
}

/// The status, or below 0 one less than the negated case of the error.
fn outcome(result: &Result<Response, RestError>) -> i32 {
    match result {
        Ok(reply) => reply.status.into(),
        Err(error) => -1 - case(error),
    }
}

fn case(error: &RestError) -> i32 {
    match error {
        RestError::ConnectionRefused(_) => 0,
        RestError::ConnectionTimeout(_) => 1,
        RestError::TransferTimeout(_) => 2,
        RestError::AlreadyConnecting(_) => 3,
        RestError::TooLarge(_) => 4,
        RestError::Dns(_) => 5,
        RestError::Tls(_) => 6,
        RestError::Denied(_) => 7,
        RestError::Busy(_) => 8,
        RestError::InvalidUrl(_) => 9,
        RestError::InvalidHeader(_) => 10,
        RestError::Protocol(_) => 11,
        RestError::Internal(_) => 12,
    }
}

fn message(error: RestError) -> String {
    match error {
        RestError::TransferTimeout(_) => String::new(),
        RestError::ConnectionRefused(it)
        | RestError::ConnectionTimeout(it)
        | RestError::AlreadyConnecting(it)
        | RestError::TooLarge(it)
        | RestError::Dns(it)
        | RestError::Tls(it)
        | RestError::Denied(it)
        | RestError::Busy(it)
        | RestError::InvalidUrl(it)
        | RestError::InvalidHeader(it)
        | RestError::Protocol(it)
        | RestError::Internal(it) => it,
    }
}
