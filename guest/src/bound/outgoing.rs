//! A request, in the types of `wasi:http`.

use super::{
    OutgoingRequest,
    stop::{Stop, host_refused},
    types::{self, Fields, HeaderError, Method, RequestOptions},
};
use crate::{
    config::Deadlines, duration::nanoseconds, error::RestError, request::Request, url::Scheme,
};

/// The header fields of `request`.
pub(super) fn fields(request: &Request) -> Result<Fields, Stop> {
    let made = Fields::from_list(&request.headers).map_err(|error| {
        RestError::InvalidHeader(
            match error {
                HeaderError::Forbidden => "the host forbids one of the header fields",
                HeaderError::InvalidSyntax => "the host can't read one of the header fields",
                _ => "the host does not take these header fields",
            }
            .into(),
        )
    });
    Ok(made?)
}

/// Has `outgoing` go where `request` goes, by its method.
pub(super) fn address(outgoing: &OutgoingRequest, request: &Request) -> Result<(), Stop> {
    let scheme = match request.target.scheme {
        Scheme::Http => types::Scheme::Http,
        Scheme::Https => types::Scheme::Https,
    };
    // A new request is a GET.
    if request.method != "GET" {
        outgoing
            .set_method(&method(&request.method))
            .map_err(|()| host_refused("the method"))?;
    }
    outgoing
        .set_scheme(Some(&scheme))
        .map_err(|()| host_refused("the scheme"))?;
    outgoing
        .set_authority(Some(&request.target.authority))
        .map_err(|()| host_refused("the host of the URL"))?;
    outgoing
        .set_path_with_query(Some(&request.target.path_and_query))
        .map_err(|()| host_refused("the path of the URL"))
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.to_owned()),
    }
}

/// The deadlines for the host. `None` where the host enforces all of them by
/// itself.
///
/// A caller that polls a transfer does not wait for the component's timer. So
/// the host gets transfer-timeout as the timeout for the first byte too, and
/// wakes the caller when it passes. While a body is read, the timer counts.
///
/// A host may know no timeouts, and say so. Then transfer-timeout bounds connecting,
/// too.
pub(super) fn options(deadlines: Deadlines) -> Option<RequestOptions> {
    if deadlines == Deadlines::NONE {
        return None;
    }
    let options = RequestOptions::new();
    let _ = options.set_connect_timeout(deadlines.connection.map(nanoseconds));
    let _ = options.set_first_byte_timeout(deadlines.transfer.map(nanoseconds));
    Some(options)
}
