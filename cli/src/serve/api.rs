//! The JSON API: `POST /v1/route/NAME` with a request as JSON, or as the SIP message that
//! it is. A decision is always 200; anything else is a failure of the asking.

use super::{
    reply::{Body, body, json},
    request_body::RequestBody,
    service::Service,
};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE},
};
use rest_client_host::routing::{
    Endpoint, SipSource, Transport, read_request, read_sip, write_decision, write_failed,
};

/// Bytes of a request.
const LONGEST: usize = 1 << 20;

/// Where the packet of a SIP message came from:
/// `address=192.0.2.7;port=5060;transport=udp`.
const SOURCE: &str = "routing-source";

/// Answers a request to the API.
pub(super) async fn reply(
    service: &Service,
    name: &str,
    request: Request<RequestBody>,
) -> Response<Body> {
    let (head, incoming) = request.into_parts();
    let path = head.uri.path();
    if path.strip_prefix("/v1/route/") != Some(name) {
        let what = format!("there is no {path}; decisions are made at /v1/route/{name}");
        return problem(StatusCode::NOT_FOUND, &what);
    }
    if head.method != Method::POST {
        let mut reply = problem(
            StatusCode::METHOD_NOT_ALLOWED,
            "a request is sent with POST",
        );
        let post = HeaderValue::from_static("POST");
        reply.headers_mut().insert(ALLOW, post);
        return reply;
    }
    if head.uri.query().is_some_and(|it| !it.is_empty()) {
        return problem(
            StatusCode::BAD_REQUEST,
            "there are no parameters in the query",
        );
    }
    let bytes = match body(incoming, LONGEST).await {
        Ok(bytes) => bytes,
        Err((status, what)) => return problem(status, &what),
    };
    let read = match media_type(&head.headers) {
        "application/json" => read_request(&bytes).map_err(|error| error.to_string()),
        "message/sip" => sip_source(&head.headers)
            .and_then(|source| read_sip(&bytes, source).map_err(|error| error.to_string())),
        _ => {
            let what = "its content-type is application/json or message/sip";
            return problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, what);
        }
    };
    let request = match read {
        Ok(request) => request,
        Err(what) => return problem(StatusCode::BAD_REQUEST, &what),
    };
    let protocol = request.protocol;
    json(
        StatusCode::OK,
        // Whoever asks by JSON takes any decision.
        match service.decide(request, |_| Ok(())).await {
            Ok((decision, ())) => write_decision(&decision),
            Err(error) => {
                let decision = service.on_failure(protocol);
                write_failed(&decision, error.kind().as_str())
            }
        },
    )
}

fn problem(status: StatusCode, what: &str) -> Response<Body> {
    json(status, serde_json::json!({ "error": what }).to_string())
}

/// Without its parameters.
fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    value
        .and_then(|it| it.split(';').next())
        .unwrap_or_default()
        .trim()
}

fn sip_source(headers: &HeaderMap) -> Result<SipSource, String> {
    let mut source = SipSource::default();
    let mut fields = headers.get_all(SOURCE).into_iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return match headers.contains_key(SOURCE) {
            true => Err(format!("{SOURCE} is there twice")),
            false => Ok(source),
        };
    };
    let wrong = || format!("{SOURCE} is address=…;port=…;transport=…, of which address is needed");
    let (mut address, mut port) = (None, None);
    for pair in field.to_str().map_err(|_| wrong())?.split(';') {
        match pair.trim().split_once('=').ok_or_else(wrong)? {
            ("address", value) => address = Some(value.to_owned()),
            ("port", value) => port = Some(value.parse().map_err(|_| wrong())?),
            ("transport", value) => source.transport = Some(transport(value).ok_or_else(wrong)?),
            _ => return Err(wrong()),
        }
    }
    let address = address.ok_or_else(wrong)?;
    source.source = Some(Endpoint { address, port });
    Ok(source)
}

/// As a proxy names it, in any case.
fn transport(name: &str) -> Option<Transport> {
    Some(match &*name.to_ascii_lowercase() {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        "tls" => Transport::Tls,
        "sctp" => Transport::Sctp,
        "tls-sctp" => Transport::TlsSctp,
        "ws" => Transport::Ws,
        "wss" => Transport::Wss,
        _ => return None,
    })
}
