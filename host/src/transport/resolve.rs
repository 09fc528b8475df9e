//! From a host name to its addresses, as they become known.
//!
//! The resolver is asynchronous throughout: a name server that never answers
//! holds a socket until the deadline of the call, and no thread at all, as
//! `getaddrinfo` would. It reads `/etc/hosts` and `/etc/resolv.conf`, search
//! list included, and reads them again when they have changed; it knows no other
//! sources of the name service switch.

use super::{
    descriptors,
    hosts::Hosts,
    name_servers::{self, NameServers},
    watched_file::WatchedFile,
};
use crate::call::{
    failure::{Cause, Failure},
    origin::literal,
};
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use hickory_resolver::{
    net::NetError,
    proto::rr::{Name, RecordType},
};
use std::{
    collections::VecDeque,
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::{Arc, OnceLock},
};

/// Looks names up.
#[derive(Debug)]
pub(super) struct Resolver {
    hosts: WatchedFile<Hosts>,
    servers: Servers,
}

/// Whom to ask for names that `/etc/hosts` does not know.
#[derive(Debug)]
enum Servers {
    System(WatchedFile<NameServers>),
    /// Made when they are asked first, which takes a runtime.
    Given(Vec<SocketAddr>, OnceLock<Arc<NameServers>>),
}

impl Resolver {
    /// Asks `servers`, or those of the system if there are none.
    pub(super) fn new(servers: Vec<SocketAddr>) -> Self {
        Self::reading(
            Path::new("/etc/hosts"),
            Path::new("/etc/resolv.conf"),
            servers,
        )
    }

    fn reading(hosts: &Path, resolv_conf: &Path, servers: Vec<SocketAddr>) -> Self {
        Self {
            hosts: WatchedFile::new(hosts),
            servers: if servers.is_empty() {
                Servers::System(WatchedFile::new(resolv_conf))
            } else {
                Servers::Given(servers, OnceLock::new())
            },
        }
    }

    /// The addresses of `host`, a name or an address as it stands in a URL, in
    /// lower case. Nobody is asked before the first is waited for.
    ///
    /// # Errors
    ///
    /// There are no name servers to ask.
    pub(super) fn addresses(&self, host: &str) -> Result<Addresses, Failure> {
        if let Ok(address) = literal(host).parse() {
            return Ok(Addresses::known(vec![address]));
        }
        let name = host.strip_suffix('.').unwrap_or(host);
        let hosts = self.hosts.current(|read| match read {
            Ok(bytes) => Ok(Hosts::parse(&String::from_utf8_lossy(&bytes))),
            Err(error) => match descriptors::exhausted(&error) {
                Some(failure) => Err(failure),
                None => Ok(Hosts::default()),
            },
        })?;
        let addresses = hosts.addresses(name);
        if !addresses.is_empty() {
            return Ok(Addresses::known(addresses.to_vec()));
        }
        if name == "localhost" || name.ends_with(".localhost") {
            // RFC 6761, section 6.3: nobody is to be asked.
            let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
            return Ok(Addresses::known(loopback.to_vec()));
        }
        let servers = self.servers.current()?;
        let names = servers.names(host)?;
        Ok(Addresses::asked_for(names, servers))
    }
}

impl Servers {
    fn current(&self) -> Result<Arc<NameServers>, Failure> {
        match self {
            Self::Given(servers, made) => {
                if let Some(made) = made.get() {
                    return Ok(made.clone());
                }
                let new = Arc::new(NameServers::of(servers)?);
                Ok(made.get_or_init(|| new).clone())
            }
            Self::System(file) => file.current(|read| match read {
                Ok(bytes) => NameServers::parse(&bytes),
                Err(error) => Err(descriptors::exhausted(&error).unwrap_or_else(|| {
                    let why = match error.kind() {
                        ErrorKind::NotFound => "there is no /etc/resolv.conf".to_owned(),
                        _ => format!("/etc/resolv.conf can't be read: {error}"),
                    };
                    let sentence =
                        format!("no name server is known, {why}; dns-servers can name some");
                    Failure::new(Cause::Dns, sentence).because(error)
                })),
            }),
        }
    }
}

