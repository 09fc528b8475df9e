//! Whom the requests of a tenant may reach: services by their names, and others as
//! far as the egress policy goes.

mod address_class;
mod egress;
mod fail_fast;
mod refusals;
mod retry_budget;
mod secret;
mod service;

use crate::{
    call::{
        failure::{Cause, Failure},
        origin::Origin,
    },
    config::{ConfigError, Egress, Service as ServiceConfig},
};
use http::Method;
use refusals::Refusals;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

#[cfg(feature = "fuzzing")]
pub(super) use address_class::special;
pub(super) use egress::Grant;
pub(super) use fail_fast::Pass;
pub(super) use service::Service;

/// What a configuration says, the same for all who are held to it.
#[derive(Debug)]
pub(crate) struct Rules {
    egress: Egress,
    /// Where the configuration has these.
    egress_table: Arc<str>,
    /// Whose they are, if they are one plugin's.
    plugin: Option<OfPlugin>,
    /// By their names, in order.
    services: Vec<service::Rules>,
}

/// A plugin with rules of its own.
#[derive(Debug)]
struct OfPlugin {
    name: String,
    /// Services of the configuration that it may not ask.
    withheld: BTreeSet<String>,
}

/// The rules for one tenant, with what it has found out of its services. No other has
/// a part in that.
#[derive(Debug)]
pub(crate) struct Policy {
    rules: Arc<Rules>,
    /// In the order of the services.
    states: Vec<service::State>,
    refusals: Refusals,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub(super) enum Peer {
    /// The server, at this address.
    Server(IpAddr),
    /// A proxy, at this address.
    Proxy(Box<Origin>, IpAddr),
    /// A service, at a socket of this machine.
    Socket,
}

/// The way of a request.
pub(super) enum Route<'a> {
    /// To the server that it names.
    Server(Grant),
    /// To a service.
    Service(Service<'a>),
}

impl Rules {
    /// # Errors
    ///
    /// A value that a service's requests are to carry is not there.
    pub(crate) fn new(
        services: &BTreeMap<String, ServiceConfig>,
        egress: &Egress,
    ) -> Result<Self, ConfigError> {
        let services = services
            .iter()
            .map(|(name, service)| service::Rules::new(name, service));
        Ok(Self {
            services: services.collect::<Result<_, _>>()?,
            egress: egress.clone(),
            egress_table: "egress".into(),
            plugin: None,
        })
    }

    /// The same, for the plugin of this name, from which some services are withheld. Its
    /// egress policy may be its own.
    pub(crate) fn of_plugin(
        self,
        name: &str,
        withheld: BTreeSet<String>,
        has_own_egress: bool,
    ) -> Self {
        let egress_table = match has_own_egress {
            true => format!("plugins.{name}.egress").into(),
            false => self.egress_table,
        };
        let name = name.to_owned();
        Self {
            egress_table,
            plugin: Some(OfPlugin { name, withheld }),
            ..self
        }
    }
}

impl Policy {
    pub(crate) fn new(rules: Arc<Rules>) -> Self {
        Self {
            states: rules.services.iter().map(service::State::new).collect(),
            rules,
            refusals: Refusals::default(),
        }
    }

    /// Which way a request to `origin` goes.
    ///
    /// # Errors
    ///
    /// None, which is [`Cause::Denied`].
    pub(super) fn route(
        &self,
        origin: &Origin,
        method: &Method,
        is_for_plugin: bool,
    ) -> Result<Route<'_>, Failure> {
        match service::name(&origin.host) {
            Some(name) => self.service(name, origin).map(Route::Service),
            None => {
                let method = Some(method);
                let Rules {
                    egress,
                    egress_table,
                    ..
                } = &*self.rules;
                Grant::new(egress, egress_table, origin, method, is_for_plugin).map(Route::Server)
            }
        }
    }

