//! Under systemd: its socket, what it is told, and its units.

use crate::worker_with;
use rest_client_host::Service;
use std::{fs, os::unix::net::UnixDatagram, time::Duration};
use support::{
    config, plugin,
    process::{Running, rest_client, run},
};

const ASKED: &str = r#"{"protocol": "http", "method": "GET", "target": "/"}"#;

#[tokio::test]
#[cfg_attr(
    not(has_systemd),
    ignore = "systemd-socket-activate is not installed: apt-get install systemd"
)]
async fn it_takes_the_socket_that_is_handed_over() {
    let folder = super::folder();
    let file = folder.path().join("puppet.wasm");
    fs::write(&file, plugin::built("puppet")).unwrap();
    let socket = folder.path().join("decide.sock");
    let program = rest_client().to_str().unwrap();
    let arguments = [
        "-l",
        socket.to_str().unwrap(),
        program,
        "serve",
        "--listen",
        "systemd",
        file.to_str().unwrap(),
    ];
    let mut process = Running::start("systemd-socket-activate", arguments);
    process.wait_for_complaint("Listening on").await;
    let origin = format!("unix:{}", socket.display());
    let decide = Service::new(origin.parse().unwrap());
    let config = config!(
        services = [("decide".to_owned(), decide)].into(),
        transfer_timeout = Duration::from_secs(30),
        connection_timeout = Duration::from_secs(30)
    );
    // It is started by the first who asks.
    let request = worker_with(config)
        .rest_post("http://decide.service.internal/v1/route/puppet", ASKED)
        .content_type("application/json");
    assert_eq!(request.await.unwrap().text(), r#"{"decision":"continue"}"#);
    process.signal("TERM").await;
    assert_eq!(process.ended().await.code(), 0);
    // It is not the program's to remove.
    assert!(socket.exists());
}

#[tokio::test]
async fn without_one_it_says_what_is_missing() {
    let folder = super::folder();
    let file = folder.path().join("puppet.wasm");
    fs::write(&file, plugin::built("puppet")).unwrap();
    let arguments = ["serve", "--listen", "systemd", file.to_str().unwrap()];
    let ended = run(rest_client(), arguments, b"").await;
    assert_eq!(ended.code(), 2);
    assert!(ended.stderr.contains("LISTEN_FDS"), "{}", ended.stderr);
}

#[tokio::test]
async fn it_tells_when_it_can_be_asked_and_when_it_ends() {
    let folder = super::folder();
    let file = folder.path().join("puppet.wasm");
    fs::write(&file, plugin::built("puppet")).unwrap();
    let notify = folder.path().join("notify");
    let told = UnixDatagram::bind(&notify).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let variable = format!("NOTIFY_SOCKET={}", notify.display());
    let program = rest_client().to_str().unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", file.to_str().unwrap()];
    let arguments = [&[&*variable, program][..], &serve].concat();
    let process = Running::start("env", arguments);
    let next = || {
        let mut buffer = [0; 100];
        let length = told.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length])
            .trim_end()
            .to_owned()
    };
    assert_eq!(next(), "READY=1");
    process.signal("TERM").await;
    assert_eq!(next(), "STOPPING=1");
    assert_eq!(process.ended().await.code(), 0);
}

#[tokio::test]
#[cfg_attr(
    not(has_systemd),
    ignore = "systemd-analyze is not installed: apt-get install systemd"
)]
async fn its_units_are_well_formed() {
    let folder = super::folder();
    let deploy = xtask::workspace_root().join("deploy/systemd");
    let mut units = Vec::new();
    for name in ["rest-client.service", "rest-client.socket"] {
        let unit = fs::read_to_string(deploy.join(name)).unwrap();
        // Where the program is here.
        let unit = unit.replace("/usr/bin/rest-client", rest_client().to_str().unwrap());
        let file = folder.path().join(name);
        fs::write(&file, unit).unwrap();
        units.push(file.to_str().unwrap().to_owned());
    }
    let arguments = [&["verify".to_owned(), "--man=no".to_owned()][..], &units].concat();
    let ended = run("systemd-analyze", arguments, b"").await;
    let ours = |line: &&str| line.contains(folder.path().to_str().unwrap());
    let complaints: Vec<&str> = ended.stderr.lines().filter(ours).collect();
    assert!(complaints.is_empty(), "{}", ended.stderr);
}
