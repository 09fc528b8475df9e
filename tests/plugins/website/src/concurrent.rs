//! The website for WASI 0.3.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package tests:website;
            world website {
                import rest:client/rest@0.1.0;
                import rest:client-async/rest@0.1.0;
                import wasi:http/client@0.3.0;
                export wasi:http/handler@0.3.0;
            }
        ",
        path: "../../../wit/async",
        world: "tests:website/website",
        generate_all,
    });
}

use bindings::{
    exports::wasi::http0_3_0::handler::Guest,
    rest::{client, client_async::rest::rest_get},
    wasi::http0_3_0::{
        client as http_client,
        types::{ErrorCode, Fields, Method, Request, Response, Scheme},
    },
    wit_future, wit_stream,
};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use wit_bindgen::{StreamWriter, spawn_local};

struct Website;
bindings::export!(Website with_types_in bindings);

/// Requests that this instance was asked for.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// Bytes that are written at a time.
const PIECE: usize = 4096;

impl Guest for Website {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let asked = ASKED.fetch_add(1, Relaxed) + 1;
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        Ok(match path {
            "/hello" => answer(200, "hello"),
            "/asked" => answer(200, &asked.to_string()),
            "/authority" => answer(200, &request.get_authority().unwrap_or_default()),
            "/echo" => echo(request),
            "/ask" => match rest_get(query.into(), None).await {
                Ok(reply) => answer(200, &format!("{} {}", reply.status, query)),
                Err(error) => answer(502, &error.to_string()),
            },
            "/ask-in-0.2" => match client::rest::rest_get(query, None) {
                Ok(reply) => answer(200, &format!("{} {}", reply.status, query)),
                Err(error) => answer(502, &error.to_string()),
            },
            "/go-around" => answer(200, &go_around(query).await),
            "/trap" => panic!("as it was told"),
            "/spin" => spin(),
            // It can't return without an answer.
            "/nothing" | "/error" => return Err(ErrorCode::InternalError(None)),
            "/half" => half(100, || {}),
            "/half-then-trap" => half(100, || panic!("as it was told")),
            "/much" => half(1 << 20, || {}),
            "/much-then-trap" => half(1 << 20, || panic!("as it was told")),
            "/half-then-spin" => half(100, || spin()),
            "/too-short" => written(announcing(100), async |mut to| {
                to.write_all(b"short".into()).await;
            }),
            "/endless" => half(1 << 30, || {}),
            "/announced" => announced(query),
            "/announced-only" => {
                let (_, trailers) = wit_future::new(|| Ok(None));
                Response::new(announcing(100), None, trailers).0
            }
            "/fields" => make_fields(),
            "/long-texts" => answer(200, long_texts()),
            "/say-much" => say_much(request),
            _ => answer(404, "there is no such page"),
        })
    }
}

fn answer(status: u16, text: &str) -> Response {
    let text = text.as_bytes().to_vec();
    let response = written(Fields::new(), async |mut to| {
        to.write_all(text).await;
    });
    response.set_status_code(status).expect("a status");
    response
}

/// A response with a body that `write` writes behind it.
fn written(fields: Fields, write: impl AsyncFnOnce(StreamWriter<u8>) + 'static) -> Response {
    let (to, contents) = wit_stream::new();
    let (_, trailers) = wit_future::new(|| Ok(None));
    spawn_local(async move { write(to).await });
    Response::new(fields, Some(contents), trailers).0
}

fn announcing(length: usize) -> Fields {
    let field = ("content-length".to_owned(), length.to_string().into_bytes());
    Fields::from_list(&[field]).expect("fields")
}

/// Hands on what it reads, without a look at it.
fn echo(request: Request) -> Response {
    let (_, accepted) = wit_future::new(|| Ok(()));
    let (contents, trailers) = Request::consume_body(request, accepted);
    Response::new(Fields::new(), Some(contents), trailers).0
}

/// Asks with `wasi:http`.
async fn go_around(authority: &str) -> String {
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _) = Request::new(Fields::new(), None, trailers, None);
    request.set_scheme(Some(&Scheme::Http)).expect("a scheme");
    request.set_authority(Some(authority)).expect("a host");
    request.set_path_with_query(Some("/")).expect("a path");
    let outcome = http_client::send(request).await;
    format!("{:?}", outcome.map(|it| it.get_status_code()))
}

/// Writes so many bytes of a body that is longer, and does something then.
fn half(bytes: usize, then: impl FnOnce() + 'static) -> Response {
    written(Fields::new(), async move |mut to| {
        for begin in (0..bytes).step_by(PIECE) {
            let piece = vec![b'x'; PIECE.min(bytes - begin)];
            if !to.write_all(piece).await.is_empty() {
                // Nobody reads it.
                return;
            }
        }
        then();
        // Nobody finishes it.
        std::mem::forget(to);
    })
}

/// Announces so many bytes, writes them, and asks a question when they are written.
fn announced(query: &str) -> Response {
    let (length, url) = query.split_once('&').unwrap_or((query, ""));
    let (length, url) = (length.parse().expect("a number"), url.to_owned());
    written(announcing(length), async move |mut to| {
        to.write_all(vec![b'x'; length]).await;
        drop(to);
        if !url.is_empty() {
            rest_get(url, None).await.expect("a reply");
        }
    })
}

/// Makes fields until it gets no more.
fn make_fields() -> ! {
    let mut all = Vec::new();
    loop {
        let fields = Fields::new();
        while fields.append("x", &[b'x'; 1000]).is_ok() {}
        all.push(fields);
    }
}

/// Gives a request texts that are longer than any that is sent.
fn long_texts() -> &'static str {
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _) = Request::new(Fields::new(), None, trailers, None);
    let text = "a".repeat(1 << 20);
    let method = request.set_method(&Method::Other(text.clone()));
    let authority = request.set_authority(Some(&text));
    match (method, authority) {
        (Err(()), Err(())) => "refused",
        _ => "taken",
    }
}

/// Says 8 MiB of the request, to whoever asks how the answer was sent, which nobody does.
fn say_much(request: Request) -> Response {
    let (said, end) = wit_future::new(|| Ok(()));
    Request::consume_body(request, end);
    spawn_local(async {
        let text = Some("x".repeat(8 << 20));
        let _ = said.write(Err(ErrorCode::InternalError(text))).await;
    });
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, sent) = Response::new(Fields::new(), None, trailers);
    std::mem::forget(sent);
    response
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}
