//! Takes credentials out of a recording. A stand-in is in their place, the same for the
//! same credential, wherever it is found: one that a plugin has passed on is found where it
//! went.

use super::{
    Inputs,
    question::{Answer, Question, REDACTED, Reply},
};
use crate::{
    plugin::{DecisionError, escape::escape},
    routing::{Decision, Destination, Request},
};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Fields that hold credentials, whoever sends them.
const SECRET: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
];

/// Bytes that a credential has at least to be looked for elsewhere. What is shorter is
/// found in too many other things.
const SHORTEST: usize = 8;

/// Bytes of all credentials that are looked for, in all forms. More is nobody's honest
/// request.
const MOST: usize = 128 * 1024;

/// Bytes of a credential that begins with another.
const LONGEST_EXTENSION: usize = 512;

/// What is taken out.
pub(super) struct Redaction {
    /// Their names, beside [`SECRET`].
    fields: Vec<String>,
    /// So that nobody finds a credential by trying.
    key: [u8; 32],
}

/// Credentials of one recording, each with its stand-in.
#[derive(Default)]
struct StandIns(BTreeMap<Vec<u8>, Vec<u8>>);

/// Finds all of them at once, the longest where one begins another.
struct Replacer {
    finder: AhoCorasick,
    stand_ins: Vec<Vec<u8>>,
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
    let names = SECRET.into_iter().chain(more.iter().map(String::as_str));
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

/// User and password of the scheme `Basic` (RFC 7617).
fn basic(name: &str, value: &[u8]) -> Option<Vec<u8>> {
    if !name.ends_with("authorization") {
        return None;
    }
    let (scheme, rest) = value.trim_ascii().split_at_checked(6)?;
    match scheme.eq_ignore_ascii_case(b"basic ") {
        true => BASE64_STANDARD.decode(rest.trim_ascii()).ok(),
        false => None,
    }
}

/// What is a credential in the value of a field, in the order of the value.
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
        if secret.len() < SHORTEST || find(secret, REDACTED) || find(REDACTED, secret) {
            return;
        }
        // As it stands in a URL.
        if let Ok(text) = str::from_utf8(secret) {
            let escaped = escape(text);
            self.0
                .insert(lower_codes(&escaped).into_bytes(), stand_in.clone());
            self.0.insert(escaped.into_bytes(), stand_in.clone());
        }
        self.0.insert(secret.to_vec(), stand_in);
    }
}

/// The codes of a text that was percent-coded, in lower case.
fn lower_codes(escaped: &str) -> String {
    let mut parts = escaped.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(2);
        lower += &format!("%{}{rest}", code.to_ascii_lowercase());
    }
    lower
}

/// Whether one of them is the beginning of another that is long: at each place of a text
/// that one is found, the other would be looked for to its end.
fn begins_another(pairs: &BTreeMap<Vec<u8>, Vec<u8>>) -> bool {
    let mut beginning: Option<&[u8]> = None;
    // What begins with a key follows it.
    for key in pairs.keys() {
        match beginning {
            Some(it) if key.starts_with(it) => {
                if key.len() > LONGEST_EXTENSION {
                    return true;
                }
            }
            _ => beginning = Some(key),
        }
    }
    false
}

fn find(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|it| it == wanted)
}

/// Of credentials.
#[derive(Debug)]
pub(super) struct TooMany;

impl Replacer {
    /// None where there is nothing to be replaced.
    fn of(StandIns(pairs): StandIns) -> Result<Option<Self>, TooMany> {
        if pairs.is_empty() {
            return Ok(None);
        }
        if pairs.keys().map(Vec::len).sum::<usize>() > MOST || begins_another(&pairs) {
            return Err(TooMany);
        }
        let (secrets, stand_ins): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            // The others take a hundred times as much memory.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(secrets)
            .map_err(|_| TooMany)?;
        Ok(Some(Self { finder, stand_ins }))
    }

    fn in_bytes(&self, bytes: &mut Vec<u8>) {
        if self.finder.is_match(&*bytes) {
            *bytes = self.finder.replace_all_bytes(bytes, &self.stand_ins);
        }
    }

    fn in_text(&self, text: &mut String) {
        if self.finder.is_match(&*text) {
            let replaced = self
                .finder
                .replace_all_bytes(text.as_bytes(), &self.stand_ins);
            *text = String::from_utf8_lossy(&replaced).into_owned();
        }
    }

    fn in_fields(&self, fields: &mut [(String, Vec<u8>)]) {
        for (_, value) in fields {
            self.in_bytes(value);
        }
    }

    fn in_attributes(&self, attributes: &mut [(String, String)]) {
        for (_, value) in attributes {
            self.in_text(value);
        }
    }

    fn in_request(&self, request: &mut Request) {
        self.in_text(&mut request.target);
        self.in_fields(&mut request.fields);
        if let Some(body) = &mut request.body {
            self.in_bytes(&mut body.bytes);
        }
        self.in_attributes(&mut request.attributes);
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

    fn in_decision(&self, decision: &mut Decision) {
        match decision {
            Decision::Continue(changes) => {
                self.in_destinations(&mut changes.destinations);
                for fields in [
                    &mut changes.set_fields,
                    &mut changes.add_fields,
                    &mut changes.reply_fields,
                ] {
                    self.in_fields(fields);
                }
                self.in_attributes(&mut changes.attributes);
            }
            Decision::Answer(answer) => {
                if let Some(reason) = &mut answer.reason {
                    self.in_text(reason);
                }
                self.in_fields(&mut answer.fields);
                self.in_bytes(&mut answer.body);
                self.in_attributes(&mut answer.attributes);
            }
            Decision::Redirect(redirect) => {
                self.in_destinations(&mut redirect.destinations);
                self.in_fields(&mut redirect.fields);
                self.in_attributes(&mut redirect.attributes);
            }
            Decision::Drop(attributes) => self.in_attributes(attributes),
        }
    }

    fn in_destinations(&self, destinations: &mut [Destination]) {
        for destination in destinations {
            self.in_text(&mut destination.uri);
            if let Some(next_hop) = &mut destination.next_hop {
                self.in_text(next_hop);
            }
            self.in_fields(&mut destination.set_fields);
            self.in_attributes(&mut destination.attributes);
        }
    }
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
        stand_ins.add(b"a-secret", b"1".to_vec());
        stand_ins.add(b"a-secret-and-more", b"2".to_vec());
        stand_ins.add(b"shorter", b"3".to_vec());
        stand_ins.add(b"a/b c d e", b"4".to_vec());
        let replacer = Replacer::of(stand_ins).unwrap().unwrap();
        let mut text =
            "a-secret-and-more a-secret shorter a%2Fb%20c%20d%20e a%2fb%20c%20d%20e".to_owned();
        let mut bytes = text.clone().into_bytes();
        replacer.in_text(&mut text);
        replacer.in_bytes(&mut bytes);
        assert_eq!(text, "2 1 shorter 4 4");
        assert_eq!(bytes, text.as_bytes());
    }

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
        let value = "x".repeat(MOST + 1);
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
