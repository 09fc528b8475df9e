//! No address that is nobody's on the internet is granted but by a network that holds
//! it, whatever the rules and however the address is written.

use arbitrary::{Arbitrary, Unstructured};
use http::{Method, Uri};
use rest_client_host::{
    Egress, EgressDefault, EgressRule,
    fuzzing::{allows, special_address},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Takes rules, a default, a method, a URL and an address.
pub fn check(input: &[u8]) {
    let _ = check_policy(&mut Unstructured::new(input));
}

fn check_policy(choices: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let address = IpAddr::arbitrary(choices)?;
    check_class(address);
    let mut egress = Egress::default();
    let defaults = [None, Some(EgressDefault::Deny), Some(EgressDefault::Allow)];
    egress.default = *choices.choose(&defaults)?;
    let method = choices.choose(&[Method::GET, Method::POST, Method::DELETE])?;
    let url = String::arbitrary(choices)?;
    for rule in Vec::<String>::arbitrary(choices)? {
        egress.allow.extend(rule.parse::<EgressRule>());
    }
    for rule in &egress.allow {
        let text = rule.to_string();
        assert_eq!(text.parse().as_ref(), Ok(rule), "{text:?}");
    }
    let Ok(url) = url.parse::<Uri>() else {
        return Ok(());
    };
    let allowed = allows(&egress, method, &url, address) == Some(true);
    let mapped = match address {
        IpAddr::V4(address) => allows(&egress, method, &url, address.to_ipv6_mapped().into()),
        IpAddr::V6(_) => Some(allowed),
    };
    if allowed {
        assert_eq!(mapped, Some(true), "{address}");
        let special = special_address(address);
        let by_default = egress.default == Some(EgressDefault::Allow) && special.is_none();
        let is_granted = |rule: &EgressRule| grants(&rule.to_string(), special, address);
        assert!(
            by_default || egress.allow.iter().any(is_granted),
            "{address} ({special:?}) for {url} by {egress:?}"
        );
    }
    Ok(())
}

/// Whether a rule, read from its text, may be what grants the address.
fn grants(rule: &str, special: Option<&str>, address: IpAddr) -> bool {
    let host = rule.split_once("://").map_or(rule, |(_, host)| host);
    let address = address.to_canonical();
    match network(host) {
        Some((network, length)) => is_in(network, length, address),
        None => special.is_none(),
    }
}

/// The network at the beginning of a text, and what is left of an address in it.
fn network(host: &str) -> Option<(IpAddr, u32)> {
    let (network, rest) = match host.strip_prefix('[') {
        Some(literal) => {
            let (inner, rest) = literal.split_once(']')?;
            match inner.split_once('/') {
                Some((network, length)) => {
                    return Some((network.parse().ok()?, length.parse().ok()?));
                }
                None => (inner, rest),
            }
        }
        None => {
            let end = host.find(['/', ':']).unwrap_or(host.len());
            host.split_at(end)
        }
    };
    let network: IpAddr = network.parse().ok()?;
    let all = if network.is_ipv4() { 32 } else { 128 };
    let length = match rest.strip_prefix('/') {
        Some(length) => length.split(':').next()?.parse().ok()?,
        None => all,
    };
    Some((network, length))
}

fn is_in(network: IpAddr, length: u32, address: IpAddr) -> bool {
    let (network, address, bits) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (network.to_bits().into(), address.to_bits().into(), 32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let shift = bits - length;
    let cut = |bits: u128| bits.checked_shr(shift).unwrap_or(0);
    cut(network) == cut(address)
}

/// What the standard library says of an address is said of it in every form.
fn check_class(address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let is_special = address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_documentation()
                || address.is_broadcast()
                || address.is_unspecified();
            let class = special_address(address.into());
            assert!(class.is_some() || !is_special, "{address} has no class");
            for embedded in [address.to_ipv6_mapped(), nat64(address)] {
                assert_eq!(special_address(embedded.into()), class, "{embedded}");
            }
        }
        IpAddr::V6(address) => {
            let is_special = address.is_loopback()
                || address.is_multicast()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_unspecified();
            let class = special_address(address.into());
            assert!(class.is_some() || !is_special, "{address} has no class");
        }
    }
}

fn nat64(address: Ipv4Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(address.to_bits()))
}
