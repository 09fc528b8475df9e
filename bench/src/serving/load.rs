//! Who asks: some connections of HTTP/1.1 that are kept, each with one request at a time.

use anyhow::{Result, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use http::{Request, header::HOST};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

/// What is asked for, and must be answered.
pub(super) struct Page {
    /// With its query.
    pub(super) path: String,
    pub(super) body: String,
}

/// One request, as often as it is wanted.
pub(super) struct Load {
    at: SocketAddr,
    request: Request<Empty<Bytes>>,
    /// That of every reply.
    body: String,
    /// How many requests are on their way at a time, each on a connection of its own.
    in_flight: usize,
}

impl Load {
    /// Asks who listens there.
    pub(super) fn new(at: SocketAddr, page: Page, in_flight: usize) -> Result<Self> {
        let request = Request::get(&page.path)
            .header(HOST, at.to_string())
            .body(Empty::new())?;
        Ok(Self {
            at,
            request,
            body: page.body,
            in_flight,
        })
    }

    /// Makes so many requests, on connections that have brought one before. They are new ones
    /// each time: a server need not keep them while another is measured.
    pub(super) async fn run(&self, requests: usize) -> Result<Measured> {
        let mut connections = Vec::with_capacity(self.in_flight);
        for _ in 0..self.in_flight {
            let stream = TcpStream::connect(self.at).await?;
            stream.set_nodelay(true)?;
            let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            self.ask(&mut sender).await?;
            connections.push(sender);
        }
        let (left, latencies) = (Cell::new(requests), RefCell::new(Vec::new()));
        latencies.borrow_mut().reserve(requests);
        let (left, taken) = (&left, &latencies);
        let began = Instant::now();
        try_join_all(connections.iter_mut().map(|sender| async move {
            while left.get() > 0 {
                left.set(left.get() - 1);
                let latency = self.ask(sender).await?;
                taken.borrow_mut().push(latency);
            }
            anyhow::Ok(())
        }))
        .await?;
        let took = began.elapsed();
        let mut latencies = latencies.into_inner();
        latencies.sort_unstable();
        Ok(Measured { took, latencies })
    }

    /// Makes a request, and returns how long its reply took.
    async fn ask(&self, sender: &mut SendRequest<Empty<Bytes>>) -> Result<Duration> {
        let began = Instant::now();
        sender.ready().await?;
        let reply = sender.send_request(self.request.clone()).await?;
        let status = reply.status();
        let body = reply.into_body().collect().await?.to_bytes();
        let took = began.elapsed();
        ensure!(
            status == 200 && body == self.body.as_bytes(),
            "the reply is {status} {}",
            String::from_utf8_lossy(&body)
        );
        Ok(took)
    }
}

/// How long requests took.
pub(super) struct Measured {
    took: Duration,
    /// Of each, the shortest first.
    latencies: Vec<Duration>,
}

impl Measured {
    /// Requests a second.
    pub(super) fn throughput(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// What that part of the requests took at most, in µs.
    pub(super) fn percentile(&self, part: f64) -> f64 {
        let index = (self.latencies.len() as f64 * part) as usize;
        let latency = self.latencies.get(index).or(self.latencies.last());
        latency.map_or(f64::NAN, |it| it.as_secs_f64() * 1e6)
    }
}
