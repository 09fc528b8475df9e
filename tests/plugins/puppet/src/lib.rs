//! A plugin that does what the request says: what stands in its fields `x-do`, in their
//! order, or in one of them with ` && ` between. The last of them is the decision. It is built
//! for WASI 0.2, and with the feature `async` for 0.3.

#![allow(missing_docs, unsafe_code, reason = "generated")]

#[cfg(feature = "async")]
#[path = "concurrent.rs"]
mod edition;
#[cfg(not(feature = "async"))]
#[path = "plain.rs"]
mod edition;

use edition::{Answer, Changes, Decision, Destination, Redirect, Request, store};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Decisions that this instance was asked for.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// As the setting `check` has it.
pub(crate) async fn check() -> Result<(), String> {
    match store::get("check").ok().flatten().as_deref() {
        None => Ok(()),
        Some("trap") => panic!("as it was told"),
        Some("spin") => spin(),
        Some(rule) => match rule.split_once(' ') {
            Some(("trap-unless", url)) => {
                let status = edition::ask(url).await.expect("a reply");
                assert_eq!(status, 200, "as it was told");
                Ok(())
            }
            Some(("compute-and-ask", url)) => {
                spin_for("100000000");
                edition::ask(url).await.map(drop)
            }
            _ => Err(rule.into()),
        },
    }
}

pub(crate) async fn route(request: Request) -> Result<Decision, String> {
    ASKED.fetch_add(1, Relaxed);
    let mut decision = Decision::Continue(nothing());
    let lines: Vec<_> = request
        .fields
        .iter()
        .filter(|(name, _)| name == "x-do")
        .map(|(_, value)| String::from_utf8_lossy(value))
        .collect();
    for line in lines.iter().flat_map(|it| it.split(" && ")) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
        let pair = || (name.to_owned(), value.to_owned());
        let field = || (name.to_owned(), value.as_bytes().to_vec());
        match word {
            "trap" => panic!("as it was told"),
            "spin" => spin(),
            "spin-for" => spin_for(rest),
            "leave" => {
                leave(rest);
                attributes(&mut decision).push(("x-leave".into(), left().to_string()));
            }
            "error" => return Err(rest.into()),
            "ask" => {
                let outcome = match edition::ask(rest).await {
                    Ok(status) => status.to_string(),
                    Err(error) => error,
                };
                let attributes = attributes(&mut decision);
                attributes.push((format!("x-answer-{}", attributes.len()), outcome));
            }
            "ask-setting" => {
                let url = store::get(rest).ok().flatten().expect("a setting");
                let _ = edition::ask(&url).await;
            }
            "forget" => edition::forget(rest).await,
            "keep" => edition::keep(rest).await,
            "read-clock" => read_clock(rest),
            "show" => {
                let shown = shown(&request, rest);
                attributes(&mut decision).push((format!("x-{rest}"), shown));
            }
            "tell" => {
                let shown = shown(&request, rest);
                fields(&mut decision).push((format!("x-{rest}"), shown.into_bytes()));
            }
            "attribute" => attributes(&mut decision).push(pair()),
            "to" => changes(&mut decision).destinations.push(destination(rest)),
            "remove" => changes(&mut decision).remove_fields.push(rest.into()),
            "set" => changes(&mut decision).set_fields.push(field()),
            "add" => changes(&mut decision).add_fields.push(field()),
            "reply" => changes(&mut decision).reply_fields.push(field()),
            "drop" => decision = Decision::Drop(vec![]),
            "answer" => decision = answer(name, value),
            "body" => body(&mut decision, rest),
            "field" => fields(&mut decision).push(field()),
            "redirect" => decision = redirect(name, value),
            other => match edition::special(other, rest).await {
                Some(outcome) => attributes(&mut decision).push((format!("x-{other}"), outcome)),
                None => return Err(format!("the puppet can't {other}")),
            },
        }
    }
    Ok(decision)
}

fn read_clock(times: &str) {
    for _ in 0..times.parse::<u64>().expect("a number") {
        std::hint::black_box(edition::read_clock());
    }
}

