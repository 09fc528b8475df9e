//! Takes credentials out of a recording. A stand-in is in their place, the same for the
//! same credential, wherever it is found: one that a plugin has passed on is found where it
//! went.

mod credentials;
mod replacer;

use super::{
    Inputs,
    question::{Answer, Question, REDACTED},
};
use crate::{
    plugin::DecisionError,
    routing::{Decision, Destination, Request},
};
use credentials::{basic, secrets};
use replacer::{Replacer, StandIns, TooMany};
use sha2::{Digest as _, Sha256};

/// Fields that hold credentials, whoever sends them, in lower case: no recording has them.
pub const CREDENTIAL_FIELDS: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
];

/// What is taken out.
pub(super) struct Redaction {
    /// Their names, beside [`CREDENTIAL_FIELDS`].
    fields: Vec<String>,
    /// So that nobody finds a credential by trying.
    key: [u8; 32],
}

impl Redaction {
    pub(super) fn new(more: impl Iterator<Item = String>) -> Self {
        Self {
            fields: more.map(|it| it.to_ascii_lowercase()).collect(),
            key: rand::random(),
        }
    }

    /// Names of fields that hold credentials, beside the usual ones.
    pub(super) fn secret_fields(&self) -> &[String] {
        &self.fields
    }

    /// Takes them out of all that is in a recording, before any of it is written. The names
    /// of credentials that the plugin makes are `secret_fields`.
    ///
    /// # Errors
    ///
    /// There are too many to look for.
    pub(super) fn apply(
        &self,
        request: &mut Request,
        inputs: &mut Inputs,
        decided: &mut Result<Decision, DecisionError>,
    ) -> Result<(), TooMany> {
        let mut stand_ins = StandIns::default();
        self.request(request, &mut stand_ins);
        for question in &mut inputs.questions {
            self.question(question, &mut stand_ins);
        }
        if let Some(replacer) = Replacer::of(stand_ins)? {
            replacer.in_request(request);
            for question in &mut inputs.questions {
                replacer.in_question(question);
            }
            match decided {
                Ok(decision) => replacer.in_decision(decision),
                Err(error) => {
                    let mut message = error.to_string();
                    replacer.in_text(&mut message);
                    *error = DecisionError::new(error.kind(), message);
                }
            }
        }
        if let Ok(decision) = decided {
            redact_decision(decision, &self.fields);
        }
        Ok(())
    }

    fn is_secret(&self, name: &str) -> bool {
        is_secret(name, &self.fields)
    }

    fn request(&self, request: &mut Request, stand_ins: &mut StandIns) {
        for (name, value) in &mut request.fields {
            if self.is_secret(name) {
                *value = self.replace(name, value, stand_ins);
            }
        }
    }

    fn question(&self, question: &mut Question, stand_ins: &mut StandIns) {
        for (name, value) in &mut question.fields {
            if self.is_secret(name) {
                // The plugin's own, or one that it has passed on.
                *value = REDACTED.to_vec();
            }
        }
        if let Some(answer) = &mut question.answer {
            let reply = match answer {
                Answer::Reply(reply) => Some(reply),
                Answer::Failed { partial, .. } => partial.as_mut(),
            };
            for (name, value) in reply.into_iter().flat_map(|it| &mut it.fields) {
                if self.is_secret(name) {
                    *value = self.replace(name, value, stand_ins);
                }
            }
        }
    }

    /// `value` with a stand-in for each credential in it.
    fn replace(&self, name: &str, value: &[u8], stand_ins: &mut StandIns) -> Vec<u8> {
        let mut replaced = Vec::with_capacity(value.len());
        let mut done = 0;
        for secret in secrets(name, value) {
            let begin = secret.as_ptr().addr() - value.as_ptr().addr();
            let stand_in = self.stand_in(secret);
            replaced.extend_from_slice(&value[done..begin]);
            replaced.extend_from_slice(&stand_in);
            done = begin + secret.len();
            if let Some(decoded) = basic(name, value) {
                // Nobody has it decoded, either.
                let password = decoded.splitn(2, |it| *it == b':').nth(1);
                for part in [Some(&*decoded), password].into_iter().flatten() {
                    stand_ins.add(part, stand_in.clone());
                }
            }
            stand_ins.add(secret, stand_in);
        }
        replaced.extend_from_slice(&value[done..]);
        replaced
    }

