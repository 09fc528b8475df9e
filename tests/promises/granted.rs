//! What the configuration grants a plugin by its name is what it has, whatever is granted
//! to others.

use crate::puppets::Puppet;
use rest_client_host::routing::write_request;
use support::{
    folder::Folder,
    process::{Ended, rest_client, run},
    puppet::to_do,
    server::Server,
    steps::ok,
};

const OTHER: &str = "http://registrar.service.internal/";

async fn route(arguments: &[&str], things: &[&str]) -> Ended {
    let arguments = [&["route"][..], arguments].concat();
    run(
        rest_client(),
        arguments,
        write_request(&to_do(things)).as_bytes(),
    )
    .await
}

for_each_wasi! {
    crate::puppets::Plain, crate::puppets::Async:
    a_plugin_asks_the_services_that_are_granted_to_it,
    limits_and_settings_are_the_plugins_own_and_arguments_come_before_them,
    a_plugin_that_is_granted_nothing_does_not_run_where_others_are,
}

async fn a_plugin_asks_the_services_that_are_granted_to_it<P: Puppet>() {
    let billing = Server::start(|_| ok("")).await;
    let registrar = Server::start(|_| ok("")).await;
    let folder = Folder::new();
    let config = folder.file(
        "rest-client.toml",
        format!(
            "[services.billing]\norigin = {:?}\n[services.registrar]\norigin = {:?}\n\
             [plugins.credit]\nservices = [\"billing\"]\n\
             [plugins.location]\nservices = [\"registrar\"]\negress.allow = [{:?}]\n",
            billing.origin(),
            registrar.origin(),
            billing.origin(),
        ),
    );
    let puppet = folder.file("puppet.wasm", P::component());
    let things = [
        "ask http://billing.service.internal/",
        &format!("ask {OTHER}"),
        &format!("ask {}", billing.url("/")),
    ];
    for (name, answers, hint) in [
        (
            "credit",
            ["200", "refused", "refused"],
            r#""registrar" in plugins.credit.services would allow it"#,
        ),
        (
            "location",
            ["refused", "200", "200"],
            r#""billing" in plugins.location.services would allow it"#,
        ),
    ] {
        let ended = route(&["--config", &config, "--name", name, &puppet], &things).await;
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        for (number, answer) in answers.iter().enumerate() {
            let told = ended.json()["attributes"][format!("x-answer-{number}")].clone();
            let told = told.as_str().unwrap();
            match *answer {
                "refused" => assert!(told.contains("policy does not allow"), "{name}: {told}"),
                status => assert_eq!(told, status, "{name}"),
            }
        }
        assert!(ended.stderr.contains(hint), "{}", ended.stderr);
    }
    // The rule that would let it is one of the plugin's own table.
    let things = [&*format!("ask {}", registrar.url("/"))];
    let ended = route(
        &["--config", &config, "--name", "location", &puppet],
        &things,
    )
    .await;
    let rule = format!("plugins.location.egress.allow = [{:?}]", registrar.origin());
    assert!(ended.stderr.contains(&rule), "{}", ended.stderr);
}

async fn limits_and_settings_are_the_plugins_own_and_arguments_come_before_them<P: Puppet>() {
    let folder = Folder::new();
    let config = folder.file(
        "rest-client.toml",
        r#"
        [plugins.puppet]
        settings = { tariff = "night", zone = "1" }
        decision-timeout = "300ms"
        on-failure = "480 Try Later"
        reserved-fields = ["x-internal-"]
        "#,
    );
    let puppet = folder.file("puppet.wasm", P::component());
    let arguments = ["--config", &config, "--set", "zone=2", &puppet];
    let ended = route(&arguments, &["show settings"]).await;
    assert_eq!(
        ended.json()["attributes"]["x-settings"],
        r#"Ok([("tariff", "night"), ("zone", "2")])"#
    );
    for (things, failed, exit) in [
        ("spin", "deadline", 28),
        ("set x-internal-user alice", "invalid", 65),
    ] {
        let ended = route(&["--config", &config, &puppet], &[things]).await;
        assert_eq!(ended.code(), exit, "{}", ended.stderr);
        let expected = serde_json::json!({"decision": "answer", "code": 480,
            "reason": "Try Later", "failed": failed});
        assert_eq!(ended.json(), expected);
    }
    let arguments = ["--config", &config, "--on-failure", "open", &puppet];
    let ended = route(&arguments, &["trap"]).await;
    assert_eq!(ended.json()["decision"], "continue");
}

async fn a_plugin_that_is_granted_nothing_does_not_run_where_others_are<P: Puppet>() {
    let folder = Folder::new();
    let config = folder.file("rest-client.toml", "[plugins.credit]\n");
    let puppet = folder.file("puppet.wasm", P::component());
    let command = folder.file("look-around.wasm", support::plugin::command("look-around"));
    let routed = route(&["--config", &config, &puppet], &[]).await;
    let ran = run(rest_client(), ["run", "--config", &config, &command], b"").await;
    for (name, ended) in [("puppet", routed), ("look-around", ran)] {
        assert_eq!(ended.code(), 2);
        let words = format!("no plugins.{name}; it has credit");
        assert!(ended.stderr.contains(&words), "{}", ended.stderr);
    }
    let named = ["run", "--config", &config, "--name", "credit", &command];
    assert_eq!(run(rest_client(), named, b"").await.code(), 0);
}

#[tokio::test]
async fn what_could_not_be_meant_so_is_said_at_the_start() {
    let folder = Folder::new();
    let puppet = folder.plugin("puppet");
    for (text, words) in [
        ("services = [\"biling\"]", "services.biling.origin binds it"),
        ("decision-timeout = 0", "at least 1ms"),
        ("on-failure = \"200\"", "480 Try Later"),
        ("reserved-fields = [\"X-Internal\"]", "in lower case"),
        ("servces = []", "unknown field `servces`"),
    ] {
        let config = folder.file("rest-client.toml", format!("[plugins.puppet]\n{text}\n"));
        let ended = route(&["--config", &config, &puppet], &[]).await;
        assert_eq!(ended.code(), 2, "{text}");
        assert!(ended.stderr.contains(words), "{text}: {}", ended.stderr);
    }
}
