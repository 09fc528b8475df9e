//! The six ways to speak HTTP, with servers that others wrote.

use crate::worker_with;
use futures_util::StreamExt as _;
use hyper::Version;
use rest_client_host::HttpVersion;
use std::{collections::BTreeSet, path::Path};
use support::{
    config,
    h2::Together,
    pki::{Authority, Validity},
    process::Service,
    server::Server,
    steps::{Step, ok, reply},
};

/// A document root, with a certificate and its key beside the document.
struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new("the site's");
        let identity = authority.issue(&["127.0.0.1"], Validity::Good);
        for (name, content) in [
            ("ca.pem", authority.pem()),
            ("certificate.pem", &identity.certificate_pem),
            ("key.pem", &identity.key_pem),
            ("hello.txt", "hello\n"),
        ] {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        Self { directory }
    }

    fn root(&self) -> &Path {
        self.directory.path()
    }

    fn tls(&self) -> String {
        let root = self.root().display();
        format!("ssl_certificate {root}/certificate.pem; ssl_certificate_key {root}/key.pem;")
    }

    async fn spoken(&self, url: &str, version: HttpVersion) -> Result<Version, String> {
        let worker = worker_with(config!(
            http_version = version,
            ssl_capath = Some(self.root().join("ca.pem"))
        ));
        let mut spoken = Version::HTTP_09;
        for _ in 0..3 {
            let reply = worker
                .rest_get(url)
                .await
                .map_err(|error| error.to_string())?;
            assert_eq!(reply.body(), "hello\n");
            spoken = reply.version();
        }
        Ok(spoken)
    }

    /// Makes so many calls to `nginx`, 32 at a time, each of which must be answered
    /// over HTTP/2. After each, `then` is told how many were before it.
    async fn answers_all(&self, nginx: &Service, calls: usize, then: impl Fn(usize)) {
        let url = nginx.https("/hello.txt");
        let worker = worker_with(config!(ssl_capath = Some(self.root().join("ca.pem"))));
        let calls = (0..calls).map(|_| worker.rest_get(&url).into_future());
        let replies = futures_util::stream::iter(calls).buffer_unordered(32);
        let mut replies = replies.enumerate();
        while let Some((number, reply)) = replies.next().await {
            assert_eq!(reply.unwrap().version(), Version::HTTP_2);
            then(number);
        }
    }
}

#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn with_a_server_of_http_2_over_tls_each_mode_speaks_its_version() {
    let site = Site::new();
    let nginx = Service::nginx(site.root(), "ssl http2", &site.tls()).await;
    let url = nginx.https("/hello.txt");
    for (version, spoken) in [
        (HttpVersion::Auto, Version::HTTP_2),
        (HttpVersion::Http10, Version::HTTP_11),
        (HttpVersion::Http11, Version::HTTP_11),
        (HttpVersion::Http2, Version::HTTP_2),
        (HttpVersion::Http2Tls, Version::HTTP_2),
        (HttpVersion::Http2PriorKnowledge, Version::HTTP_2),
    ] {
        assert_eq!(site.spoken(&url, version).await, Ok(spoken), "{version}");
    }
}

#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn with_a_server_of_http_1_over_tls_http_2_falls_back() {
    let site = Site::new();
    let nginx = Service::nginx(site.root(), "ssl", &site.tls()).await;
    let url = nginx.https("/hello.txt");
    for version in [HttpVersion::Auto, HttpVersion::Http2, HttpVersion::Http2Tls] {
        assert_eq!(
            site.spoken(&url, version).await,
            Ok(Version::HTTP_11),
            "{version}"
        );
    }
    assert!(
        site.spoken(&url, HttpVersion::Http2PriorKnowledge)
            .await
            .is_err()
    );
}

#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn without_tls_http_2_is_spoken_only_with_prior_knowledge() {
    let site = Site::new();
    let http1 = Service::nginx(site.root(), "", "").await;
    let http2 = Service::nginx(site.root(), "http2", "").await;
    for version in [
        HttpVersion::Auto,
        HttpVersion::Http11,
        HttpVersion::Http2,
        HttpVersion::Http2Tls,
    ] {
        let spoken = site.spoken(&http1.url("/hello.txt"), version).await;
        assert_eq!(spoken, Ok(Version::HTTP_11), "{version}");
    }
    let prior = HttpVersion::Http2PriorKnowledge;
    let spoken = site.spoken(&http2.url("/hello.txt"), prior).await;
    assert_eq!(spoken, Ok(Version::HTTP_2));
    assert!(site.spoken(&http1.url("/hello.txt"), prior).await.is_err());
}