fn shown(request: &Request, what: &str) -> String {
    match what {
        "clocks" => edition::clocks(),
        "random" => edition::random(),
        "left" => left().to_string(),
        "asked" => ASKED.load(Relaxed).to_string(),
        "time-left" => request.time_left.to_string(),
        "id" => request.id.clone(),
        "method" => request.method.clone(),
        "target" => request.target.clone(),
        "source" => format!("{:?}", request.source),
        "transport" => format!("{:?}", request.transport),
        "body" => format!("{:?}", request.body),
        "fields" => names(request),
        "settings" => format!("{:?}", store::get_all()),
        attribute => value_of(request, attribute),
    }
}

/// What it leaves in its memory.
const LEFT: u8 = 0xA7;

/// Fills so many bytes.
fn leave(bytes: &str) {
    let left = vec![LEFT; bytes.parse().expect("a number")].leak();
    std::hint::black_box(left);
}

/// The most bytes in a row of its memory that it, or somebody before it, has filled.
fn left() -> usize {
    let others = memory().split(|it| *it != LEFT);
    others.map(<[u8]>::len).max().unwrap_or(0)
}

#[cfg(target_arch = "wasm32")]
fn memory() -> &'static [u8] {
    const PAGE: usize = 64 * 1024;
    const FIRST: usize = 16;
    let bytes = core::arch::wasm32::memory_size(0) * PAGE;
    let first = std::ptr::without_provenance(std::hint::black_box(FIRST));
    // SAFETY: all of the memory is there, and any of it can be read as bytes.
    unsafe { std::slice::from_raw_parts(first, bytes - FIRST) }
}

/// A plugin is made for WebAssembly. It is only checked for others.
#[cfg(not(target_arch = "wasm32"))]
fn memory() -> &'static [u8] {
    &[]
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

fn spin_for(rounds: &str) {
    for round in 0..rounds.parse::<u64>().expect("a number") {
        std::hint::black_box(round);
    }
}

fn names(request: &Request) -> String {
    let names: Vec<&str> = request.fields.iter().map(|(name, _)| &**name).collect();
    names.join(" ")
}

fn value_of(request: &Request, attribute: &str) -> String {
    let found = request
        .attributes
        .iter()
        .find(|(name, _)| name == attribute);
    found.map_or("none", |(_, value)| value).to_owned()
}

fn nothing() -> Changes {
    Changes {
        destinations: vec![],
        remove_fields: vec![],
        set_fields: vec![],
        add_fields: vec![],
        reply_fields: vec![],
        attributes: vec![],
    }
}

fn destination(line: &str) -> Destination {
    let mut words = line.split(' ');
    Destination {
        uri: words.next().unwrap_or_default().into(),
        preference: words.next().and_then(|it| it.parse().ok()),
        next_hop: words.next().map(str::to_owned),
        set_fields: vec![],
        attributes: vec![],
    }
}

fn answer(code: &str, reason: &str) -> Decision {
    Decision::Answer(Answer {
        code: code.parse().expect("a code"),
        reason: (!reason.is_empty()).then(|| reason.into()),
        fields: vec![],
        body: vec![],
        attributes: vec![],
    })
}

fn redirect(code: &str, uri: &str) -> Decision {
    Decision::Redirect(Redirect {
        code: code.parse().ok(),
        destinations: vec![destination(uri)],
        fields: vec![],
        attributes: vec![],
    })
}

fn changes(decision: &mut Decision) -> &mut Changes {
    match decision {
        Decision::Continue(changes) => changes,
        _ => panic!("it changes nothing"),
    }
}

fn attributes(decision: &mut Decision) -> &mut Vec<(String, String)> {
    match decision {
        Decision::Continue(changes) => &mut changes.attributes,
        Decision::Answer(answer) => &mut answer.attributes,
        Decision::Redirect(redirect) => &mut redirect.attributes,
        Decision::Drop(attributes) => attributes,
    }
}

fn fields(decision: &mut Decision) -> &mut Vec<(String, Vec<u8>)> {
    match decision {
        Decision::Answer(answer) => &mut answer.fields,
        Decision::Redirect(redirect) => &mut redirect.fields,
        _ => panic!("it is no reply"),
    }
}

fn body(decision: &mut Decision, text: &str) {
    match decision {
        Decision::Answer(answer) => answer.body = text.into(),
        _ => panic!("it has no body"),
    }
}
