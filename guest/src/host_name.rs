//! The host of a URL: a name, an IPv4 address or an IPv6 literal, brought into
//! the one form in which it is resolved, locked, verified and sent.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Octets of a name in its ASCII form (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 253;

/// Octets of one label of a name (RFC 1035, section 2.3.4).
const LONGEST_LABEL: usize = 63;

/// Brings `host`, as it stands in a URL, into its canonical form: lower case,
/// A-labels for letters beyond ASCII, an IPv6 literal compressed and in
/// brackets.
///
/// # Errors
///
/// A clause that continues "the host `…` ".
pub fn canonical(host: &str) -> Result<String, String> {
    if host.is_empty() {
        return Err("is empty".into());
    }
    if let Some(literal) = host.strip_prefix('[') {
        return ipv6(literal);
    }
    let name = if host.is_ascii() {
        host.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii_strict(host)
            .map_err(|_| String::from("is not a valid internationalised name"))?
    };
    check_name(&name)?;
    if ends_in_number(&name) {
        // Only the four-part decimal form is an address; shorter, octal and
        // hexadecimal ones are read differently by different resolvers, which
        // is how a filter by address is led astray.
        return name
            .parse::<Ipv4Addr>()
            .map(|address| address.to_string())
            .map_err(|_| "is neither a name nor an IPv4 address of four decimal parts".into());
    }
    Ok(name)
}

fn ipv6(literal: &str) -> Result<String, String> {
    let inner = literal
        .strip_suffix(']')
        .ok_or("has a [ without its ]; an IPv6 address is written [2001:db8::1]")?;
    if inner.contains('%') {
        return Err("names a zone, which has no meaning beyond one machine".into());
    }
    inner
        .parse::<Ipv6Addr>()
        .map(|address| format!("[{address}]"))
        .map_err(|_| "is not an IPv6 address; one is written [2001:db8::1]".into())
}

fn check_name(name: &str) -> Result<(), String> {
    if let Some(odd) = name
        .chars()
        .find(|&c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
    {
        return Err(format!("holds {odd:?}, which no host name may"));
    }
    // One final dot is the root of the name space.
    let relative = name.strip_suffix('.').unwrap_or(name);
    if relative.len() > LONGEST_NAME {
        return Err(format!("is longer than {LONGEST_NAME} characters"));
    }
    for label in relative.split('.') {
        if label.is_empty() {
            return Err("has an empty label between two dots".into());
        }
        if label.len() > LONGEST_LABEL {
            return Err(format!(
                "has a label longer than {LONGEST_LABEL} characters"
            ));
        }
    }
    Ok(())
}

fn ends_in_number(name: &str) -> bool {
    let last = name
        .strip_suffix('.')
        .unwrap_or(name)
        .rsplit('.')
        .next()
        .unwrap_or_default();
    last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_lower_case() {
        assert_eq!(canonical("Example.COM").unwrap(), "example.com");
        assert_eq!(canonical("_sip._tcp.Example").unwrap(), "_sip._tcp.example");
        assert_eq!(canonical("example.com.").unwrap(), "example.com.");
    }

    #[test]
    fn letters_beyond_ascii_become_a_labels() {
        assert_eq!(
            canonical("bücher.example").unwrap(),
            "xn--bcher-kva.example"
        );
        assert_eq!(
            canonical("BÜCHER.example").unwrap(),
            "xn--bcher-kva.example"
        );
        assert_eq!(canonical("例え.jp").unwrap(), "xn--r8jz45g.jp");
        // The ideographic full stop is a dot (RFC 3490, section 3.1).
        assert_eq!(canonical("例え。jp").unwrap(), "xn--r8jz45g.jp");
    }

    #[test]
    fn ipv6_literals_have_one_spelling() {
        assert_eq!(canonical("[::1]").unwrap(), "[::1]");
        assert_eq!(
            canonical("[2001:DB8:0:0:0:0:0:1]").unwrap(),
            "[2001:db8::1]"
        );
        for wrong in ["[::1", "[::g]", "[]", "[fe80::1%25eth0]", "[127.0.0.1]"] {
            assert!(canonical(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_four_decimal_parts_are_an_ipv4_address() {
        assert_eq!(canonical("127.0.0.1").unwrap(), "127.0.0.1");
        for wrong in [
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "256.0.0.1",
            "1.2.3.4.5",
            "host.0x10",
        ] {
            assert!(canonical(wrong).is_err(), "{wrong}");
        }
        assert_eq!(canonical("4me.example").unwrap(), "4me.example");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let label = "a".repeat(64);
        let name = ["a".repeat(63).as_str(); 4].join(".");
        for wrong in [
            "", "a b", "a/b", "a..b", ".a", "a%41", "a:b", "ex*mple", &label, &name,
        ] {
            assert!(canonical(wrong).is_err(), "{wrong}");
        }
    }
}
