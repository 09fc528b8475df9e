//! What the rules of the egress policy grant to a request.

use super::address_class::{is_in, special};
use crate::{
    call::{
        failure::{Cause, Failure},
        origin::{Origin, literal},
    },
    config::{Egress, EgressDefault},
};
use http::Method;
use ipnet::IpNet;
use std::{net::IpAddr, sync::Arc};

/// The addresses that a request may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::transport) enum Grant {
    /// Any: it is not held to the policy.
    Everything,
    /// Some, for requests to this origin.
    Some {
        origin: Origin,
        /// Where the configuration has the rules.
        table: Arc<str>,
        /// All that are somebody's on the internet.
        public: bool,
        /// A rule names the host.
        named: bool,
        networks: Vec<IpNet>,
    },
}

impl Grant {
    /// What `egress`, which is in this `table` of the configuration, grants to requests to
    /// `origin`. Whoever asks with no method is about to ask a proxy.
    ///
    /// # Errors
    ///
    /// Nothing. The failure names the rule that would grant it.
    pub(super) fn new(
        egress: &Egress,
        table: &Arc<str>,
        origin: &Origin,
        method: Option<&Method>,
        is_for_plugin: bool,
    ) -> Result<Self, Failure> {
        let by_default = match (egress.default, is_for_plugin) {
            (None, false) => return Ok(Self::Everything),
            (None, true) | (Some(EgressDefault::Deny), _) => false,
            (Some(EgressDefault::Allow), _) => true,
        };
        let mut named = false;
        let mut networks = Vec::new();
        for rule in &egress.allow {
            if !rule.is_about(method, origin.tls, origin.port) {
                continue;
            }
            named |= rule.allows_name(&origin.host);
            networks.extend(rule.network());
        }
        let public = by_default || named;
        let grants_something = public || !networks.is_empty();
        let grant = Self::Some {
            origin: origin.clone(),
            table: table.clone(),
            public,
            named,
            networks,
        };
        match literal(&origin.host).parse() {
            Ok(address) if !grant.allows(address) => Err(grant.refusal(address)),
            Err(_) if !grants_something => Err(refused(
                "the egress policy does not allow it",
                table,
                &origin.to_string(),
            )),
            _ => Ok(grant),
        }
    }

    /// Whether the request may go to `address`.
    pub(in crate::transport) fn allows(&self, address: IpAddr) -> bool {
        match self {
            Self::Everything => true,
            Self::Some {
                public, networks, ..
            } => {
                (*public && special(address).is_none())
                    || networks.iter().any(|network| is_in(network, address))
            }
        }
    }

    /// Why it may not.
    pub(in crate::transport) fn refusal(&self, address: IpAddr) -> Failure {
        let address = address.to_canonical();
        let what = match special(address) {
            Some(class) => {
                format!("the egress policy does not allow its address {address} ({class})")
            }
            None => format!("the egress policy does not allow its address {address}"),
        };
        match self {
            Self::Everything => Failure::new(Cause::Denied, what),
            Self::Some { origin, table, .. } => {
                let host = match address {
                    IpAddr::V4(address) => address.to_string(),
                    IpAddr::V6(address) => format!("[{address}]"),
                };
                let at = Origin {
                    host,
                    ..origin.clone()
                };
                refused(&what, table, &at.to_string())
            }
        }
    }

    /// The same for a request that a proxy is to make, which looks the name up itself.
    ///
    /// # Errors
    ///
    /// Only the address could show whether it is granted.
    pub(super) fn through_proxy(&self) -> Result<(), Failure> {
        match self {
            Self::Some {
                origin,
                table,
                named: false,
                ..
            } if literal(&origin.host).parse::<IpAddr>().is_err() => Err(refused(
                "the egress policy does not allow the name, and a proxy would resolve it",
                table,
                &origin.to_string(),
            )),
            _ => Ok(()),
        }
    }
}

