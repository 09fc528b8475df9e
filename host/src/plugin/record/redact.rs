//! Takes credentials out of a recording. A stand-in is in their place, the same for the
//! same credential, wherever it is found: one that a plugin has passed on is found where it
//! went.

use super::{
    Outcome, Record,
    question::{Answer, Question, REDACTED, Reply},
};
use crate::{plugin::escape::escape, routing::Request};
use sha2::{Digest as _, Sha256};

/// Fields of a request and of a question that hold credentials, whoever asks.
const SECRET: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Bytes that a credential has at least to be looked for elsewhere. What is shorter is
/// found in too many other things.
const SHORTEST: usize = 6;

/// What is taken out.
pub(super) struct Redaction {
    fields: Vec<String>,
    /// So that nobody finds a credential by trying.
    key: [u8; 32],
}

/// Credentials of one recording, each with its stand-in.
#[derive(Default)]
struct StandIns(Vec<(Vec<u8>, Vec<u8>)>);

impl Redaction {
    pub(super) fn new(more: impl Iterator<Item = String>) -> Self {
        let always = SECRET.iter().map(|it| (*it).to_owned());
        Self {
            fields: always
                .chain(more.map(|it| it.to_ascii_lowercase()))
                .collect(),
            key: rand::random(),
        }
    }

    pub(super) fn apply(&self, record: &mut Record) {
        let mut stand_ins = StandIns::default();
        self.request(&mut record.request, &mut stand_ins);
        for question in &mut record.inputs.questions {
            self.question(question, &mut stand_ins);
        }
        stand_ins.order();
        stand_ins.in_request(&mut record.request);
        for question in &mut record.inputs.questions {
            stand_ins.in_question(question);
        }
        match &mut record.outcome {
            Outcome::Decided(text) | Outcome::Failed(_, text) => stand_ins.in_text(text),
        }
    }

    fn is_secret(&self, name: &str) -> bool {
        self.fields.iter().any(|it| it.eq_ignore_ascii_case(name))
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
                if name == "set-cookie" || self.is_secret(name) {
                    *value = self.replace(name, value, stand_ins);
                }
            }
        }
    }

    /// `value` with a stand-in for what is a credential in it.
    fn replace(&self, name: &str, value: &[u8], stand_ins: &mut StandIns) -> Vec<u8> {
        let mut replaced = value.to_vec();
        for secret in secrets(name, value) {
            let stand_in = self.stand_in(secret);
            replaced = exchange(&replaced, secret, &stand_in);
            stand_ins.add(secret, stand_in);
        }
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

/// What is a credential in the value of a field.
fn secrets<'a>(name: &str, value: &'a [u8]) -> Vec<&'a [u8]> {
    let value = value.trim_ascii();
    let found: Vec<&[u8]> = match name {
        "cookie" => value.split(|it| *it == b';').map(of_pair).collect(),
        // Its attributes are none.
        "set-cookie" => value.split(|it| *it == b';').take(1).map(of_pair).collect(),
        "authorization" | "proxy-authorization" => {
            let end = value.iter().position(|it| *it == b' ');
            let (scheme, rest) = value.split_at(end.unwrap_or(0));
            match scheme.eq_ignore_ascii_case(b"digest") {
                true => rest
                    .split(|it| *it == b',')
                    .filter(|it| {
                        it.trim_ascii()
                            .to_ascii_lowercase()
                            .starts_with(b"response")
                    })
                    .map(of_pair)
                    .collect(),
                false => vec![rest.trim_ascii()],
            }
        }
        _ => vec![value],
    };
    found.into_iter().filter(|it| !it.is_empty()).collect()
}

/// Behind `=`, without quotes. All of it where there is none.
fn of_pair(pair: &[u8]) -> &[u8] {
    let at = pair.iter().position(|it| *it == b'=');
    let value = pair[at.map_or(0, |at| at + 1)..].trim_ascii();
    let inner = value
        .strip_prefix(b"\"")
        .and_then(|it| it.strip_suffix(b"\""));
    inner.unwrap_or(value)
}

