//! What the contract says of a decision, before the proxy sees it.

use super::{
    Answer, Changes, Decision, Destination, Protocol, Redirect, Request, Violation,
    fields::{Fields, check_attributes, check_fields, check_name, value},
    names::{Message, canonical},
};

const SIP_REDIRECTS: [u16; 4] = [300, 301, 302, 305];
const HTTP_REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// Codes of HTTP whose replies have no body (RFC 9110, sections 15.3.5, 15.3.6 and
/// 15.4.5).
const WITHOUT_BODY: [u16; 3] = [204, 205, 304];

const MOST_DESTINATIONS: usize = 64;

/// Names of fields to remove.
const MOST_NAMES: usize = 256;

/// Fields of a decision, and bytes of all of them.
const MOST_FIELDS: usize = 256;
const MOST_OF_FIELDS: usize = 65_536;

/// Bytes of the body of an answer.
const LONGEST_BODY: usize = 65_536;

/// Bytes of the text of a status line.
const LONGEST_REASON: usize = 256;

/// Bytes of a URI or of a next hop.
const LONGEST_URI: usize = 8192;

/// Thousandths.
const HIGHEST_PREFERENCE: u16 = 1000;

/// Checks that a proxy may carry out `decision`, which is about `request`.
///
/// # Errors
///
/// It breaks a rule of the contract. Nothing of it is to be carried out then.
///
/// ```
/// use rest_client_host::routing::{Decision, check_decision, read_request};
///
/// let request = read_request(br#"{"protocol": "sip", "method": "INVITE", "target": "sip:a@b"}"#)?;
/// check_decision(&request, &Decision::Drop(vec![]))?;
/// let named = Decision::Drop(vec![("Reason".into(), "spam".into())]);
/// let broken = check_decision(&request, &named).unwrap_err();
/// assert!(broken.to_string().starts_with("drop.attributes: \"Reason\" is no name"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn check_decision(request: &Request, decision: &Decision) -> Result<(), Violation> {
    let Request {
        protocol, method, ..
    } = request;
    match decision {
        Decision::Continue(changes) => {
            check_changes(*protocol, changes).map_err(|it| it.within("continue"))
        }
        Decision::Answer(answer) => check_answer(*protocol, method, answer),
        Decision::Redirect(redirect) => check_redirect(*protocol, redirect),
        Decision::Drop(attributes) => check_attributes(attributes).map_err(|it| it.within("drop")),
    }
}

/// Checks that `decision` leaves the fields alone whose names begin with one of
/// `prefixes`, which are in lower case.
pub(crate) fn check_reserved(
    protocol: Protocol,
    decision: &Decision,
    prefixes: &[String],
) -> Result<(), Violation> {
    let (lists, removed) = match decision {
        Decision::Continue(changes) => {
            let of_destinations = changes.destinations.iter().map(|it| &*it.set_fields);
            let own = [
                &*changes.set_fields,
                &changes.add_fields,
                &changes.reply_fields,
            ];
            let lists: Vec<&Fields> = of_destinations.chain(own).collect();
            (lists, &*changes.remove_fields)
        }
        Decision::Answer(answer) => (vec![&*answer.fields], &[][..]),
        Decision::Redirect(redirect) => (vec![&*redirect.fields], &[][..]),
        Decision::Drop(_) => return Ok(()),
    };
    let set = lists.into_iter().flatten().map(|(name, _)| name);
    for name in set.chain(removed) {
        let name = canonical(protocol, name);
        if prefixes.iter().any(|prefix| name.starts_with(prefix)) {
            let what = format_args!("{name} is reserved by the operator");
            return Err(Violation::new("fields", what));
        }
    }
    Ok(())
}

