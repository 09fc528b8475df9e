//! The race of a host's addresses for a connection (RFC 8305).

use super::{descriptors, errors, policy::Grant, resolve::Addresses};
use crate::call::{Call, Phase, failure::Failure};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// How long one address is tried before the next is tried beside it (RFC 8305,
/// section 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How long those with addresses of IPv6 alone wait for some of IPv4, which are
/// tried first here (RFC 8305, section 3, has the families the other way round).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// How long after the first addresses others are waited for where none of the
/// first can be connected to. Name servers that drop one of the two queries are
/// not heard of before a multiple of that.
const LATEST: Duration = Duration::from_secs(1);

/// Connects to the first of `addresses` that answers. The families alternate, and
/// each address has a head start before the next. Those that become known later
/// are tried as well.
pub(super) async fn dial(
    mut addresses: Addresses,
    port: u16,
    grant: &Grant,
    call: &Call,
) -> Result<(TcpStream, IpAddr), Failure> {
    let mut waiting = Waiting::of(grant);
    let Some(first) = addresses.next().await else {
        return Err(addresses.failure());
    };
    waiting.add(first);
    let mut latest = pin!(sleep(LATEST));
    if waiting.ipv4.is_empty()
        && let Ok(Some(more)) = timeout(RESOLUTION_DELAY, addresses.next()).await
    {
        waiting.add(more);
    }
    call.enter(Phase::Connect);
    let mut attempts = FuturesUnordered::new();
    let mut head_start = pin!(sleep(ATTEMPT_DELAY));
    let mut failed = None;
    let (mut tried, mut is_due, mut more_to_come) = (0, true, true);
    loop {
        if is_due && let Some(address) = waiting.next() {
            tried += 1;
            is_due = false;
            attempts.push(async move {
                let stream = TcpStream::connect(SocketAddr::new(address, port)).await?;
                Ok((stream, address))
            });
            head_start.as_mut().reset(Instant::now() + ATTEMPT_DELAY);
        }
        if attempts.is_empty() && !more_to_come {
            return Err(match failed {
                Some(error) => failure(error, tried),
                None => waiting
                    .refused
                    .take()
                    .unwrap_or_else(|| addresses.failure()),
            });
        }
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok(connected) => return Ok(connected),
                Err(error) => {
                    // What we lack hides what the others would have said.
                    if !failed.as_ref().is_some_and(descriptors::is_exhausted) {
                        failed = Some(error);
                    }
                    is_due = true;
                }
            },
            () = &mut head_start, if !is_due => is_due = true,
            more = addresses.next(), if more_to_come => match more {
                Some(more) => waiting.add(more),
                None => more_to_come = false,
            },
            () = &mut latest, if more_to_come && attempts.is_empty() => more_to_come = false,
        }
    }
}

fn failure(error: io::Error, tried: usize) -> Failure {
    descriptors::exhausted(&error).unwrap_or_else(|| errors::dialing(error, tried))
}

/// Addresses that have not been tried, by family. Those that are not granted are
/// not among them.
struct Waiting<'a> {
    grant: &'a Grant,
    /// Why the first that is not granted is not.
    refused: Option<Failure>,
    ipv4: VecDeque<IpAddr>,
    ipv6: VecDeque<IpAddr>,
    /// Whose turn it is.
    is_ipv6_next: bool,
}

impl<'a> Waiting<'a> {
    fn of(grant: &'a Grant) -> Self {
        Self {
            grant,
            refused: None,
            ipv4: VecDeque::new(),
            ipv6: VecDeque::new(),
            is_ipv6_next: false,
        }
    }

    fn add(&mut self, addresses: Vec<IpAddr>) {
        tracing::debug!(?addresses, "the host has addresses");
        for address in addresses {
            if !self.grant.allows(address) {
                self.refused
                    .get_or_insert_with(|| self.grant.refusal(address));
                continue;
            }
            match address {
                IpAddr::V4(_) => self.ipv4.push_back(address),
                IpAddr::V6(_) => self.ipv6.push_back(address),
            }
        }
    }

    fn next(&mut self) -> Option<IpAddr> {
        let address = if self.is_ipv6_next {
            self.ipv6.pop_front().or_else(|| self.ipv4.pop_front())
        } else {
            self.ipv4.pop_front().or_else(|| self.ipv6.pop_front())
        }?;
        self.is_ipv6_next = address.is_ipv4();
        Some(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_alternate_between_the_families() {
        let mut waiting = Waiting::of(&Grant::Everything);
        let add = |waiting: &mut Waiting<'_>, texts: &[&str]| {
            waiting.add(texts.iter().map(|text| text.parse().unwrap()).collect());
        };
        let next = |waiting: &mut Waiting<'_>| waiting.next().map(|it| it.to_string());
        add(&mut waiting, &["::1", "::2", "127.0.0.1"]);
        assert_eq!(next(&mut waiting).unwrap(), "127.0.0.1");
        assert_eq!(next(&mut waiting).unwrap(), "::1");
        add(&mut waiting, &["127.0.0.2", "127.0.0.3"]);
        for expected in ["127.0.0.2", "::2", "127.0.0.3"] {
            assert_eq!(next(&mut waiting).unwrap(), expected);
        }
        assert_eq!(next(&mut waiting), None);
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_hide_one_that_answers() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let addresses = ["127.0.0.2", "127.0.0.1"].map(|text| text.parse().unwrap());
        let call = Call::start(LATEST, LATEST);
        let stream = dial(
            Addresses::known(addresses.to_vec()),
            port,
            &Grant::Everything,
            &call,
        );
        let (stream, _) = stream.await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
    }
}
