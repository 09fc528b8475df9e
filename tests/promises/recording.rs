//! A decision that is recorded can be played: to the same plugin bit for bit, and to another
//! version with what is different. No credential is in a recording.

use crate::{puppets::Puppet, worker, worker_with};
use rest_client_host::{
    Service,
    plugin::{DecisionError, PluginPool, PoolOptions, Record, Recorder, Replay},
    routing::{Decision, Request},
};
use std::{
    fs,
    marker::PhantomData,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{
    config, plugin,
    process::{Ended, Running, rest_client, run},
    puppet::to_do,
    server::Server,
    steps::{Gate, Step, ok},
};

const LONG: Duration = Duration::from_secs(60);

/// Records what a pool of puppets decides.
struct Recording<P> {
    pool: PluginPool,
    records: Arc<Mutex<Vec<Record>>>,
    puppet: PhantomData<P>,
}

impl<P: Puppet> Recording<P> {
    /// Of decisions that may ask `billing`.
    fn asking(billing: Option<&Server>, set: impl FnOnce(&mut PoolOptions)) -> Self {
        let records = Arc::new(Mutex::new(Vec::new()));
        let kept = records.clone();
        let mut options = options();
        options.recorder = Some(Recorder::new(["X-Session"], move |record| {
            kept.lock().unwrap().push(record);
        }));
        set(&mut options);
        let worker = match billing {
            None => worker(),
            Some(server) => {
                let mut service = Service::new(server.origin().parse().unwrap());
                service.transfer_timeout = Some(LONG);
                worker_with(config!(services = [("billing".to_owned(), service)].into()))
            }
        };
        let pool = PluginPool::new(P::plugin(), worker, options).unwrap();
        Self {
            pool,
            records,
            puppet: PhantomData,
        }
    }

    async fn route(&self, request: Request) -> (Result<Decision, DecisionError>, Record) {
        let decided = self.pool.route(request).await;
        let record = self.records.lock().unwrap().pop().expect("a record");
        let line = record.to_json();
        let read = Record::from_json(&line).expect(&line);
        assert_eq!(read, record, "{line}");
        (decided, read)
    }

    /// The record of a decision for which the puppet does these things.
    async fn of(&self, things: &[&str]) -> Record {
        self.route(to_do(things)).await.1
    }
}

fn options() -> PoolOptions {
    let mut options = PoolOptions::default();
    options.decision_timeout = LONG;
    options
}

/// Plays `record` to the puppet, where nobody can be asked.
async fn replay<P: Puppet>(record: &Record, settings: &[(&str, &str)]) -> Replay {
    let mut options = options();
    for (name, value) in settings {
        options.settings.insert((*name).into(), (*value).into());
    }
    let pool = PluginPool::new(P::plugin(), worker(), options).unwrap();
    pool.replay(record).await.unwrap()
}

async fn difference<P: Puppet>(record: &Record, settings: &[(&str, &str)]) -> String {
    match replay::<P>(record, settings).await {
        Replay::Different(what) => what,
        Replay::Same => panic!("it is the same: {}", record.to_json()),
    }
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    all_that_comes_into_a_plugin_is_played_bit_for_bit,
    who_was_first_is_first_again,
    each_decision_is_recorded_as_if_it_were_the_first,
    failures_are_played_like_decisions,
    a_question_whose_answer_came_too_late_is_where_a_replay_ends,
    a_question_that_was_not_waited_for_is_one_nevertheless,
    another_version_differs_where_it_first_does,
    questions_more_or_less_are_a_difference,
    what_is_more_than_a_recording_takes_is_not_played,
    no_credential_of_a_client_or_a_service_is_in_a_recording,
    what_was_reserved_is_reserved_in_a_replay_and_a_plugins_own_credentials_are_left_out,
    what_had_no_time_to_decide_is_held_to_what_it_had_asked,
    differences_at_the_start_are_those_of_each_decision,
    a_credential_that_looks_like_json_or_like_a_stand_in_breaks_no_recording,
}

async fn all_that_comes_into_a_plugin_is_played_bit_for_bit<P: Puppet>() {
    let gate = Gate::default();
    let first = gate.clone();
    let server = Server::start(move |request| match &*request.target {
        // The other one answers before.
        "/slow" => [vec![Step::Wait(first.clone())], ok("slow")].concat(),
        _ => {
            first.open();
            ok("quick")
        }
    })
    .await;
    let recording = Recording::<P>::asking(Some(&server), |_| {});
    let base = "http://billing.service.internal";
    let race = format!("race {base}/slow {base}/quick http://nobody.example/");
    let race_by_polling = format!("race-by-polling {base}/slow {base}/quick");
    let ask = format!("ask {base}/quick");
    let things = [
        "read-clock 3",
        &ask,
        &race,
        &race_by_polling,
        "show clocks",
        "show random",
        "show time-left",
    ];
    let (decided, record) = recording.route(to_do(&things)).await;
    let Ok(Decision::Continue(changes)) = decided else {
        panic!("{decided:?}");
    };
    for word in ["x-race", "x-race-by-polling"] {
        let order = changes.attributes.iter().find(|(name, _)| name == word);
        let order = &order.unwrap().1;
        let is_whole = order.contains("/quick: 200") && order.contains("/slow: 200");
        assert!(is_whole, "{word}: {order}");
    }
    drop(server);
    for _ in 0..3 {
        assert_eq!(replay::<P>(&record, &[]).await, Replay::Same);
    }
    // Nothing of it is by chance: another one has other inputs.
    let (_, other) = recording.route(to_do(&["show random"])).await;
    let (_, another) = recording.route(to_do(&["show random"])).await;
    assert_ne!(decision(&other), decision(&another));
}

/// What the line of a record says of the decision.
fn decision(record: &Record) -> serde_json::Value {
    let line: serde_json::Value = serde_json::from_str(&record.to_json()).unwrap();
    line["decision"].clone()
}

async fn who_was_first_is_first_again<P: Puppet>() {
    let server = Server::start(|request| match &*request.target {
        "/quick" => ok("quick"),
        _ => vec![Step::Stall],
    })
    .await;
    let recording = Recording::<P>::asking(Some(&server), |_| {});
    let base = "http://billing.service.internal";
    // Whatever is asked first, the other one is asked, too.
    for urls in [["quick", "stall"], ["stall", "quick"]] {
        let urls = urls.map(|it| format!("{base}/{it}")).join(" ");
        let record = recording.of(&[&format!("first {urls}")]).await;
        assert_eq!(replay::<P>(&record, &[]).await, Replay::Same, "{urls}");
    }
}

/// Whichever was over then, the timer or the answer, is over again, and the other one has begun.
#[tokio::test]
async fn a_question_with_a_timer_is_played_as_it_went() {
    let server = Server::start(|request| match &*request.target {
        "/quick" => ok("quick"),
        _ => vec![Step::Stall],
    })
    .await;
    let recording = Recording::<crate::puppets::Async>::asking(Some(&server), |_| {});
    let base = "http://billing.service.internal";
    let within = |time, what| format!("within {time} {base}/{what}");
    let things = [
        within(20, "stall"),
        within(60_000, "quick"),
        within(0, "stall"),
    ];
    let record = recording.of(&things.each_ref().map(|it| &**it)).await;
    for _ in 0..3 {
        assert_eq!(
            replay::<crate::puppets::Async>(&record, &[]).await,
            Replay::Same
        );
    }
}

async fn each_decision_is_recorded_as_if_it_were_the_first<P: Puppet>() {
    let recording = Recording::<P>::asking(None, |_| {});
    for _ in 0..2 {
        let record = recording.of(&["show asked"]).await;
        assert_eq!(decision(&record)["attributes"]["x-asked"], "1");
        assert_eq!(replay::<P>(&record, &[]).await, Replay::Same);
    }
}

async fn failures_are_played_like_decisions<P: Puppet>() {
    let recording = Recording::<P>::asking(None, |_| {});
    for things in [
        &["trap"][..],
        &["error no such caller"],
        &["add host x"],
        &["unknown"],
    ] {
        let record = recording.of(things).await;
        assert_eq!(replay::<P>(&record, &[]).await, Replay::Same, "{things:?}");
    }
}

async fn a_question_whose_answer_came_too_late_is_where_a_replay_ends<P: Puppet>() {
    let server = Server::start(|_| vec![Step::Wait(Gate::default())]).await;
    let recording = Recording::<P>::asking(Some(&server), |it| {
        it.decision_timeout = Duration::from_millis(300);
    });
    let url = "http://billing.service.internal/";
    for ask in [
        format!("ask {url}"),
        format!("race {url} {url}"),
        format!("race-by-polling {url} {url}"),
    ] {
        let record = recording.of(&["show clocks", &ask, "show clocks"]).await;
        assert!(record.to_json().contains(r#""failed":"deadline""#));
        assert_eq!(replay::<P>(&record, &[]).await, Replay::Same, "{ask}");
    }
}

async fn a_question_that_was_not_waited_for_is_one_nevertheless<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let recording = Recording::<P>::asking(Some(&server), |_| {});
    let record = recording
        .of(&["forget http://billing.service.internal/"])
        .await;
    assert_eq!(replay::<P>(&record, &[]).await, Replay::Same);
}

async fn another_version_differs_where_it_first_does<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let base = "http://billing.service.internal";
    let recording = Recording::<P>::asking(Some(&server), |it| {
        it.settings.insert("url".into(), format!("{base}/v1"));
        it.settings.insert("tariff".into(), "day".into());
    });
    let ask = format!("ask {base}/first");
    let record = recording.of(&[&ask, "ask-setting url"]).await;
    assert_eq!(
        replay::<P>(&record, &[("tariff", "night")]).await,
        Replay::Same
    );
    let v2 = format!("{base}/v2");
    assert_eq!(
        difference::<P>(&record, &[("url", &v2)]).await,
        format!("question 2 differs in its URL: it was GET {base}/v1 and is GET {v2}")
    );

    let record = recording.of(&["show settings"]).await;
    let what = difference::<P>(&record, &[("tariff", "night")]).await;
    assert!(
        what.starts_with("it was {") && what.contains("night"),
        "{what}"
    );
}

async fn questions_more_or_less_are_a_difference<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let recording = Recording::<P>::asking(Some(&server), |_| {});
    let ask = "ask http://billing.service.internal/";
    let line = recording.of(&[ask]).await.to_json();
    let (begin, rest) = line.split_once(r#""questions":["#).unwrap();
    let (question, end) = rest.split_once(r#"],"decision""#).unwrap();
    let with = |questions: &str| {
        let line = format!(r#"{begin}"questions":[{questions}],"decision"{end}"#);
        Record::from_json(&line).unwrap()
    };
    let more = with(&format!("{question},{question}"));
    let what = difference::<P>(&more, &[]).await;
    assert!(what.starts_with("it no longer asks GET"), "{what}");
    let less = with("");
    let what = difference::<P>(&less, &[]).await;
    assert!(
        what.starts_with("it asks once more: question 1 is GET"),
        "{what}"
    );
}

async fn what_is_more_than_a_recording_takes_is_not_played<P: Puppet>() {
    let recording = Recording::<P>::asking(None, |_| {});
    let record = recording.of(&["read-clock 3000000"]).await;
    assert!(record.to_json().len() < 64 << 20);
    let what = difference::<P>(&record, &[]).await;
    assert!(what.contains("can't be replayed"), "{what}");
}

async fn no_credential_of_a_client_or_a_service_is_in_a_recording<P: Puppet>() {
    let token = "s3cr3t-t0ken/with+more";
    let echoed = token.to_owned();
    let server = Server::start(move |_| ok(&format!("for {echoed}"))).await;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "Bearer 0perators-own").unwrap();
    let toml = format!(
        "[services.billing]\norigin = {:?}\nheaders.authorization = {{ file = {:?} }}\n",
        server.origin(),
        secret,
    );
    let file = folder.path().join("rest-client.toml");
    fs::write(&file, toml).unwrap();
    let mut layers = rest_client_host::config::Layers::default();
    layers.read_toml(&file).unwrap();
    let records = Arc::new(Mutex::new(Vec::new()));
    let kept = records.clone();
    let mut options = options();
    options.recorder = Some(Recorder::new(["X-Session"], move |record: Record| {
        kept.lock().unwrap().push(record);
    }));
    let worker = worker_with(layers.config().clone());
    let pool = PluginPool::new(P::plugin(), worker, options).unwrap();

    let escaped = "s3cr3t-t0ken%2Fwith%2Bmore";
    let ask = format!("ask http://user:passw0rd@billing.service.internal/?token={escaped}");
    let mut request = to_do(&[&ask, &format!("set x-passed-on {token}")]);
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("cookie", "id=c00kie-value; theme=dark-blue".to_owned()),
        ("x-session", "sess1on-value".to_owned()),
    ] {
        request.fields.push((name.into(), value.into_bytes()));
    }
    pool.route(request).await.unwrap();
    assert_eq!(
        server.record().requests[0].header("authorization"),
        ["Bearer 0perators-own"]
    );
    let record = records.lock().unwrap().pop().unwrap();
    let line = record.to_json();
    for secret in [
        token,
        escaped,
        "0perators-own",
        "c00kie-value",
        "dark-blue",
        "sess1on-value",
    ] {
        assert!(!line.contains(secret), "{secret}: {line}");
    }
    assert!(line.contains("Bearer redacted-"), "{line}");
    assert!(
        line.contains(r#""url":"http://billing.service.internal/?token=redacted-"#),
        "{line}"
    );
    // It has passed the credential on, and not looked at it.
    assert_eq!(replay::<P>(&record, &[]).await, Replay::Same);
}

async fn what_was_reserved_is_reserved_in_a_replay_and_a_plugins_own_credentials_are_left_out<
    P: Puppet,
>() {
    let recording = Recording::<P>::asking(None, |it| {
        it.reserved_fields.push("x-internal-".into());
    });
    let record = recording.of(&["set x-internal-user alice"]).await;
    assert!(
        record.to_json().contains("reserved"),
        "{}",
        record.to_json()
    );
    assert_eq!(replay::<P>(&record, &[]).await, Replay::Same);
    let record = recording
        .of(&["reply set-cookie id=0f1e2d", "set x-session 0f1e2d"])
        .await;
    let decision = decision(&record).to_string();
    assert!(!decision.contains("0f1e2d"), "{decision}");
    assert_eq!(replay::<P>(&record, &[]).await, Replay::Same);
}

async fn what_had_no_time_to_decide_is_held_to_what_it_had_asked<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let recording = Recording::<P>::asking(Some(&server), |it| {
        it.decision_timeout = Duration::from_millis(300);
    });
    let things = [
        "ask http://billing.service.internal/",
        "spin-for 20000000000",
    ];
    let record = recording.of(&things).await;
    assert!(record.to_json().contains(r#""failed":"deadline""#));
    let line = record
        .to_json()
        .replace("spin-for 20000000000", "spin-for 2");
    let quicker = Record::from_json(&line).unwrap();
    assert_eq!(replay::<P>(&quicker, &[]).await, Replay::Same);
    let line = line.replace("ask http://billing.service", "ask http://other.service");
    let other = Record::from_json(&line).unwrap();
    assert!(difference::<P>(&other, &[]).await.contains("differs in"));
}

/// Each is played, whatever became of those before it.
async fn differences_at_the_start_are_those_of_each_decision<P: Puppet>() {
    let server = Server::start(|_| ok("")).await;
    let url = "http://billing.service.internal";
    let recording = Recording::<P>::asking(Some(&server), |it| {
        it.settings
            .insert("check".into(), format!("trap-unless {url}/v1"));
    });
    let record = recording.of(&[]).await;
    let other = format!("trap-unless {url}/v2");
    let mut options = options();
    options.settings.insert("check".into(), other);
    let pool = PluginPool::new(P::plugin(), worker(), options).unwrap();
    for _ in 0..10 {
        match pool.replay(&record).await.unwrap() {
            Replay::Different(what) => assert!(what.contains("/v2"), "{what}"),
            Replay::Same => panic!("it is the same"),
        }
    }
}

/// Credentials are what a client writes, and may be anything.
async fn a_credential_that_looks_like_json_or_like_a_stand_in_breaks_no_recording<P: Puppet>() {
    let recording = Recording::<P>::asking(None, |_| {});
    for secret in [
        r#""value":"#,
        r#"{"decision""#,
        "redacted",
        "continue",
        "attributes",
        &["redacted"; 50].join(" "),
    ] {
        let mut request = to_do(&[&format!("attribute reason {secret}"), "show fields"]);
        let bearer = format!("Bearer {secret}").into_bytes();
        request.fields.push(("authorization".into(), bearer));
        let cookie = ["e"; 200].join(";").into_bytes();
        request.fields.push(("cookie".into(), cookie));
        let (decided, record) = recording.route(request).await;
        decided.unwrap();
        assert!(record.to_json().len() < 20_000);
        assert_eq!(replay::<P>(&record, &[]).await, Replay::Same, "{secret}");
    }
}

async fn play(file: &Path, plugin: &Path) -> Ended {
    let arguments = [Path::new("replay"), file, plugin];
    run(rest_client(), arguments, b"").await
}

/// The wrong name may be that of the plugin, or of the configuration.
#[tokio::test]
async fn a_file_that_is_no_recording_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let puppet = folder.path().join("puppet.wasm");
    fs::write(&puppet, plugin::built("puppet")).unwrap();
    let puppet = puppet.to_str().unwrap();
    let recorded = run(rest_client(), ["route", "--record", puppet, puppet], b"{}").await;
    assert_eq!(recorded.code(), 2, "{}", recorded.stderr);
    assert!(
        recorded.stderr.contains("is not a recording"),
        "{}",
        recorded.stderr
    );
    assert!(fs::read(puppet).unwrap() == plugin::built("puppet"));
}

#[tokio::test]
async fn a_recording_that_can_not_be_written_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let puppet = folder.path().join("puppet.wasm");
    fs::write(&puppet, plugin::built("puppet")).unwrap();
    let arguments = ["route", "--record", "/dev/full", puppet.to_str().unwrap()];
    let request = r#"{"protocol": "http", "method": "GET", "target": "/"}"#;
    for _ in 0..5 {
        let recorded = run(rest_client(), arguments, request.as_bytes()).await;
        assert_eq!(recorded.code(), 23, "{}", recorded.stderr);
        assert!(
            recorded.stderr.contains("No space left"),
            "{}",
            recorded.stderr
        );
    }
}

#[tokio::test]
async fn an_operator_records_and_plays_at_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["puppet", "location"] {
        fs::write(path(name).with_extension("wasm"), plugin::built(name)).unwrap();
    }
    let (file, puppet) = (path("calls.jsonl"), path("puppet.wasm"));
    let request = |thing: &str| {
        format!(
            r#"{{"id": "call-{}", "protocol": "http", "method": "GET", "target": "/",
                "fields": [{{"name": "x-do", "value": "{thing}"}}]}}"#,
            thing.len()
        )
    };
    let record = [
        "route",
        "--record",
        file.to_str().unwrap(),
        puppet.to_str().unwrap(),
    ];
    let routed = run(rest_client(), record, request("show random").as_bytes()).await;
    assert_eq!(routed.code(), 0, "{}", routed.stderr);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let listen = ["serve", "--listen", "127.0.0.1:0"];
    let mut serving = Running::start(rest_client(), [&listen[..], &record[1..]].concat());
    let line = serving.line().await;
    let url = format!(
        "http://{}/v1/route/puppet",
        line.replace("listening on ", "")
    );
    for thing in ["show clocks", "trap"] {
        let asked = worker()
            .rest_post(&url, request(thing))
            .content_type("application/json");
        assert_eq!(asked.await.unwrap().status(), 200);
    }
    serving.signal("TERM").await;
    assert_eq!(serving.ended().await.code(), 0);

    let played = play(&file, &puppet).await;
    assert_eq!(
        played.text(),
        "3 of 3 decisions are the same\n",
        "{}",
        played.stderr
    );
    assert_eq!(played.code(), 0);
    let played = play(&file, &path("location.wasm")).await;
    assert_eq!(played.code(), 1, "{}", played.stderr);
    assert!(
        played
            .text()
            .starts_with("line 1, call-11: it asks once more"),
        "{}",
        played.text()
    );
    assert!(
        played.text().ends_with("0 of 3 decisions are the same\n"),
        "{}",
        played.text()
    );

    // One that was never written is none that holds.
    fs::write(path("empty.jsonl"), "").unwrap();
    let played = play(&path("empty.jsonl"), &puppet).await;
    assert_eq!(played.code(), 2, "{}", played.text());
    assert!(
        played.stderr.contains("there is no recording in it"),
        "{}",
        played.stderr
    );

    // Whoever wrote it was cut off, and begins a new line the next time.
    let lines = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{lines}{{}}\n{}", &lines[..100])).unwrap();
    let routed = run(rest_client(), record, request("show random").as_bytes()).await;
    assert_eq!(routed.code(), 0, "{}", routed.stderr);
    let played = play(&file, &puppet).await;
    assert_eq!(
        played.text(),
        "4 of 4 decisions are the same\n",
        "{}",
        played.stderr
    );
    assert_eq!(played.code(), 2);
    for what in [
        "line 4: this is no recording",
        "line 5: this is no",
        "2 lines are no",
    ] {
        assert!(played.stderr.contains(what), "{}", played.stderr);
    }
    let instances = [
        &record[..3],
        &["--decisions-per-instance", "5"],
        &record[3..],
    ]
    .concat();
    let refused = run(rest_client(), instances, b"").await;
    assert_eq!(refused.code(), 2);
    assert!(
        refused.stderr.contains("an instance of its own"),
        "{}",
        refused.stderr
    );
}