fn check_changes(protocol: Protocol, changes: &Changes) -> Result<(), Violation> {
    let Changes {
        destinations,
        remove_fields,
        set_fields,
        add_fields,
        reply_fields,
        attributes,
    } = changes;
    if protocol == Protocol::Http && destinations.len() > 1 {
        let what = "an HTTP request has one destination at most";
        return Err(Violation::new("destinations", what));
    }
    check_destinations(protocol, destinations, false)?;
    if remove_fields.len() > MOST_NAMES {
        let what = format_args!("there are more than {MOST_NAMES}");
        return Err(Violation::new("remove-fields", what));
    }
    if remove_fields.iter().map(String::len).sum::<usize>() > MOST_OF_FIELDS {
        let what = format_args!("all of them have more than {MOST_OF_FIELDS} bytes");
        return Err(Violation::new("remove-fields", what));
    }
    for name in remove_fields {
        check_name("remove-fields", protocol, Message::Request, name)?;
    }
    check_fields("set-fields", protocol, Message::Request, set_fields)?;
    check_fields("add-fields", protocol, Message::Request, add_fields)?;
    check_fields("reply-fields", protocol, Message::Reply, reply_fields)?;
    let of_destinations = destinations.iter().map(|it| &*it.set_fields);
    let all = of_destinations.chain([&**set_fields, add_fields, reply_fields]);
    check_size("fields", all)?;
    check_attributes(attributes)
}

fn check_answer(protocol: Protocol, method: &str, answer: &Answer) -> Result<(), Violation> {
    let wrong = |what: &dyn std::fmt::Display| Err(Violation::new("answer", what));
    let Answer {
        code,
        reason,
        fields,
        body,
        attributes,
    } = answer;
    let (codes, redirects) = match protocol {
        Protocol::Sip => (200..=699, &SIP_REDIRECTS[..]),
        Protocol::Http => (200..=599, &HTTP_REDIRECTS[..]),
    };
    if !codes.contains(code) {
        let (first, last) = (codes.start(), codes.end());
        return wrong(&format_args!("{code} is no code: {first} to {last}"));
    }
    if redirects.contains(code) {
        return wrong(&format_args!("{code} is a code of a redirect"));
    }
    if protocol == Protocol::Sip && method == "INVITE" && *code < 300 {
        return wrong(&format_args!(
            "{code} would accept the call; the answer to an INVITE must not be 2xx"
        ));
    }
    if let Some(reason) = reason
        && (reason.len() > LONGEST_REASON || reason.chars().any(char::is_control))
    {
        return wrong(&"reason has up to 256 bytes, and no control characters");
    }
    check_fields("fields", protocol, Message::Reply, fields).map_err(|it| it.within("answer"))?;
    check_size("answer.fields", [&**fields])?;
    for (of_code, challenge) in [(401, "www-authenticate"), (407, "proxy-authenticate")] {
        if *code == of_code && value(protocol, fields, challenge).is_none() {
            return wrong(&format_args!("{code} needs a field {challenge}"));
        }
    }
    if body.len() > LONGEST_BODY {
        return wrong(&format_args!("body has more than {LONGEST_BODY} bytes"));
    }
    if !body.is_empty() {
        if protocol == Protocol::Http && WITHOUT_BODY.contains(code) {
            return wrong(&format_args!("{code} must not have a body"));
        }
        if value(protocol, fields, "content-type").is_none() {
            return wrong(&"with a body there is a field content-type");
        }
    }
    check_attributes(attributes).map_err(|it| it.within("answer"))
}

fn check_redirect(protocol: Protocol, redirect: &Redirect) -> Result<(), Violation> {
    let Redirect {
        code,
        destinations,
        fields,
        attributes,
    } = redirect;
    let (codes, place) = match protocol {
        Protocol::Sip => (&SIP_REDIRECTS[..], "contact"),
        Protocol::Http => (&HTTP_REDIRECTS[..], "location"),
    };
    let within = |it: Violation| it.within("redirect");
    if let Some(code) = code
        && !codes.contains(code)
    {
        let what = format_args!("{code} is none of {codes:?}");
        return Err(within(Violation::new("code", what)));
    }
    if destinations.is_empty() {
        return Err(within(Violation::new("destinations", "there is none")));
    }
    check_destinations(protocol, destinations, true).map_err(within)?;
    check_fields("fields", protocol, Message::Reply, fields).map_err(within)?;
    check_size("redirect.fields", [&**fields])?;
    if let Some((name, _)) = fields
        .iter()
        .find(|(name, _)| canonical(protocol, name) == place)
    {
        let what = format_args!("{name} can't be set, since it is made from the destinations");
        return Err(within(Violation::new("fields", what)));
    }
    check_attributes(attributes).map_err(within)
}

