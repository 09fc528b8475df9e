//! What becomes of a host, and of the calls of its instances, when guests
//! misbehave.

use crate::{
    AtCap, Config, ErrorKind, Host, Instance,
    sandbox::{Factory, ON_DEMAND, SLOTS, misdeed},
};
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::Instant,
};

fn host() -> Host {
    let config = Config {
        transfer_timeout: Duration::from_millis(300),
        ..Config::default()
    };
    Host::with(config, Factory::misbehaving).unwrap()
}

#[tokio::test]
async fn a_guest_that_traps_ends_its_call_with_an_error_and_is_replaced() {
    let instance = host().instance();
    for replaced in 1..=3 {
        let error = instance
            .rest_request(misdeed::TRAP, "http://h/")
            .await
            .unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Internal, -10));
        assert!(error.to_string().contains("unreachable"), "{error}");
        let stats = instance.stats();
        assert_eq!((stats.replaced, stats.in_flight), (replaced, 0));
    }
}

/// At the moment in which its caller is woken.
#[tokio::test]
async fn the_slot_of_a_call_whose_guest_traps_is_free_when_its_caller_hears_of_it() {
    struct Look(Instance, AtomicU64);
    impl Wake for Look {
        fn wake(self: Arc<Self>) {
            self.1.store(self.0.stats().in_flight, Relaxed);
        }
    }
    let instance = host().instance();
    let look = Arc::new(Look(instance.clone(), AtomicU64::new(u64::MAX)));
    let waker = look.clone().into();
    let mut call = pin!(
        instance
            .rest_request(misdeed::TRAP, "http://h/")
            .into_future()
    );
    loop {
        match call.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(outcome) => {
                outcome.unwrap_err();
                break;
            }
            Poll::Pending => tokio::task::yield_now().await,
        }
    }
    assert_eq!(look.1.load(Relaxed), 0);
}

#[tokio::test]
async fn a_guest_that_spins_ends_at_its_deadline_and_lets_others_work() {
    let instance = host().instance();
    let started = Instant::now();
    let mut beats = 0;
    let call = instance
        .rest_request(misdeed::SPIN, "http://h/")
        .into_future();
    let heart = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            beats += 1;
        }
    };
    let error = tokio::select! {
        outcome = call => outcome.unwrap_err(),
        () = heart => unreachable!("it beats for ever"),
    };
    let elapsed = started.elapsed();
    assert!(error.is_timeout(), "{error}");
    assert!(elapsed >= Duration::from_millis(300), "{elapsed:?}");
    assert!(elapsed < Duration::from_millis(1500), "{elapsed:?}");
    assert!(
        beats >= 3,
        "the only thread of the runtime was held: {beats}"
    );
}

#[tokio::test]
async fn a_guest_that_spins_is_replaced() {
    let instance = host().instance();
    instance
        .rest_request(misdeed::SPIN, "http://h/")
        .await
        .unwrap_err();
    let deadline = Instant::now() + Duration::from_secs(20);
    while instance.stats().replaced == 0 {
        assert!(Instant::now() < deadline, "it spins still");
        tokio::task::yield_now().await;
    }
    assert_eq!(instance.stats().in_flight, 0);
}

/// A server that answers one of its connections when it is told to. The
/// guests ask it for nothing but `/`.
struct Service {
    url: String,
    waiting: mpsc::UnboundedReceiver<TcpStream>,
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (sender, waiting) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let sender = sender.clone();
                tokio::spawn(async move {
                    let mut head = [0; 1024];
                    // The head is smaller than a segment.
                    let length = stream.read(&mut head).await.unwrap_or(0);
                    if head[..length].ends_with(b"\r\n\r\n") {
                        let _ = sender.send(stream);
                    }
                });
            }
        });
        Self { url, waiting }
    }

    async fn asked(&mut self) -> TcpStream {
        let asked = tokio::time::timeout(Duration::from_secs(20), self.waiting.recv());
        asked.await.expect("a request").unwrap()
    }
}