    fn stand_in(&self, secret: &[u8]) -> Vec<u8> {
        let digest = Sha256::new_with_prefix(self.key)
            .chain_update(secret)
            .finalize();
        let hex: String = digest[..8].iter().map(|it| format!("{it:02x}")).collect();
        format!("redacted-{hex}").into_bytes()
    }
}

fn is_secret(name: &str, more: &[String]) -> bool {
    let names = CREDENTIAL_FIELDS
        .into_iter()
        .chain(more.iter().map(String::as_str));
    names.into_iter().any(|it| it.eq_ignore_ascii_case(name))
}

/// Takes credentials out of a decision that the plugin has made by itself. The decision of a
/// replay is held against it in the same form.
pub(super) fn redact_decision(decision: &mut Decision, secret_fields: &[String]) {
    let redact = |fields: &mut Vec<(String, Vec<u8>)>| {
        for (name, value) in fields {
            if is_secret(name, secret_fields) {
                *value = REDACTED.to_vec();
            }
        }
    };
    let of_destinations = |destinations: &mut Vec<Destination>| {
        for destination in destinations {
            redact(&mut destination.set_fields);
        }
    };
    match decision {
        Decision::Continue(changes) => {
            of_destinations(&mut changes.destinations);
            redact(&mut changes.set_fields);
            redact(&mut changes.add_fields);
            redact(&mut changes.reply_fields);
        }
        Decision::Answer(answer) => redact(&mut answer.fields),
        Decision::Redirect(redirect) => {
            of_destinations(&mut redirect.destinations);
            redact(&mut redirect.fields);
        }
        Decision::Drop(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_decoded_too() {
        let redaction = Redaction::new(std::iter::empty());
        let mut stand_ins = StandIns::default();
        redaction.replace(
            "authorization",
            b"Basic YWxpY2U6cGFzc3dvcmQ=",
            &mut stand_ins,
        );
        let replacer = Replacer::of(stand_ins).unwrap().unwrap();
        let mut text = "alice:password password YWxpY2U6cGFzc3dvcmQ=".to_owned();
        replacer.in_text(&mut text);
        assert!(
            !text.contains("password") && !text.contains("YWxp"),
            "{text}"
        );
    }

    #[test]
    fn credentials_without_end_are_too_many() {
        let redaction = Redaction::new(std::iter::empty());
        let mut stand_ins = StandIns::default();
        let value = "x".repeat(1 << 20);
        redaction.replace("authorization", value.as_bytes(), &mut stand_ins);
        assert!(Replacer::of(stand_ins).is_err());
        let mut stand_ins = StandIns::default();
        let value = format!("x=aaaaaaaa;y={}b", "a".repeat(1000));
        redaction.replace("cookie", value.as_bytes(), &mut stand_ins);
        assert!(Replacer::of(stand_ins).is_err());
    }

    /// Stand-ins are no credentials, whatever is in them.
    #[test]
    fn nothing_is_replaced_twice() {
        let redaction = Redaction::new(std::iter::empty());
        let mut stand_ins = StandIns::default();
        let cookie = ["e"; 500].join(";") + ";redacted-;redacted;edacted";
        let replaced = redaction.replace("cookie", cookie.as_bytes(), &mut stand_ins);
        assert_eq!(
            replaced.len(),
            503 * "redacted-0123456789abcdef".len() + 502
        );
        assert!(Replacer::of(stand_ins).unwrap().is_none());
    }
}
