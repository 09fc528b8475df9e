//! Forward authentication: before it serves a request, the proxy asks with a request of its
//! own, and lets the client's pass if the reply is a good one. Each proxy has its own way to
//! say what the client's request is, and its own way to take the reply.

mod answers;
mod outcome;
mod question;

use super::{
    reply::{Body, body, text},
    request_body::RequestBody,
    service::Service,
};
use crate::args::{AttributeField, Form, Serve};
use answers::Answers;
use http::{HeaderName, Request, Response, StatusCode, uri::PathAndQuery};
use ipnet::IpNet;
use outcome::Unfit;
use rest_client_host::{
    plugin::CREDENTIAL_FIELDS,
    routing::{MOST_ATTRIBUTES, Protocol},
};

/// Bytes of a body that a plugin sees, and that a proxy may send along.
const LONGEST_BODY: usize = 64 * 1024;

/// By which nginx has an answer replayed.
const ANSWER: HeaderName = HeaderName::from_static("x-routing-answer");

/// The form of one proxy, as the operator has set it up.
pub(super) struct ForwardAuth {
    form: Form,
    trusted_proxies: Vec<IpNet>,
    /// Fields that the proxy takes over from the reply.
    carried: Vec<HeaderName>,
    /// What the proxy says besides what is in its form.
    attributes: Vec<AttributeField>,
    /// Before the path of each request of Envoy's.
    path_prefix: String,
    /// What nginx fetches, since it lets no answer through but 401 and 403.
    answers: Answers,
}

impl ForwardAuth {
    /// # Errors
    ///
    /// What the form has no use for.
    pub(super) fn new(serve: &Serve, form: Form) -> Result<Self, String> {
        if form != Form::Envoy && !serve.path_prefix.is_empty() {
            return Err("--path-prefix is for --form envoy".into());
        }
        let is_path = |it: &str| {
            let path = it.parse::<PathAndQuery>();
            it.starts_with('/') && path.is_ok_and(|it| it.query().is_none())
        };
        if !serve.path_prefix.is_empty() && !is_path(&serve.path_prefix) {
            return Err("--path-prefix is a path, as Envoy's path_prefix: /auth".into());
        }
        if form == Form::Nginx && !serve.trusted_proxies.is_empty() {
            return Err(
                "--trusted-proxies has no effect with --form nginx, which sends the client's \
                 address itself (set_real_ip_from)"
                    .into(),
            );
        }
        let of_connection = |name: &&HeaderName| question::is_of_connection(name.as_str());
        if let Some(name) = serve.carry.iter().find(of_connection) {
            return Err(format!("--carry {name}: no reply can carry it"));
        }
        check_attributes(&serve.attributes, &serve.decider.record_secret)?;
        Ok(Self {
            form,
            trusted_proxies: serve.trusted_proxies.clone(),
            carried: serve.carry.clone(),
            attributes: serve.attributes.clone(),
            path_prefix: serve.path_prefix.clone(),
            answers: Answers::default(),
        })
    }

    /// Answers what the proxy asks.
    pub(super) async fn reply(
        &self,
        service: &Service,
        request: Request<RequestBody>,
    ) -> Response<Body> {
        let (head, incoming) = request.into_parts();
        let incoming = match self.form {
            // They send the length of a body that they don't send.
            Form::Nginx | Form::Caddy => {
                incoming.ignore();
                None
            }
            _ => Some(incoming),
        };
        if let Some(token) = head.headers.get(ANSWER)
            && self.form == Form::Nginx
        {
            return self.answers.take(token.as_bytes());
        }
        let body = match incoming {
            None => None,
            Some(incoming) => match body(incoming, LONGEST_BODY).await {
                Ok(bytes) if bytes.is_empty() => None,
                Ok(bytes) => Some(bytes),
                Err((status, what)) => return text(status, what + "\n"),
            },
        };
        let question = match self.question(&head, body) {
            Ok(question) => question,
            Err(what) => {
                if service.metrics.refused_form() {
                    tracing::warn!(
                        "a request from the proxy does not match --form: {what}; further ones are only counted"
                    );
                }
                return text(StatusCode::BAD_REQUEST, format!("{what}\n"));
            }
        };
        let carried_out = service.decide(question, |decision| {
            self.carry_out(decision)
                .map_err(|Unfit(what)| format!("the proxy can't carry it out: {what}"))
        });
        match carried_out.await {
            Ok((_, reply)) => reply,
            Err(_) => {
                let decision = service.on_failure(Protocol::Http);
                self.carry_out(&decision).unwrap_or_else(|Unfit(what)| {
                    tracing::error!(
                        "the proxy can't carry out the decision of --on-failure: {what}"
                    );
                    text(StatusCode::FORBIDDEN, "")
                })
            }
        }
    }
}

/// # Errors
///
/// No proxy could say them all.
fn check_attributes(attributes: &[AttributeField], secret: &[HeaderName]) -> Result<(), String> {
    // Besides `scheme`.
    let most = MOST_ATTRIBUTES - 1;
    if attributes.len() > most {
        return Err(format!(
            "--attribute: a request has {most} attributes at most, besides scheme"
        ));
    }
    for (index, it) in attributes.iter().enumerate() {
        let AttributeField { attribute, field } = it;
        if question::is_of_connection(field.as_str()) {
            return Err(format!(
                "--attribute {attribute}={field}: a connection field can't carry an attribute"
            ));
        }
        // A recording has attributes as they are.
        if CREDENTIAL_FIELDS.contains(&field.as_str()) || secret.contains(field) {
            return Err(format!(
                "--attribute {attribute}={field}: {field} holds credentials, which are no attribute"
            ));
        }
        let before = &attributes[..index];
        if before.iter().any(|other| other.attribute == *attribute) {
            return Err(format!("--attribute names {attribute} twice"));
        }
        if before.iter().any(|other| other.field == *field) {
            return Err(format!("--attribute names the field {field} twice"));
        }
    }
    Ok(())
}
