//! The name servers, and which names to ask them for.
//!
//! The resolver's own lookup of both kinds of addresses returns when it has both
//! answers; here each query is one by itself.

use super::descriptors;
use crate::call::failure::{Cause, Failure};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RecordType},
    },
    system_conf::parse_resolv_conf,
};
use std::net::{IpAddr, SocketAddr};

/// Asks name servers.
#[derive(Debug)]
pub(super) struct NameServers {
    resolver: TokioResolver,
    /// Domains in which a name is looked for.
    search: Vec<Name>,
    /// Dots that a name has which is looked for as it is before that.
    ndots: usize,
}

impl NameServers {
    /// Asks `servers`. A name is complete as it is.
    pub(super) fn of(servers: &[SocketAddr]) -> Result<Self, Failure> {
        let servers = servers.iter().map(|server| {
            let port = |mut connection: ConnectionConfig| {
                connection.port = server.port();
                connection
            };
            let connections = vec![port(ConnectionConfig::udp()), port(ConnectionConfig::tcp())];
            NameServerConfig::new(server.ip(), true, connections)
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        Self::new(config, ResolverOpts::default())
    }

    /// Asks those that a file in the form of resolv.conf(5) names, in the domains
    /// it names.
    pub(super) fn parse(resolv_conf: &[u8]) -> Result<Self, Failure> {
        let (config, options) = parse_resolv_conf(resolv_conf).map_err(|error| {
            Failure::new(
                Cause::Dns,
                format!(
                    "the system's name servers are not known: {error}; dns-servers can name some"
                ),
            )
        })?;
        Self::new(config, options)
    }

    fn new(config: ResolverConfig, mut options: ResolverOpts) -> Result<Self, Failure> {
        // They are read by others, and names here are complete.
        options.use_hosts_file = ResolveHosts::Never;
        let mut search = config.search().to_vec();
        if search.is_empty() {
            search.extend(config.domain().cloned());
        }
        let ndots = options.ndots;
        let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map_err(|error| {
                Failure::new(Cause::Dns, format!("no resolver can be made: {error}"))
            })?;
        Ok(Self {
            resolver,
            search,
            ndots,
        })
    }

    /// The names to ask for one after the other, to find `host` (resolv.conf(5),
    /// search and ndots).
    pub(super) fn names(&self, host: &str) -> Result<Vec<Name>, Failure> {
        // Not by the rules for host names, which have no underscore: other
        // programs do not insist on them, and names of services have one.
        let name = Name::from_ascii(host)
            .map_err(|error| Failure::new(Cause::Dns, format!("this can't be a name: {error}")))?;
        if name.is_fqdn() {
            return Ok(vec![name]);
        }
        let mut complete = name.clone();
        complete.set_fqdn(true);
        let is_complete = host.matches('.').count() >= self.ndots;
        let mut names = Vec::with_capacity(1 + self.search.len());
        if is_complete {
            names.push(complete.clone());
        }
        for domain in &self.search {
            // One that becomes too long is no name.
            if let Ok(name) = name.clone().append_domain(domain)
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        if !is_complete && !names.contains(&complete) {
            names.push(complete);
        }
        Ok(names)
    }

    /// Asks for the addresses of `name` of one kind. There may be none. The result
    /// does not need `self`.
    pub(super) fn ask(
        &self,
        name: Name,
        kind: RecordType,
    ) -> impl Future<Output = Result<Vec<IpAddr>, NetError>> + Send + use<> {
        let resolver = self.resolver.clone();
        async move {
            let answers = resolver.lookup(name, kind).await?;
            let answers = answers.answers().iter();
            Ok(answers.filter_map(|record| record.data.ip_addr()).collect())
        }
    }
}

/// Whether the name is none, so that it has no addresses of another kind either.
pub(super) fn is_no_name(error: &NetError) -> bool {
    matches!(
        error,
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NXDomain
    )
}

/// Whether `error` is an answer, rather than the lack of one.
pub(super) fn is_answer(error: &NetError) -> bool {
    matches!(error, NetError::Dns(DnsError::NoRecordsFound(_)))
}

/// Why a name has no address.
pub(super) fn failure(error: NetError) -> Failure {
    if let NetError::Io(io) = &error
        && let Some(failure) = descriptors::exhausted(io)
    {
        return failure;
    }
    let sentence = match &error {
        NetError::Timeout => "no name server answered".to_owned(),
        NetError::Dns(DnsError::NoRecordsFound(_)) => {
            "there is no such name, or it has no address".to_owned()
        }
        other => format!("the name servers can't be asked: {other}"),
    };
    Failure::new(Cause::Dns, sentence).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_are_looked_for_as_the_c_library_does() {
        let servers = NameServers::parse(
            b"nameserver 192.0.2.1\nsearch ns.example example\noptions ndots:2\n",
        )
        .unwrap();
        let names = |host: &str| {
            let names = servers.names(host).unwrap();
            names.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(names("db"), ["db.ns.example.", "db.example.", "db."]);
        assert_eq!(names("a.b.c")[0], "a.b.c.");
        assert_eq!(names("a.b.c").len(), 3);
        assert_eq!(names("my_service")[0], "my_service.ns.example.");
        assert_eq!(names("db."), ["db."]);
    }

    #[tokio::test]
    async fn a_file_without_name_servers_says_what_would_be_right() {
        let failure = NameServers::parse(b"# none\n").unwrap_err();
        assert!(
            failure.sentence.contains("dns-servers"),
            "{}",
            failure.sentence
        );
    }
}
