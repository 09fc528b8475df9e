//! What an address is for. Those that are nobody's on the internet belong to this
//! machine, to the network around it or to no one: a plugin that could ask there
//! would see what was never meant for it.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// From the registries of IANA for special purposes (RFC 6890), and what clouds have
/// made of others. The first that holds an address names it.
static CLASSES_V4: &[(Ipv4Net, &str)] = &[
    (v4([0, 0, 0, 0], 8), "this host or network"),
    (v4([10, 0, 0, 0], 8), "private"),
    (v4([100, 64, 0, 0], 10), "carrier NAT"),
    (v4([127, 0, 0, 0], 8), "loopback"),
    (
        v4([168, 63, 129, 16], 32),
        "the metadata service of a cloud",
    ),
    (v4([169, 254, 0, 0], 16), "link-local"),
    (v4([172, 16, 0, 0], 12), "private"),
    (v4([192, 0, 0, 0], 24), "assigned to protocols"),
    (v4([192, 0, 2, 0], 24), "documentation"),
    (v4([192, 31, 196, 0], 24), "AS112"),
    (v4([192, 52, 193, 0], 24), "multicast relays"),
    (v4([192, 88, 99, 0], 24), "relays of 6to4"),
    (v4([192, 168, 0, 0], 16), "private"),
    (v4([192, 175, 48, 0], 24), "AS112"),
    (v4([198, 18, 0, 0], 15), "benchmarks"),
    (v4([198, 51, 100, 0], 24), "documentation"),
    (v4([203, 0, 113, 0], 24), "documentation"),
    (v4([224, 0, 0, 0], 4), "multicast"),
    (v4([240, 0, 0, 0], 4), "reserved"),
];

/// Outside of them all IPv6 is reserved, but for 2000::/3.
static CLASSES_V6: &[(Ipv6Net, &str)] = &[
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback"),
    (
        v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
        "NAT64 of a network",
    ),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "nowhere"),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "Teredo"),
    (
        v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
        "assigned to protocols",
    ),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "documentation"),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "6to4"),
    (v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), "AS112"),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "documentation"),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "unique-local"),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site-local"),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast"),
];

/// Where unicast addresses of the internet are.
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Followed by an address of IPv4, to which a translator of the network sends what
/// is for it (RFC 6052).
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

const fn v4([a, b, c, d]: [u8; 4], length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

/// What `address` is for, if it is not anybody's on the internet.
pub(in crate::transport) fn special(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            special_v4(Ipv4Addr::new(a, b, c, d))
        }
        IpAddr::V6(address) => {
            let class = CLASSES_V6.iter().find(|(net, _)| net.contains(&address));
            match class {
                Some((_, name)) => Some(name),
                None => (!GLOBAL_UNICAST.contains(&address)).then_some("reserved"),
            }
        }
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let class = CLASSES_V4.iter().find(|(net, _)| net.contains(&address));
    class.map(|(_, name)| *name)
}

/// Whether `address` is one of `network`. An address of IPv4 that is mapped into
/// IPv6 is that of IPv4: the kernel takes it so.
pub(super) fn is_in(network: &IpNet, address: IpAddr) -> bool {
    network.contains(&address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> Option<&'static str> {
        special(text.parse().unwrap())
    }

    #[test]
    fn what_belongs_to_the_internet_has_no_class() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "64:ff9b::101:101",
            "::ffff:1.1.1.1",
        ] {
            assert_eq!(class(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_nobodys_has_its_class() {
        for (text, expected) in [
            ("0.0.0.0", "this host or network"),
            ("10.0.0.1", "private"),
            ("100.100.100.200", "carrier NAT"),
            ("127.255.255.254", "loopback"),
            ("168.63.129.16", "the metadata service of a cloud"),
            ("169.254.169.254", "link-local"),
            ("169.254.170.2", "link-local"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.192", "assigned to protocols"),
            ("192.0.2.1", "documentation"),
            ("192.168.1.1", "private"),
            ("198.19.255.255", "benchmarks"),
            ("203.0.113.9", "documentation"),
            ("224.0.0.1", "multicast"),
            ("255.255.255.255", "reserved"),
            ("::", "reserved"),
            ("::1", "loopback"),
            ("::127.0.0.1", "reserved"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:10.0.0.1", "private"),
            ("64:ff9b::7f00:1", "loopback"),
            ("64:ff9b::a00:1", "private"),
            ("64:ff9b:1::1", "NAT64 of a network"),
            ("100::1", "nowhere"),
            ("2001::1", "Teredo"),
            ("2001:10::1", "assigned to protocols"),
            ("2001:db8::1", "documentation"),
            ("2002:7f00:1::", "6to4"),
            ("2002:0808:0808::", "6to4"),
            ("3fff::1", "documentation"),
            ("4000::1", "reserved"),
            ("5f00::1", "reserved"),
            ("fc00::1", "unique-local"),
            ("fd00:ec2::254", "unique-local"),
            ("fd20:ce::254", "unique-local"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
        ] {
            assert_eq!(class(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_mapped_address_is_that_of_ipv4() {
        let net: IpNet = "10.0.0.0/8".parse().unwrap();
        assert!(is_in(&net, "::ffff:10.1.2.3".parse().unwrap()));
        assert!(!is_in(&net, "::ffff:11.1.2.3".parse().unwrap()));
        assert!(!is_in(&net, "::10.1.2.3".parse().unwrap()));
    }
}
