//! `/etc/hosts`: the names that the machine's owner has given addresses to.

use std::{collections::HashMap, net::IpAddr};

/// Names in lower case, each with its addresses in the order of the file.
///
/// The resolver has a reader of its own, which leaves out names that hold an
/// underscore.
#[derive(Debug, Default)]
pub(super) struct Hosts(HashMap<String, Vec<IpAddr>>);

impl Hosts {
    /// What a file in the form of hosts(5) says. Lines that can't be understood
    /// say nothing, as in the C library.
    pub(super) fn parse(text: &str) -> Self {
        let mut hosts: HashMap<String, Vec<IpAddr>> = HashMap::new();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or("").split_whitespace();
            let Some(address) = words.next().and_then(|word| word.parse().ok()) else {
                continue;
            };
            for name in words {
                let addresses = hosts.entry(name.to_ascii_lowercase()).or_default();
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        Self(hosts)
    }

    /// The addresses of `name`, which is in lower case and without a dot at its
    /// end. Empty if the file does not name it.
    pub(super) fn addresses(&self, name: &str) -> &[IpAddr] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_addresses_of_all_its_lines() {
        let hosts = Hosts::parse(
            "# the machine\n\
             127.0.0.1\tlocalhost\n\
             ::1 localhost ip6-localhost # both\n\
             192.0.2.7 My_Service my_service.example\n\
             fe80::1%eth0 odd\n\
             192.0.2.8\n\
             no-address name\n",
        );
        let addresses = |name| {
            let addresses = hosts.addresses(name).iter();
            addresses.map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(addresses("localhost"), ["127.0.0.1", "::1"]);
        assert_eq!(addresses("my_service"), ["192.0.2.7"]);
        assert_eq!(addresses("my_service.example"), ["192.0.2.7"]);
        for none in ["odd", "name", "# both", ""] {
            assert!(hosts.addresses(none).is_empty(), "{none}");
        }
    }
}
