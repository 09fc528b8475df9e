//! Puts stand-ins in the place of credentials, wherever they are found.

use crate::{
    plugin::{
        escape::escape,
        record::question::{Answer, Question, REDACTED, Reply},
    },
    routing::{Decision, Destination, Request},
};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::collections::BTreeMap;

/// Bytes that a credential has at least to be looked for elsewhere. What is shorter is
/// found in too many other things.
const SHORTEST: usize = 8;

/// Bytes of all credentials that are looked for, in all forms. More is nobody's honest
/// request.
const MOST: usize = 128 * 1024;

/// Bytes of a credential that begins with another.
const LONGEST_EXTENSION: usize = 512;

/// Credentials of one recording, each with its stand-in.
#[derive(Default)]
pub(super) struct StandIns(BTreeMap<Vec<u8>, Vec<u8>>);

/// Finds all of them at once, the longest where one begins another.
pub(super) struct Replacer {
    finder: AhoCorasick,
    stand_ins: Vec<Vec<u8>>,
}

impl StandIns {
    pub(super) fn add(&mut self, secret: &[u8], stand_in: Vec<u8>) {
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
pub(in crate::plugin::record) struct TooMany;

impl Replacer {
    /// None where there is nothing to be replaced.
    pub(super) fn of(StandIns(pairs): StandIns) -> Result<Option<Self>, TooMany> {
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

    pub(super) fn in_bytes(&self, bytes: &mut Vec<u8>) {
        if self.finder.is_match(&*bytes) {
            *bytes = self.finder.replace_all_bytes(bytes, &self.stand_ins);
        }
    }

    pub(super) fn in_text(&self, text: &mut String) {
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

    pub(super) fn in_request(&self, request: &mut Request) {
        self.in_text(&mut request.target);
        self.in_fields(&mut request.fields);
        if let Some(body) = &mut request.body {
            self.in_bytes(&mut body.bytes);
        }
        self.in_attributes(&mut request.attributes);
    }

    pub(super) fn in_question(&self, question: &mut Question) {
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

    pub(super) fn in_decision(&self, decision: &mut Decision) {
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
}