/// The addresses of a host, of which there may be more to come.
#[derive(Default)]
pub(super) struct Addresses {
    known: Vec<IpAddr>,
    /// To ask for, as long as none had an address.
    names: VecDeque<Name>,
    servers: Option<Arc<NameServers>>,
    queries: FuturesUnordered<BoxFuture<'static, Result<Vec<IpAddr>, NetError>>>,
    error: Option<NetError>,
}

impl Addresses {
    /// These and no others.
    pub(super) fn known(known: Vec<IpAddr>) -> Self {
        Self {
            known,
            ..Self::default()
        }
    }

    fn asked_for(names: Vec<Name>, servers: Arc<NameServers>) -> Self {
        Self {
            names: names.into(),
            servers: Some(servers),
            ..Self::default()
        }
    }

    /// The next ones, at least one; `None` if there are no more. Both families of
    /// addresses are asked for at the same time, and what is there first comes
    /// first. Nothing is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> Option<Vec<IpAddr>> {
        if !self.known.is_empty() {
            return Some(std::mem::take(&mut self.known));
        }
        loop {
            match self.queries.next().await {
                Some(Ok(addresses)) if !addresses.is_empty() => {
                    self.names.clear();
                    return Some(addresses);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    if name_servers::is_no_name(&error) {
                        self.queries.clear();
                    }
                    // That nobody answered says more than that a name is none.
                    if self.error.as_ref().is_none_or(name_servers::is_answer) {
                        self.error = Some(error);
                    }
                }
                None => {
                    let (name, servers) = (self.names.pop_front()?, self.servers.as_ref()?);
                    for kind in [RecordType::A, RecordType::AAAA] {
                        self.queries.push(Box::pin(servers.ask(name.clone(), kind)));
                    }
                }
            }
        }
    }

    /// Why there was none.
    pub(super) fn failure(self) -> Failure {
        self.error.map_or_else(
            || Failure::new(Cause::Dns, "the name has no address"),
            name_servers::failure,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_files() -> Resolver {
        let absent = Path::new("/nonexistent/file");
        Resolver::reading(absent, absent, Vec::new())
    }

    async fn all(resolver: &Resolver, host: &str) -> Vec<String> {
        let mut addresses = resolver.addresses(host).unwrap();
        let mut all = Vec::new();
        while let Some(some) = addresses.next().await {
            all.extend(some.iter().map(ToString::to_string));
        }
        all
    }

    #[tokio::test]
    async fn localhost_and_names_under_it_need_no_name_server() {
        let resolver = without_files();
        for host in ["localhost", "localhost.", "app.localhost"] {
            assert_eq!(all(&resolver, host).await, ["127.0.0.1", "::1"], "{host}");
        }
    }

    #[tokio::test]
    async fn an_address_needs_no_name_server() {
        let resolver = without_files();
        assert_eq!(all(&resolver, "192.0.2.7").await, ["192.0.2.7"]);
        assert_eq!(all(&resolver, "[2001:db8::7]").await, ["2001:db8::7"]);
    }

    #[tokio::test]
    async fn the_file_of_hosts_comes_before_everything_else() {
        let name = format!("rest-client-hosts-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, "192.0.2.1 localhost my_service\n").unwrap();
        let resolver = Resolver::reading(&file, Path::new("/nonexistent/file"), Vec::new());
        for host in ["localhost", "my_service", "my_service."] {
            assert_eq!(all(&resolver, host).await, ["192.0.2.1"], "{host}");
        }
        std::fs::write(&file, "192.0.2.123 localhost\n").unwrap();
        assert_eq!(all(&resolver, "localhost").await, ["192.0.2.123"]);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(all(&resolver, "localhost").await, ["127.0.0.1", "::1"]);
    }

    #[tokio::test]
    async fn without_name_servers_it_is_said_what_would_be_right() {
        let Err(failure) = without_files().addresses("service.example") else {
            panic!("nobody can be asked");
        };
        assert_eq!(failure.cause, Cause::Dns);
        assert!(
            failure.sentence.contains("dns-servers"),
            "{}",
            failure.sentence
        );
    }
}