fn check_destinations(
    protocol: Protocol,
    destinations: &[Destination],
    is_redirect: bool,
) -> Result<(), Violation> {
    if destinations.len() > MOST_DESTINATIONS {
        let what = format_args!("there are more than {MOST_DESTINATIONS}");
        return Err(Violation::new("destinations", what));
    }
    for (index, destination) in destinations.iter().enumerate() {
        check_destination(protocol, destination, is_redirect)
            .map_err(|it| it.within(format_args!("destinations[{index}]")))?;
    }
    Ok(())
}

fn check_destination(
    protocol: Protocol,
    destination: &Destination,
    is_redirect: bool,
) -> Result<(), Violation> {
    let Destination {
        uri,
        next_hop,
        preference,
        set_fields,
        attributes,
    } = destination;
    check_uri(protocol, uri, is_redirect).map_err(|what| Violation::new("uri", what))?;
    if let Some(next_hop) = next_hop {
        if is_redirect {
            let what = "a redirect can't set a next hop";
            return Err(Violation::new("next-hop", what));
        }
        if !is_visible(next_hop) {
            return Err(Violation::new("next-hop", NOT_VISIBLE));
        }
    }
    if preference.is_some_and(|it| it > HIGHEST_PREFERENCE) {
        return Err(Violation::new("preference", "it is 0 to 1000"));
    }
    if is_redirect && !set_fields.is_empty() {
        let what = "a redirect can't set fields of the request that the client sends next";
        return Err(Violation::new("set-fields", what));
    }
    check_fields("set-fields", protocol, Message::Request, set_fields)?;
    check_attributes(attributes)
}

const NOT_VISIBLE: &str =
    "it has 1 to 8192 bytes, none beyond ASCII, and neither white space nor control characters";

fn is_visible(text: &str) -> bool {
    (1..=LONGEST_URI).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn check_uri(protocol: Protocol, uri: &str, is_redirect: bool) -> Result<(), &'static str> {
    if !is_visible(uri) {
        return Err(NOT_VISIBLE);
    }
    // They would end it where it stands between brackets or in quotes.
    if uri.contains(['<', '>', '"', '\\']) {
        return Err("it has none of < > \" \\");
    }
    let begins_with = |scheme: &str| {
        let begin = uri.get(..scheme.len());
        begin.is_some_and(|it| it.eq_ignore_ascii_case(scheme)) && uri.len() > scheme.len()
    };
    match (protocol, is_redirect) {
        (Protocol::Sip, _) => {
            if !["sip:", "sips:", "tel:"].into_iter().any(begins_with) {
                return Err("it is a sip:, sips: or tel: URI");
            }
            // Whoever reads it might take the first one for the end of the user part.
            if uri.matches('@').count() > 1 {
                return Err("it has one @ at most");
            }
            // In a user part a ? is no more than a character.
            let of_host = uri.rsplit_once('@').map_or(uri, |(_, host)| host);
            if of_host.contains('?') {
                return Err("it has no headers after ?");
            }
        }
        (Protocol::Http, false) => {
            // A path that begins with // is an authority to some.
            let is_origin_form = uri.starts_with('/') && !uri.starts_with("//");
            let is_absolute = ["http://", "https://"].into_iter().any(begins_with);
            if !is_origin_form && !is_absolute {
                return Err("it is a path that begins with one /, or an http(s):// URL");
            }
            if uri.contains('#') {
                return Err("it has no fragment");
            }
        }
        // Any reference; a browser runs what these name.
        (Protocol::Http, true) => {
            if ["javascript:", "data:", "vbscript:"]
                .into_iter()
                .any(begins_with)
            {
                return Err("it is no place to go to");
            }
        }
    }
    Ok(())
}

/// Checks the size of all fields together.
fn check_size<'a>(
    place: &str,
    fields: impl IntoIterator<Item = &'a Fields>,
) -> Result<(), Violation> {
    let (mut count, mut size) = (0, 0);
    for (name, value) in fields.into_iter().flatten() {
        count += 1;
        size += name.len() + value.len();
    }
    if count > MOST_FIELDS {
        let what = format_args!("there are more than {MOST_FIELDS}");
        return Err(Violation::new(place, what));
    }
    if size > MOST_OF_FIELDS {
        let what = format_args!("all of them have more than {MOST_OF_FIELDS} bytes");
        return Err(Violation::new(place, what));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