fn refused(what: &str, table: &str, rule: &str) -> Failure {
    let sentence = format!("{what}; {table}.allow = [\"{rule}\"] would allow it");
    Failure::new(Cause::Denied, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn egress(default: Option<EgressDefault>, rules: &[&str]) -> Egress {
        let allow = rules.iter().map(|rule| rule.parse().unwrap());
        Egress {
            default,
            allow: allow.collect(),
        }
    }

    fn grant(egress: &Egress, url: &str, is_for_plugin: bool) -> Result<Grant, String> {
        let origin = Origin::of(&url.parse().unwrap()).unwrap();
        Grant::new(
            egress,
            &"egress".into(),
            &origin,
            Some(&Method::GET),
            is_for_plugin,
        )
        .map_err(|failure| failure.sentence)
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn without_a_default_a_program_may_all_and_a_plugin_what_rules_say() {
        let unset = egress(None, &["https://api.example.com"]);
        let grant = |url, is_for_plugin| grant(&unset, url, is_for_plugin);
        assert_eq!(grant("http://127.0.0.1/", false), Ok(Grant::Everything));
        let error = grant("http://example.com:8080/", true).unwrap_err();
        assert!(error.contains("[\"http://example.com:8080\"]"), "{error}");
        let granted = grant("https://api.example.com/", true).unwrap();
        assert!(granted.allows(address("8.8.8.8")));
        assert!(!granted.allows(address("10.0.0.1")));
    }

    #[test]
    fn behind_a_proxy_a_name_is_for_who_may_ask_it_by_that() {
        let behind = |default, rules: &[&str], url| {
            let grant = grant(&egress(default, rules), url, true).unwrap();
            grant.through_proxy().is_ok()
        };
        for default in [EgressDefault::Deny, EgressDefault::Allow] {
            let rules = ["http://api.example.com", "http://10.0.0.0/8"];
            assert!(behind(Some(default), &rules, "http://api.example.com/"));
            assert!(behind(Some(default), &rules, "http://10.1.2.3/"));
            assert!(!behind(Some(default), &rules, "http://localhost/"));
        }
    }

    #[test]
    fn a_default_is_for_all() {
        let open = egress(Some(EgressDefault::Allow), &[]);
        let closed = egress(Some(EgressDefault::Deny), &[]);
        for is_for_plugin in [false, true] {
            let granted = grant(&open, "http://h/", is_for_plugin).unwrap();
            assert!(granted.allows(address("8.8.8.8")));
            assert!(!granted.allows(address("127.0.0.1")));
            grant(&open, "http://127.0.0.1/", is_for_plugin).unwrap_err();
            grant(&closed, "http://8.8.8.8/", is_for_plugin).unwrap_err();
            grant(&closed, "http://h/", is_for_plugin).unwrap_err();
        }
    }

    #[test]
    fn only_a_network_grants_what_is_nobodys_on_the_internet() {
        let rules = ["http://*:*", "http://10.0.0.0/8:8080", "http://[::1]:8080"];
        let egress = egress(Some(EgressDefault::Deny), &rules);
        let granted = grant(&egress, "http://h:8080/", true).unwrap();
        assert!(granted.allows(address("10.1.2.3")) && granted.allows(address("::1")));
        assert!(granted.allows(address("::ffff:10.1.2.3")));
        assert!(!granted.allows(address("127.0.0.1")));
        let elsewhere = grant(&egress, "http://h/", true).unwrap();
        assert!(!elsewhere.allows(address("10.1.2.3")));
        let error = elsewhere.refusal(address("::ffff:10.1.2.3")).sentence;
        assert!(error.contains("10.1.2.3 (private)"), "{error}");
        assert!(error.contains("[\"http://10.1.2.3\"]"), "{error}");
        assert!(grant(&egress, "http://[::1]:8080/", true).is_ok());
        let error = grant(&egress, "http://[::2]:8080/", true).unwrap_err();
        assert!(error.contains("[\"http://[::2]:8080\"]"), "{error}");
    }

    #[test]
    fn a_proxy_is_given_names_that_are_granted_as_such() {
        let rules = ["https://api.example.com", "https://10.0.0.0/8"];
        let egress = egress(Some(EgressDefault::Deny), &rules);
        for (url, may) in [
            ("https://api.example.com/", true),
            ("https://other.example.com/", false),
            ("https://10.0.0.1/", true),
        ] {
            let granted = grant(&egress, url, true).unwrap();
            assert_eq!(granted.through_proxy().is_ok(), may, "{url}");
        }
    }
}
