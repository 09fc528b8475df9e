//! A decision as the reply that has a proxy carry it out, or not at all.

use super::{
    super::reply::{Body, empty, whole},
    ForwardAuth,
};
use crate::args::Form;
use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{LOCATION, WWW_AUTHENTICATE},
};
use rest_client_host::routing::{Answer, Changes, Decision, Destination, Redirect};

/// What nginx closes a connection for without a reply.
const NOTHING: &str = "444";

/// A decision that this form has no words for, and why.
#[derive(Debug)]
pub(super) struct Unfit(pub(super) String);

impl ForwardAuth {
    /// The reply by which the proxy carries `decision` out.
    ///
    /// # Errors
    ///
    /// It can't. Nothing of the decision may be left out then.
    pub(super) fn carry_out(&self, decision: &Decision) -> Result<Response<Body>, Unfit> {
        match decision {
            Decision::Continue(changes) => self.pass(changes),
            Decision::Answer(answer) => self.answer(answer),
            Decision::Redirect(redirect) => self.redirect(redirect),
            Decision::Drop(attributes) => {
                let mut reply = empty(StatusCode::FORBIDDEN);
                if self.form == Form::Nginx {
                    set(&mut reply, "routing-code", NOTHING)?;
                }
                if self.form == Form::Nginx {
                    add_attributes(&mut reply, attributes)?;
                }
                Ok(reply)
            }
        }
    }