/// Piece by piece, and nothing of it is in the way of the next request.
#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn a_large_body_arrives_whole_over_http_2() {
    let site = Site::new();
    let behind = Server::start(|_| ok("read")).await;
    let directives = format!(
        "location /upload {{ client_max_body_size 10m; add_header x-connection $connection; \
         proxy_pass {}; }}",
        behind.url("/")
    );
    let nginx = Service::nginx(site.root(), "http2", &directives).await;
    let worker = worker_with(config!(http_version = HttpVersion::Http2PriorKnowledge));
    let mut connections = BTreeSet::new();
    for size in [1, 65_535, 65_536, 65_537, 131_072, 5_000_000] {
        let body: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
        let reply = worker.rest_post(&nginx.url("/upload"), body.clone()).await;
        let reply = reply.unwrap();
        assert_eq!((reply.version(), &*reply.text()), (Version::HTTP_2, "read"));
        connections.extend(reply.header("x-connection").map(str::to_owned));
        assert!(
            behind.record().requests.pop().unwrap().body == body,
            "{size}"
        );
    }
    assert_eq!(connections.len(), 1, "{connections:?}");
}

/// The server answers no transfer before it has all of them.
#[tokio::test]
async fn with_http_2_transfers_share_one_connection_at_the_same_time() {
    const MANY: usize = 40;
    let server = Together::start(MANY).await;
    let worker = worker_with(config!(http_version = HttpVersion::Http2PriorKnowledge));
    let url = server.url();
    let calls = (0..MANY).map(|_| worker.rest_get(&url).into_future());
    for reply in futures_util::future::join_all(calls).await {
        assert_eq!(reply.unwrap().body(), "together");
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn where_http_2_turns_out_to_be_spoken_one_connection_is_made_for_all() {
    let site = Site::new();
    let directives = format!(
        "{} location /connection {{ return 200 $connection; }}",
        site.tls()
    );
    let nginx = Service::nginx(site.root(), "ssl http2", &directives).await;
    let worker = worker_with(config!(ssl_capath = Some(site.root().join("ca.pem"))));
    let url = nginx.https("/connection");
    let calls = (0..30).map(|_| worker.rest_get(&url).into_future());
    let replies = futures_util::future::join_all(calls).await;
    let first = replies[0].as_ref().unwrap().body().clone();
    for reply in replies {
        let reply = reply.unwrap();
        assert_eq!((reply.version(), reply.body()), (Version::HTTP_2, &first));
    }
}

#[tokio::test]
async fn http_1_0_is_said_in_the_request_and_keeps_no_connection() {
    let server = Server::start(|_| {
        [
            reply("200 OK", &[("connection", "close")], b"x"),
            vec![Step::Close],
        ]
        .concat()
    })
    .await;
    let worker = worker_with(config!(http_version = HttpVersion::Http10));
    for _ in 0..2 {
        worker.rest_post(&server.url("/"), "abc").await.unwrap();
    }
    let record = server.record();
    assert_eq!(record.accepted, 2);
    for seen in record.requests {
        assert_eq!((&*seen.version, &seen.body[..]), ("HTTP/1.0", &b"abc"[..]));
        assert!(seen.header("transfer-encoding").is_empty());
    }
    let plain = Server::start(|_| ok("x")).await;
    assert_eq!(worker.rest_get(&plain.url("/")).await.unwrap().body(), "x");
}

/// nginx ends a connection after 1,000 requests unless it is told otherwise, and
/// refuses what it meets then.
#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn no_call_is_lost_where_the_server_ends_its_connections() {
    let site = Site::new();
    let nginx = Service::nginx(site.root(), "ssl http2", &site.tls()).await;
    site.answers_all(&nginx, 5000, |_| {}).await;
}

#[tokio::test]
#[cfg_attr(
    not(has_nginx),
    ignore = "nginx is not installed: apt-get install nginx-light"
)]
async fn no_call_is_lost_where_the_server_is_reloaded() {
    let site = Site::new();
    let nginx = Service::nginx_with_workers(site.root(), "ssl http2", &site.tls()).await;
    site.answers_all(&nginx, 4000, |answered| {
        if answered % 1000 == 500 {
            nginx.reload();
        }
    })
    .await;
}