impl StandIns {
    fn add(&mut self, secret: &[u8], stand_in: Vec<u8>) {
        if secret.len() < SHORTEST || self.0.iter().any(|(known, _)| known == secret) {
            return;
        }
        // As it stands in a URL.
        if let Ok(text) = str::from_utf8(secret) {
            let escaped = escape(text).into_bytes();
            if escaped != secret {
                self.0.push((escaped, stand_in.clone()));
            }
        }
        self.0.push((secret.to_vec(), stand_in));
    }

    /// One that is a part of another comes after it.
    fn order(&mut self) {
        self.0
            .sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
    }

    fn in_bytes(&self, bytes: &mut Vec<u8>) {
        for (secret, stand_in) in &self.0 {
            if bytes.len() >= secret.len() {
                *bytes = exchange(bytes, secret, stand_in);
            }
        }
    }

    fn in_text(&self, text: &mut String) {
        for (secret, stand_in) in &self.0 {
            if let (Ok(secret), Ok(stand_in)) = (str::from_utf8(secret), str::from_utf8(stand_in))
                && text.contains(secret)
            {
                *text = text.replace(secret, stand_in);
            }
        }
    }

    fn in_fields(&self, fields: &mut [(String, Vec<u8>)]) {
        for (_, value) in fields {
            self.in_bytes(value);
        }
    }

    fn in_request(&self, request: &mut Request) {
        self.in_text(&mut request.target);
        self.in_fields(&mut request.fields);
        if let Some(body) = &mut request.body {
            self.in_bytes(&mut body.bytes);
        }
        for (_, value) in &mut request.attributes {
            self.in_text(value);
        }
    }

    fn in_question(&self, question: &mut Question) {
        self.in_text(&mut question.url);
        self.in_fields(&mut question.fields);
        if let Some(body) = &mut question.body {
            self.in_bytes(body);
        }
        match &mut question.answer {
            Some(Answer::Reply(reply)) => self.in_reply(reply),
            Some(Answer::Failed {
                message, partial, ..
            }) => {
                self.in_text(message);
                if let Some(partial) = partial {
                    self.in_reply(partial);
                }
            }
            None => {}
        }
    }

    fn in_reply(&self, reply: &mut Reply) {
        self.in_fields(&mut reply.fields);
        self.in_bytes(&mut reply.body);
    }
}

/// `bytes` with each `old` replaced by `new`.
fn exchange(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut exchanged = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = find(rest, old) {
        exchanged.extend_from_slice(&rest[..at]);
        exchanged.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    exchanged.extend_from_slice(rest);
    exchanged
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|it| it == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'a>(name: &str, value: &'a str) -> Vec<&'a str> {
        let found = secrets(name, value.as_bytes());
        found
            .into_iter()
            .map(|it| str::from_utf8(it).unwrap())
            .collect()
    }

    #[test]
    fn a_credential_is_found_where_it_is_and_nothing_else_is() {
        for (name, value, found) in [
            ("authorization", "Bearer abc.def", &["abc.def"][..]),
            ("authorization", "Basic YTpi", &["YTpi"]),
            ("authorization", "naked", &["naked"]),
            (
                "authorization",
                r#"Digest username="alice", response="0f0f", uri="sip:h""#,
                &["0f0f"],
            ),
            ("cookie", "a=one; b=\"two\";c", &["one", "two", "c"]),
            ("set-cookie", "a=one; Path=/; Max-Age=10", &["one"]),
            ("x-session", " all of it ", &["all of it"]),
            ("cookie", "", &[]),
        ] {
            assert_eq!(texts(name, value), found, "{name}: {value}");
        }
    }

    #[test]
    fn one_that_is_a_part_of_another_is_replaced_as_such() {
        let mut stand_ins = StandIns::default();
        stand_ins.add(b"secret", b"1".to_vec());
        stand_ins.add(b"secret-and-more", b"2".to_vec());
        stand_ins.add(b"short", b"3".to_vec());
        stand_ins.add(b"a b c d e", b"4".to_vec());
        stand_ins.order();
        let mut text = "secret-and-more secret short a%20b%20c%20d%20e".to_owned();
        let mut bytes = text.clone().into_bytes();
        stand_ins.in_text(&mut text);
        stand_ins.in_bytes(&mut bytes);
        assert_eq!(text, "2 1 short 4");
        assert_eq!(bytes, text.as_bytes());
    }
}
