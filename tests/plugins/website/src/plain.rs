//! The website for WASI 0.2.

wit_bindgen::generate!({
    inline: "
        package tests:website;
        world website {
            import rest:client/rest@0.1.0;
            import wasi:http/outgoing-handler@0.2.12;
            export wasi:http/incoming-handler@0.2.12;
        }
    ",
    path: "../../../wit",
    world: "tests:website/website",
    generate_all,
});

use exports::wasi::http::incoming_handler::Guest;
use rest::client::rest::rest_get;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use wasi::{
    http::{
        outgoing_handler,
        types::{
            ErrorCode, Fields, IncomingRequest, Method, OutgoingBody, OutgoingRequest,
            OutgoingResponse, ResponseOutparam, Scheme,
        },
    },
    io::streams::StreamError,
};

struct Website;
export!(Website);

/// Requests that this instance was asked for.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// Bytes that are copied at a time.
const PIECE: u64 = 4096;

impl Guest for Website {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let asked = ASKED.fetch_add(1, Relaxed) + 1;
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match path {
            "/hello" => answer(out, 200, "hello"),
            "/asked" => answer(out, 200, &asked.to_string()),
            "/authority" => answer(out, 200, &request.authority().unwrap_or_default()),
            "/echo" => echo(&request, out),
            "/ask" => match rest_get(query, None) {
                Ok(reply) => answer(out, 200, &format!("{} {}", reply.status, query)),
                Err(error) => answer(out, 502, &error.to_string()),
            },
            "/go-around" => answer(out, 200, &go_around(query)),
            "/trap" => panic!("as it was told"),
            "/spin" => spin(),
            "/nothing" => {}
            "/error" => ResponseOutparam::set(out, Err(ErrorCode::InternalError(None))),
            "/half" => half(out, 100, || {}),
            "/half-then-trap" => half(out, 100, || panic!("as it was told")),
            "/much" => half(out, 1 << 20, || {}),
            "/much-then-trap" => half(out, 1 << 20, || panic!("as it was told")),
            "/half-then-spin" => half(out, 100, || spin()),
            "/too-short" => too_short(out),
            "/endless" => half(out, 1 << 30, || {}),
            "/announced" => announced(out, query),
            "/announced-only" => announced_only(out),
            "/long-texts" => answer(out, 200, long_texts()),
            "/fields" => answer(out, 200, &make_fields()),
            _ => answer(out, 404, "there is no such page"),
        }
    }
}

fn answer(out: ResponseOutparam, status: u16, text: &str) {
    let body = begin(out, status, Fields::new());
    write(&body, text.as_bytes());
    OutgoingBody::finish(body, None).expect("it is all there");
}

fn begin(out: ResponseOutparam, status: u16, fields: Fields) -> OutgoingBody {
    let response = OutgoingResponse::new(fields);
    response.set_status_code(status).expect("a status");
    let body = response.body().expect("its first");
    ResponseOutparam::set(out, Ok(response));
    body
}

fn write(body: &OutgoingBody, bytes: &[u8]) {
    let stream = body.write().expect("its first");
    for piece in bytes.chunks(PIECE as usize) {
        stream.blocking_write_and_flush(piece).expect("it is read");
    }
}

/// Writes what it reads, as it comes.
fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let incoming = request.consume().expect("its first");
    let read = incoming.stream().expect("its first");
    let body = begin(out, 200, Fields::new());
    let written = body.write().expect("its first");
    loop {
        match read.blocking_read(PIECE) {
            Ok(bytes) => written
                .blocking_write_and_flush(&bytes)
                .expect("it is read"),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => panic!("{}", error.to_debug_string()),
        }
    }
    drop(written);
    OutgoingBody::finish(body, None).expect("it is all there");
}

/// Asks with `wasi:http`.
fn go_around(authority: &str) -> String {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).expect("a scheme");
    request.set_authority(Some(authority)).expect("a host");
    request.set_path_with_query(Some("/")).expect("a path");
    match outgoing_handler::handle(request, None) {
        Err(error) => format!("{error:?}"),
        Ok(pending) => loop {
            pending.subscribe().block();
            if let Some(outcome) = pending.get() {
                break format!("{:?}", outcome.expect("its first").map(|it| it.status()));
            }
        },
    }
}

/// Writes so many bytes of a body that is longer, and does something then.
fn half(out: ResponseOutparam, bytes: usize, then: impl FnOnce()) {
    let body = begin(out, 200, Fields::new());
    let stream = body.write().expect("its first");
    for begin in (0..bytes).step_by(PIECE as usize) {
        let piece = vec![b'x'; (PIECE as usize).min(bytes - begin)];
        stream.blocking_write_and_flush(&piece).expect("it is read");
    }
    drop(stream);
    then();
    // Nobody finishes it.
    std::mem::forget(body);
}

/// Announces more than it writes.
fn too_short(out: ResponseOutparam) {
    let length = ("content-length".to_owned(), b"100".to_vec());
    let fields = Fields::from_list(&[length]).expect("fields");
    let body = begin(out, 200, fields);
    write(&body, b"short");
    OutgoingBody::finish(body, None).expect_err("it is too short");
}

/// Announces so many bytes, writes them, and asks a question when they are written.
fn announced(out: ResponseOutparam, query: &str) {
    let (length, url) = query.split_once('&').unwrap_or((query, ""));
    let field = ("content-length".to_owned(), length.as_bytes().to_vec());
    let fields = Fields::from_list(&[field]).expect("fields");
    let body = begin(out, 200, fields);
    write(&body, &vec![b'x'; length.parse().expect("a number")]);
    OutgoingBody::finish(body, None).expect("it is all there");
    if !url.is_empty() {
        rest_get(url, None).expect("a reply");
    }
}

/// Announces a body, and never writes one.
fn announced_only(out: ResponseOutparam) {
    let field = ("content-length".to_owned(), b"100".to_vec());
    let fields = Fields::from_list(&[field]).expect("fields");
    ResponseOutparam::set(out, Ok(OutgoingResponse::new(fields)));
}

/// Makes fields until it gets no more.
fn make_fields() -> String {
    let mut all = Vec::new();
    loop {
        let fields = Fields::new();
        while fields.append("x", &[b'x'; 1000]).is_ok() {}
        all.push(fields);
    }
}

/// Gives a request texts that are longer than any that is sent.
fn long_texts() -> &'static str {
    let request = OutgoingRequest::new(Fields::new());
    let text = "a".repeat(1 << 20);
    let method = request.set_method(&Method::Other(text.clone()));
    let authority = request.set_authority(Some(&text));
    match (method, authority) {
        (Err(()), Err(())) => "refused",
        _ => "taken",
    }
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}
