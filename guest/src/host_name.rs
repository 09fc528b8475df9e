//! The host of a URL in its canonical form: a name, an IPv4 address or an IPv6
//! literal. It is resolved, locked, verified and sent in this form.

mod idn;
mod normal_form;

use std::net::{Ipv4Addr, Ipv6Addr};

/// In octets of the ASCII form (RFC 1035, section 2.3.4).
const MAX_NAME_LENGTH: usize = 253;

/// In octets of the ASCII form (RFC 1035, section 2.3.4).
const MAX_LABEL_LENGTH: usize = 63;

/// Brings the host of a URL into its canonical form. A name is in lower case,
/// with A-labels for letters beyond ASCII. An IPv6 literal is compressed and in
/// brackets.
///
/// # Errors
///
/// The end of a sentence that begins with "the host … of the URL".
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
        idn::to_ascii(host)?
    };
    check_name(&name)?;
    if ends_in_number(&name) {
        // Resolvers differ in how they read shorter, octal and hexadecimal
        // addresses, and an attacker can use that to get past a filter by
        // address. Four decimal numbers without leading zeros have one reading.
        return name
            .parse::<Ipv4Addr>()
            .map(|_| name)
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
    // A dot at the end stands for the root of the name space.
    let relative = name.strip_suffix('.').unwrap_or(name);
    if relative.len() > MAX_NAME_LENGTH {
        return Err(format!("is longer than {MAX_NAME_LENGTH} characters"));
    }
    for label in relative.split('.') {
        if label.is_empty() {
            return Err("has an empty label between two dots".into());
        }
        if label.len() > MAX_LABEL_LENGTH {
            return Err(format!(
                "has a label longer than {MAX_LABEL_LENGTH} characters"
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
    use icu_normalizer::properties::{
        CanonicalCombiningClassMapBorrowed, CanonicalDecompositionBorrowed, Decomposed,
    };

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

    /// Names in many scripts, beside what the whole of UTS #46 makes of them.
    #[test]
    fn internationalised_names_agree_with_the_whole_of_uts_46() {
        for name in [
            "straße.example",
            "FAẞ.example",
            "ΒΌΛΟΣ.com",
            "βόλος.com",
            "παράδειγμα.δοκιμή",
            "пример.испытание",
            "ПРИМЕР.Испытание",
            "例え.テスト",
            "例子。测试",
            "실례.테스트",
            "उदाहरण.परीक्षा",
            "बड़ा.भारत",
            "ஸ்ரீலங்கா.இலங்கை",
            "مثال.إختبار",
            "דוגמה.טעסט",
            "ตัวอย่าง.ไทย",
            "កម្ពុជា.example",
            "việtnam.example",
            "ＥＸＡＭＰＬＥ．com",
            "soft\u{ad}hyphené.example",
            "col·lecció.cat",
            "スーパー・マーケット.jp",
            "münchen.xn--mnchen-3ya.de",
            "ё.рф.",
            "naïve_name.example",
        ] {
            // Not by the strict rules: they forbid underscores, which names of
            // services have.
            let whole = idna::domain_to_ascii(name).unwrap();
            assert_eq!(canonical(name), Ok(whole), "{name}");
        }
    }

    #[test]
    fn a_letter_is_mapped_as_uts_46_says_or_refused() {
        let otherwise: Vec<char> = ('\u{80}'..='\u{2ffff}')
            .filter(|c| {
                let name = format!("x{c}x.example");
                // A name that UTS #46 refuses is in no registry.
                let whole = idna::domain_to_ascii_strict(&name);
                let ours = canonical(&name);
                whole.is_ok() && ours.is_ok() && ours.ok() != whole.ok()
            })
            .collect();
        assert_eq!(otherwise, Vec::<char>::new());
    }

    /// UTS #46 composes them. Here they are refused, and never sent as they are.
    #[test]
    fn what_has_a_composed_form_is_refused_or_composed() {
        let decompose = CanonicalDecompositionBorrowed::new();
        let pairs = ('\u{80}'..=char::MAX).filter_map(|c| match decompose.decompose(c) {
            Decomposed::Expansion(first, second) => Some([first, second]),
            _ => None,
        });
        assert_eq!(sent_otherwise(pairs), Vec::<[char; 2]>::new());
    }

    #[test]
    fn marks_out_of_their_order_are_refused() {
        let classes = CanonicalCombiningClassMapBorrowed::new();
        let mut marks: Vec<char> = ('\u{80}'..=char::MAX)
            .filter(|&c| classes.get_u8(c) != 0 && canonical(&format!("x{c}")).is_ok())
            .collect();
        // One of each class and part of the tables, which saves most of the time.
        marks.dedup_by_key(|c| (classes.get_u8(*c), u32::from(*c) / 64));
        let pairs = marks
            .iter()
            .flat_map(|&first| marks.iter().map(move |&second| [first, second]));
        let pairs = pairs.filter(|&[first, second]| classes.get_u8(first) > classes.get_u8(second));
        assert_eq!(sent_otherwise(pairs), Vec::<[char; 2]>::new());
    }

    /// Those of `pairs` that are sent otherwise than UTS #46 has them sent,
    /// whether they begin a label or not.
    fn sent_otherwise(pairs: impl Iterator<Item = [char; 2]>) -> Vec<[char; 2]> {
        pairs
            .filter(|&[first, second]| {
                ["", "x"].into_iter().any(|before| {
                    let name = format!("{before}{first}{second}.example");
                    let whole = idna::domain_to_ascii(&name);
                    let ours = canonical(&name);
                    whole.is_ok() && ours.is_ok() && ours.ok() != whole.ok()
                })
            })
            .collect()
    }

    #[test]
    fn what_no_label_may_hold_is_refused() {
        for wrong in [
            "\u{301}a.example",
            "a😀.example",
            "ü-.example",
            "-ü.example",
            "ab--ü.example",
            "a\u{200d}ü.example",
            "ü/.example",
            "¨.example",
        ] {
            assert!(
                canonical(wrong).is_err(),
                "{wrong:?}: {:?}",
                canonical(wrong)
            );
        }
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
