//! How a server is asked: in one form, which is never guessed.

use super::{
    api, forward_auth::ForwardAuth, handler, listener::Peer, pool::Pool, reply::Body,
    request_body::RequestBody, service::Service,
};
use crate::{
    args::{Form, Serve},
    exit::{Exit, Problem},
};
use http::{Request, Response};

/// The form, as the operator has set it up.
pub(super) enum Asked {
    Api {
        name: String,
    },
    ForwardAuth(Box<ForwardAuth>),
    /// Nobody asks: the plugin answers.
    Handler,
}

impl Asked {
    /// # Errors
    ///
    /// The arguments say what this form has no use for.
    pub(super) fn new(serve: &Serve, form: Form) -> Result<Self, Problem> {
        let usage = |what: String| Problem::new(Exit::Usage, what);
        Ok(match form {
            Form::Json => {
                refuse_flags_of_forward_auth(serve, "json").map_err(usage)?;
                let name = serve.decider.name();
                // RFC 3986, section 2.3: what a client never encodes.
                let is_plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
                if ["", ".", ".."].contains(&&*name) || !name.bytes().all(is_plain) {
                    return Err(usage(format!(
                        "the plugin's name {name:?} can't stand in the path /v1/route/NAME: \
                         give it a name of letters, digits and - with --name"
                    )));
                }
                Self::Api { name }
            }
            Form::Http => {
                refuse_flags_of_forward_auth(serve, "http").map_err(usage)?;
                Self::Handler
            }
            _ => Self::ForwardAuth(Box::new(ForwardAuth::new(serve, form).map_err(usage)?)),
        })
    }

    /// Answers `peer`, who is trusted.
    pub(super) async fn reply(
        &self,
        service: &Service,
        peer: Peer,
        request: Request<RequestBody>,
    ) -> Response<Body> {
        match self {
            Self::Api { name } => api::reply(service, name, request).await,
            Self::ForwardAuth(form) => form.reply(service, request).await,
            Self::Handler => match service.pool() {
                Pool::Handler(pool) => handler::reply(service, &pool, peer, request).await,
                Pool::Router(_) => unreachable!("the form has been http from the beginning"),
            },
        }
    }
}

/// # Errors
///
/// A flag is given that has no effect with this `form`.
fn refuse_flags_of_forward_auth(serve: &Serve, form: &str) -> Result<(), String> {
    let flags = [
        ("--carry", !serve.carry.is_empty()),
        ("--attribute", !serve.attributes.is_empty()),
        ("--path-prefix", !serve.path_prefix.is_empty()),
        ("--trusted-proxies", !serve.trusted_proxies.is_empty()),
    ];
    match flags.iter().find(|(_, is_set)| *is_set) {
        Some((flag, _)) => Err(format!("{flag} has no effect with --form {form}")),
        None => Ok(()),
    }
}
