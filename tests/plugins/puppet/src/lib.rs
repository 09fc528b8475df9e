//! A plugin that does what the request says: what stands in its fields `x-do`, in their
//! order, or in one of them with ` && ` between. The last of them is the decision.

#![allow(missing_docs, unsafe_code, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package tests:puppet;
        world puppet {
            include routing:contract/routing-plugin-with-transfers@0.1.0;
            import rest:client/polling@0.1.0;
            import wasi:clocks/monotonic-clock@0.2.12;
            import wasi:clocks/wall-clock@0.2.12;
            import wasi:random/insecure@0.2.12;
            import wasi:random/insecure-seed@0.2.12;
            import wasi:random/random@0.2.12;
        }
    ",
    path: "../../../wit/routing",
    world: "tests:puppet/puppet",
    generate_all,
});

use exports::routing::contract::router::{Decision, Guest, Request};
use rest::client::{
    polling::subscribe,
    rest::rest_get,
    transfers::{self, Transfer},
};
use routing::contract::decisions::{Answer, Changes, Destination, Redirect};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use wasi::{
    clocks::{monotonic_clock, wall_clock},
    config::store,
    io::poll::poll,
    random::{insecure, insecure_seed, random},
};

struct Puppet;
export!(Puppet);

/// Decisions that this instance was asked for.
static ASKED: AtomicU32 = AtomicU32::new(0);

impl Guest for Puppet {
    /// As the setting `check` has it.
    fn check() -> Result<(), String> {
        match store::get("check").ok().flatten().as_deref() {
            None => Ok(()),
            Some("trap") => panic!("as it was told"),
            Some("spin") => spin(),
            Some(rule) => match rule.split_once(' ') {
                Some(("trap-unless", url)) => {
                    let reply = rest_get(url, None).expect("a reply");
                    assert_eq!(reply.status, 200, "as it was told");
                    Ok(())
                }
                Some(("compute-and-ask", url)) => {
                    spin_for("100000000");
                    rest_get(url, None)
                        .map(drop)
                        .map_err(|error| error.to_string())
                }
                _ => Err(rule.into()),
            },
        }
    }

    fn route(request: Request) -> Result<Decision, String> {
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
                "error" => return Err(rest.into()),
                "ask" => {
                    let outcome = match rest_get(rest, None) {
                        Ok(reply) => reply.status.to_string(),
                        Err(error) => error.to_string(),
                    };
                    let attributes = attributes(&mut decision);
                    attributes.push((format!("x-answer-{}", attributes.len()), outcome));
                }
                "ask-setting" => {
                    let url = store::get(rest).ok().flatten().expect("a setting");
                    let _ = rest_get(&url, None);
                }
                "race" | "race-by-polling" | "first" | "first-by-polling" => {
                    let wait = match word.ends_with("-by-polling") {
                        true => wait_by_polling,
                        false => transfers::wait,
                    };
                    let order = match word.starts_with("race") {
                        true => race(rest, wait),
                        false => first(rest, wait),
                    };
                    attributes(&mut decision).push((format!("x-{word}"), order));
                }
                "forget" => drop(transfers::start_get(rest, None)),
                "keep" => std::mem::forget(transfers::start_get(rest, None)),
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
                other => return Err(format!("the puppet can't {other}")),
            }
        }
        Ok(decision)
    }
}

/// Waits until some of the transfers are ready: their places.
type Wait = fn(&[&Transfer]) -> Vec<u32>;

fn wait_by_polling(transfers: &[&Transfer]) -> Vec<u32> {
    let pollables: Vec<_> = transfers.iter().map(|it| subscribe(it)).collect();
    poll(&pollables.iter().collect::<Vec<_>>())
}

/// Asks all of them at a time. The result is the order in which they answered, with what
/// they said.
fn race(urls: &str, wait: Wait) -> String {
    let mut running = start(urls);
    let mut order = String::new();
    while !running.is_empty() {
        let transfers: Vec<_> = running.iter().map(|(_, it)| it).collect();
        // From behind, so that the places stay those of the rest.
        for place in wait(&transfers).into_iter().rev() {
            let (url, transfer) = running.remove(place as usize);
            order += &told(url, transfer);
        }
    }
    order
}

/// Asks all of them at a time. The result is who answered first, with what he said.
fn first(urls: &str, wait: Wait) -> String {
    let mut running = start(urls);
    let transfers: Vec<_> = running.iter().map(|(_, it)| it).collect();
    let place = wait(&transfers)[0];
    let (url, transfer) = running.remove(place as usize);
    told(url, transfer)
}

fn told(url: &str, transfer: Transfer) -> String {
    match Transfer::finish(transfer) {
        Ok(reply) => format!("{url}: {} ", reply.status),
        Err(error) => format!("{url}: {error} "),
    }
}

fn start(urls: &str) -> Vec<(&str, Transfer)> {
    let start = |url| (url, transfers::start_get(url, None));
    urls.split(' ').map(start).collect()
}

fn read_clock(times: &str) {
    for _ in 0..times.parse::<u64>().expect("a number") {
        std::hint::black_box(monotonic_clock::now());
    }
}

fn shown(request: &Request, what: &str) -> String {
    match what {
        "clocks" => format!("{:?} {}", wall_clock::now(), monotonic_clock::now()),
        "random" => format!(
            "{} {:?} {} {:?}",
            random::get_random_u64(),
            random::get_random_bytes(3),
            insecure::get_insecure_random_u64(),
            insecure_seed::insecure_seed(),
        ),
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
