//! One request and its outcome: `get`, `post`, `put` and `request`.

use crate::{
    args::Call,
    credentials::authorization,
    destination::Destination,
    exit::{Exit, Problem},
    input, output,
};
use rest_client_host::{Host, Response};

/// Sends the request and writes what came of it.
pub(crate) async fn run(call: Call) -> Result<Exit, Problem> {
    let common = call.common;
    let host = Host::of(&common.sources.layers()?)?;
    let instance = host.instance();
    input::check_stdin(&common.fields.headers, call.data.as_deref())?;

    let mut request = instance
        .rest_request(&call.method, &call.url)
        .max_redirects(common.max_redirects);
    if let Some(data) = &call.data {
        request = request.body(input::data(data)?);
    }
    if let Some(content_type) = call.content_type {
        request = request.content_type(content_type);
    }
    let headers = input::headers(&common.fields.headers)?;
    if let Some(basic) = authorization(&common.fields, &headers, &call.url)? {
        request = request.header("authorization", basic);
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    // Where the reply goes is made sure of first: a reply that can't be kept
    // may not be asked for twice.
    let destination = Destination::open(common.output.as_deref())?;

    let outcome = request.await;
    if common.json {
        destination.write(&output::json(&outcome))?;
        return match &outcome {
            Ok(reply) if common.fail && is_failure(reply) => Ok(Exit::HttpStatus),
            Ok(_) => Ok(Exit::Success),
            Err(error) => Ok(error.into()),
        };
    }
    match &outcome {
        Ok(reply) if common.fail && is_failure(reply) => Err(Problem::new(
            Exit::HttpStatus,
            format!(
                "the service answered with status {}",
                reply.status().as_u16()
            ),
        )),
        Ok(reply) => {
            let head = common.include.then(|| output::head(reply));
            destination.write(&[&head.unwrap_or_default()[..], reply.body()].concat())?;
            Ok(Exit::Success)
        }
        Err(error) => {
            // What had arrived is shown, as curl does; a file is complete or
            // is not there.
            if let (Some(partial), Destination::Stdout) = (error.partial(), &destination) {
                destination.write(partial.body())?;
            }
            Err(error.into())
        }
    }
}

fn is_failure(reply: &Response) -> bool {
    reply.status().is_client_error() || reply.status().is_server_error()
}