    fn pass(&self, changes: &Changes) -> Result<Response<Body>, Unfit> {
        let Changes {
            destinations,
            remove_fields,
            set_fields,
            add_fields,
            reply_fields,
            attributes,
        } = changes;
        for (what, is_empty) in [
            ("destinations", destinations.is_empty()),
            ("add-fields", add_fields.is_empty()),
            ("reply-fields", reply_fields.is_empty()),
            (
                "remove-fields",
                remove_fields.is_empty() || self.form == Form::Envoy,
            ),
        ] {
            if !is_empty {
                return Err(Unfit(format!(
                    "forward authentication does not support {what}"
                )));
            }
        }
        let mut reply = empty(StatusCode::OK);
        for (name, value) in set_fields {
            let (name, value) = field(name, value)?;
            if !self.carried.contains(&name) {
                return Err(Unfit(format!(
                    "{name} is not among the fields of --carry, which the proxy copies"
                )));
            }
            if reply.headers_mut().insert(&name, value).is_some() {
                return Err(Unfit(format!("{name} is set to two values")));
            }
        }
        // What the plugin does not set is empty, and never what the client has sent: where a
        // field is missing Envoy lets the client's own pass, and Caddy 2.6 makes one up.
        for name in &self.carried {
            if !reply.headers().contains_key(name) {
                let empty = HeaderValue::from_static("");
                reply.headers_mut().insert(name, empty);
            }
        }
        // Envoy removes after it has set, and the contract before.
        let is_set = |name: &&String| {
            let mut set = set_fields.iter();
            set.any(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        let removed = remove_fields.iter().filter(|name| !is_set(name));
        let names: Vec<&str> = removed.map(String::as_str).collect();
        if !names.is_empty() {
            let names = names.join(",");
            set(&mut reply, "x-envoy-auth-headers-to-remove", &names)?;
        }
        add_attributes(&mut reply, attributes)?;
        Ok(reply)
    }

    fn answer(&self, answer: &Answer) -> Result<Response<Body>, Unfit> {
        let Answer {
            code,
            reason: _,
            fields,
            body,
            attributes,
        } = answer;
        // It would let the request pass.
        if (200..300).contains(code) {
            return Err(Unfit(format!("{code} would admit the request")));
        }
        let mut reply = whole(Bytes::copy_from_slice(body));
        *reply.status_mut() = status(*code)?;
        for (name, value) in fields {
            let (name, value) = field(name, value)?;
            self.check_reply_field(&name)?;
            append(&mut reply, name, value)?;
        }
        self.refuse(reply, attributes)
    }

    fn redirect(&self, redirect: &Redirect) -> Result<Response<Body>, Unfit> {
        let Redirect {
            code,
            destinations,
            fields,
            attributes,
        } = redirect;
        let mut reply = empty(status(code.unwrap_or(302))?);
        for (name, value) in fields {
            let (name, value) = field(name, value)?;
            self.check_reply_field(&name)?;
            append(&mut reply, name, value)?;
        }
        let (_, location) = field("location", first(destinations)?.uri.as_bytes())?;
        reply.headers_mut().insert(LOCATION, location);
        self.refuse(reply, attributes)
    }

    /// Has the proxy give `reply` to the client.
    fn refuse(
        &self,
        reply: Response<Body>,
        attributes: &[(String, String)],
    ) -> Result<Response<Body>, Unfit> {
        let code = reply.status();
        let mut outer = match self.form {
            // It takes over the challenge of a 401, and nothing else of it.
            Form::Nginx if is_bare_challenge(&reply) => reply,
            Form::Nginx => {
                let mut outer = empty(StatusCode::FORBIDDEN);
                set(&mut outer, "routing-code", code.as_str())?;
                if let Some(location) = reply.headers().get(LOCATION) {
                    let location = location.clone();
                    outer.headers_mut().insert("routing-location", location);
                }
                let token = self.answers.keep(reply);
                set(&mut outer, "routing-answer", &token)?;
                outer
            }
            // It takes those for a failure of ours.
            Form::Envoy if code.is_server_error() => {
                let (mut head, body) = reply.into_parts();
                head.status = StatusCode::FORBIDDEN;
                let mut outer = Response::from_parts(head, body);
                set(&mut outer, "routing-code", code.as_str())?;
                outer
            }
            _ => reply,
        };
        // Elsewhere the client would see them.
        if self.form == Form::Nginx {
            add_attributes(&mut outer, attributes)?;
        }
        Ok(outer)
    }

    /// Checks a field that a client is to have.
    fn check_reply_field(&self, name: &HeaderName) -> Result<(), Unfit> {
        // By these a backend steers nginx: to files that are its own, for example.
        match self.form == Form::Nginx && name.as_str().starts_with("x-accel-") {
            true => Err(Unfit(format!("{name} is for nginx itself"))),
            false => Ok(()),
        }
    }
}

fn is_bare_challenge(reply: &Response<Body>) -> bool {
    use http_body::Body as _;

    reply.status() == StatusCode::UNAUTHORIZED
        && reply.body().is_end_stream()
        && reply.headers().keys().all(|name| name == WWW_AUTHENTICATE)
}

/// The one with the greatest preference, the first of equals.
fn first(destinations: &[Destination]) -> Result<&Destination, Unfit> {
    let preference = |it: &Destination| it.preference.unwrap_or(1000);
    let mut best = destinations
        .first()
        .ok_or_else(|| Unfit("the redirect has no destination".into()))?;
    for destination in destinations {
        if preference(destination) > preference(best) {
            best = destination;
        }
    }
    Ok(best)
}

fn status(code: u16) -> Result<StatusCode, Unfit> {
    StatusCode::from_u16(code).map_err(|_| Unfit(format!("{code} is no status")))
}

fn field(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), Unfit> {
    let wrong = || Unfit(format!("{name} has a value that HTTP can't carry"));
    let value = HeaderValue::from_bytes(value).map_err(|_| wrong())?;
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    Ok((name, value))
}

fn append(reply: &mut Response<Body>, name: HeaderName, value: HeaderValue) -> Result<(), Unfit> {
    let appended = reply.headers_mut().try_append(name, value);
    appended.map_err(|_| Unfit("it has more fields than HTTP can carry".into()))?;
    Ok(())
}

fn set(reply: &mut Response<Body>, name: &'static str, value: &str) -> Result<(), Unfit> {
    let (name, value) = field(name, value.as_bytes())?;
    reply.headers_mut().insert(name, value);
    Ok(())
}

fn add_attributes(
    reply: &mut Response<Body>,
    attributes: &[(String, String)],
) -> Result<(), Unfit> {
    for (name, value) in attributes {
        let (name, value) = field(&format!("routing-{name}"), value.as_bytes())?;
        // What this program says itself is not a plugin's to say; what is carried and was
        // not set is empty.
        if reply.headers().get(&name).is_some_and(|it| !it.is_empty()) {
            return Err(Unfit(format!("{name} is this program's own")));
        }
        reply.headers_mut().insert(name, value);
    }
    Ok(())
}