    fn service(&self, name: &str, origin: &Origin) -> Result<Service<'_>, Failure> {
        let services = &self.rules.services;
        let found = services.binary_search_by(|service| service.name().cmp(name));
        let Ok(index) = found else {
            let withheld = self
                .rules
                .plugin
                .as_ref()
                .filter(|it| it.withheld.contains(name));
            let what = match (withheld, name.contains('.')) {
                (Some(OfPlugin { name: plugin, .. }), _) => format!(
                    "this plugin may not use the service; {name:?} in plugins.{plugin}.services would allow it"
                ),
                (None, true) => {
                    "no service has this name, and none can: a service's name has no dot".to_owned()
                }
                (None, false) => format!(
                    "no service has this name; services.{name}.origin = \"https://…\" would bind it"
                ),
            };
            return Err(Failure::new(Cause::Denied, what));
        };
        if origin.port != if origin.tls { 443 } else { 80 } {
            return Err(Failure::new(
                Cause::Denied,
                format!(
                    "the URL of a service must not have a port; services.{name}.origin sets the port"
                ),
            ));
        }
        Ok(Service {
            number: index,
            rules: &services[index],
            state: &self.states[index],
        })
    }

    /// What a proxy may be reached at, for a request with this `grant` that is to go
    /// through it.
    ///
    /// # Errors
    ///
    /// Nowhere, or the request may not go through a proxy.
    pub(super) fn proxy(
        &self,
        proxy: &Origin,
        grant: &Grant,
        is_for_plugin: bool,
    ) -> Result<Grant, Failure> {
        match grant {
            // Also one to a service: whoever binds it has named the proxy.
            Grant::Everything => Ok(Grant::Everything),
            Grant::Some { .. } => {
                grant.through_proxy()?;
                let Rules {
                    egress,
                    egress_table,
                    ..
                } = &*self.rules;
                Grant::new(egress, egress_table, proxy, None, is_for_plugin)
            }
        }
    }

    /// Whether a request with this `grant` may be sent to `peer`, which it has not
    /// connected to: another may have been granted more.
    pub(super) fn admits(&self, grant: &Grant, peer: &Peer, is_for_plugin: bool) -> bool {
        match (grant, peer) {
            (Grant::Everything, _) => true,
            (Grant::Some { .. }, Peer::Server(address)) => grant.allows(*address),
            (Grant::Some { .. }, Peer::Proxy(proxy, address)) => self
                .proxy(proxy, grant, is_for_plugin)
                .is_ok_and(|grant| grant.allows(*address)),
            (Grant::Some { .. }, Peer::Socket) => false,
        }
    }

    /// Tells the operator of a request to `origin` that was refused.
    pub(super) fn refused(&self, origin: &Origin, failure: &Failure) {
        self.refusals.add(origin, failure);
    }

    /// How many requests were refused.
    pub(crate) fn refusals(&self) -> u64 {
        self.refusals.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(services: &[(&str, &str)]) -> Policy {
        let services = services.iter().map(|(name, origin)| {
            let service = ServiceConfig::new(origin.parse().unwrap());
            ((*name).to_owned(), service)
        });
        let rules = Rules::new(&services.collect(), &Egress::default()).unwrap();
        Policy::new(Arc::new(rules))
    }

    fn route(policy: &Policy, url: &str) -> Result<Option<String>, String> {
        let origin = Origin::of(&url.parse().unwrap()).unwrap();
        match policy.route(&origin, &Method::GET, false) {
            Ok(Route::Service(service)) => Ok(Some(service.origin().to_string())),
            Ok(Route::Server(_)) => Ok(None),
            Err(failure) => Err(failure.sentence),
        }
    }

    #[test]
    fn a_service_is_asked_by_its_name() {
        let policy = policy(&[("billing", "https://h:8443"), ("a", "unix:/run/a.sock")]);
        for (url, expected) in [
            ("http://billing.service.internal/credit", "https://h:8443"),
            ("https://Billing.Service.Internal./", "https://h:8443"),
            ("http://a.service.internal/", "unix:/run/a.sock"),
        ] {
            assert_eq!(route(&policy, url), Ok(Some(expected.to_owned())), "{url}");
        }
        for url in [
            "http://service.internal/",
            "http://billing.service.internal.example.com/",
        ] {
            assert_eq!(route(&policy, url), Ok(None), "{url}");
        }
    }

    #[test]
    fn a_name_that_is_not_bound_is_refused_with_what_would_bind_it() {
        let policy = policy(&[("billing", "https://h:8443")]);
        for (url, word) in [
            ("http://credit.service.internal/", "services.credit.origin"),
            ("http://a.billing.service.internal/", "has no dot"),
            (
                "http://billing.service.internal:8443/",
                "must not have a port",
            ),
            (
                "https://billing.service.internal:80/",
                "must not have a port",
            ),
        ] {
            let error = route(&policy, url).unwrap_err();
            assert!(error.contains(word), "{url}: {error}");
        }
    }
}