/// Waits until the peer has closed the connection.
async fn closed(mut stream: TcpStream) {
    let mut byte = [0];
    let end = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut byte));
    // A reset is an end, too.
    assert!(matches!(end.await.expect("an end"), Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_guest_that_traps_with_transfers_open_fails_them_all_and_is_replaced() {
    let mut service = Service::start().await;
    let config = Config::default();
    let host = Host::with(config, Factory::misbehaving);
    let instance = host.unwrap().instance();
    for replaced in 1..=2 {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..5 {
            let (instance, url) = (instance.clone(), service.url.clone());
            calls.spawn(async move {
                instance
                    .rest_request(misdeed::TRAP_WITH_TRANSFERS_OPEN, &url)
                    .await
            });
        }
        let mut open = Vec::new();
        for _ in 0..5 {
            open.push(service.asked().await);
        }
        assert_eq!(instance.stats().in_flight, 5);
        // The driver may well read both before the guest hears of one.
        for mut answered in open.split_off(3) {
            let reply = b"HTTP/1.1 204 No Content\r\n\r\n";
            answered.write_all(reply).await.unwrap();
        }
        while let Some(call) = calls.join_next().await {
            let error = call.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Internal);
            assert!(error.to_string().contains("unreachable"), "{error}");
        }
        let stats = instance.stats();
        assert_eq!((stats.replaced, stats.in_flight), (replaced, 0));
        for stream in open {
            closed(stream).await;
        }
    }
}

#[tokio::test]
async fn a_guest_that_drops_transfers_ends_them_and_holds_no_slot() {
    let service = Service::start().await;
    let host = Host::with(
        Config {
            max_async_transfers: 1,
            at_cap: AtCap::Reject,
            ..Config::default()
        },
        Factory::misbehaving,
    );
    let instance = host.unwrap().instance();
    for started in 1..=10 {
        let error = instance
            .rest_request(misdeed::DROP_TRANSFERS, &service.url)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(!error.is_at_cap(), "{error}");
        let stats = instance.stats();
        assert_eq!((stats.started, stats.in_flight), (started, 0));
        assert_eq!(stats.replaced, 0);
    }
}

/// A host that has made so many sandboxes that it sets slots aside.
fn busy_host() -> Host {
    let host = host();
    host.factory().expect_many();
    host
}

fn free_slots(host: &Host) -> Option<usize> {
    host.factory().free_slots()
}

/// Waits until the drivers of instances that were dropped have ended.
async fn all_slots_free(host: &Host) {
    while free_slots(host) != Some(SLOTS as usize) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_few_sandboxes_need_no_slots() {
    let host = Host::new(Config::default()).unwrap();
    for _ in 0..ON_DEMAND {
        host.instance().rest_get("no URL").await.unwrap_err();
    }
    assert_eq!(free_slots(&host), None);
    let one_more = host.instance();
    one_more.rest_get("no URL").await.unwrap_err();
    assert_eq!(free_slots(&host), Some(SLOTS as usize - 1));
}

#[tokio::test]
async fn a_sandbox_finds_its_memory_as_if_nobody_had_had_its_slot() {
    let host = busy_host();
    for _ in 0..3 {
        let instances = Vec::from_iter((0..SLOTS).map(|_| host.instance()));
        for instance in &instances {
            let error = instance
                .rest_request(misdeed::LEAVE_MARK, "http://h/")
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Internal);
            assert_eq!(instance.stats().replaced, 0, "{error}");
        }
        assert_eq!(free_slots(&host), Some(0));
        // It does leave a mark.
        let twice = instances[0]
            .rest_request(misdeed::LEAVE_MARK, "http://h/")
            .await
            .unwrap_err();
        assert_eq!(instances[0].stats().replaced, 1, "{twice}");
        drop(instances);
        all_slots_free(&host).await;
    }
}

#[tokio::test]
async fn with_no_slot_free_a_sandbox_is_made_on_demand() {
    let host = busy_host();
    let instances = Vec::from_iter((0..SLOTS + 10).map(|_| host.instance()));
    for instance in &instances {
        instance
            .rest_request(misdeed::LEAVE_MARK, "http://h/")
            .await
            .unwrap_err();
        assert_eq!(instance.stats().replaced, 0);
    }
    assert_eq!(free_slots(&host), Some(0));
}

#[tokio::test]
async fn a_guest_that_spins_in_a_slot_is_interrupted_and_leaves_it() {
    let host = busy_host();
    let instance = host.instance();
    let error = instance
        .rest_request(misdeed::SPIN, "http://h/")
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let freed = tokio::time::timeout(Duration::from_secs(20), all_slots_free(&host));
    freed.await.expect("it spins still");
    assert_eq!(instance.stats().replaced, 1);
}
