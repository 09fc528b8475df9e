//! The ASCII form of an internationalised name.

use super::normal_form;
use idna::punycode;
use std::cmp::Ordering;

/// Left out of names.
const SOFT_HYPHEN: char = '\u{ad}';

/// Characters that are no letters, but that names may hold (RFC 5892,
/// appendices A.3 to A.7): the middle dot of Catalan, the numeral sign of
/// Greek, the two marks of Hebrew, and the middle dot of Japanese.
const BETWEEN_LETTERS: [char; 5] = ['\u{b7}', '\u{375}', '\u{5f3}', '\u{5f4}', '\u{30fb}'];

/// Characters that UTS #46 maps to others, and characters that join the letter
/// before them. Each entry is a range from its first to its last character, and
/// the ranges are in order. A range may also cover characters that no name
/// holds. They are derived from the Unicode Character Database, for names in
/// lower case.
#[rustfmt::skip]
const UNNORMALISED: [(char, char); 101] = [
    ('\u{a0}', '\u{b6}'), ('\u{b8}', '\u{be}'), ('\u{133}', '\u{133}'),
    ('\u{140}', '\u{140}'), ('\u{149}', '\u{149}'), ('\u{17f}', '\u{17f}'),
    ('\u{1c6}', '\u{1cc}'), ('\u{1f3}', '\u{1f3}'), ('\u{2b0}', '\u{2b8}'),
    ('\u{2d8}', '\u{2e4}'), ('\u{300}', '\u{36f}'), ('\u{374}', '\u{374}'),
    ('\u{37a}', '\u{37a}'), ('\u{37e}', '\u{387}'), ('\u{3d0}', '\u{3d6}'),
    ('\u{3f0}', '\u{3f2}'), ('\u{3f5}', '\u{3f5}'), ('\u{587}', '\u{587}'),
    ('\u{675}', '\u{678}'), ('\u{958}', '\u{95f}'), ('\u{9dc}', '\u{9df}'),
    ('\u{a33}', '\u{a33}'), ('\u{a36}', '\u{a36}'), ('\u{a59}', '\u{a5b}'),
    ('\u{a5e}', '\u{a5e}'), ('\u{b5c}', '\u{b5d}'), ('\u{e33}', '\u{e33}'),
    ('\u{eb3}', '\u{eb3}'), ('\u{edc}', '\u{edd}'), ('\u{f0c}', '\u{f0c}'),
    ('\u{f43}', '\u{f43}'), ('\u{f4d}', '\u{f4d}'), ('\u{f52}', '\u{f52}'),
    ('\u{f57}', '\u{f57}'), ('\u{f5c}', '\u{f5c}'), ('\u{f69}', '\u{f69}'),
    ('\u{f73}', '\u{f73}'), ('\u{f75}', '\u{f79}'), ('\u{f81}', '\u{f81}'),
    ('\u{f93}', '\u{f93}'), ('\u{f9d}', '\u{f9d}'), ('\u{fa2}', '\u{fa2}'),
    ('\u{fa7}', '\u{fa7}'), ('\u{fac}', '\u{fac}'), ('\u{fb9}', '\u{fb9}'),
    ('\u{10fc}', '\u{10fc}'), ('\u{115f}', '\u{1175}'), ('\u{11a8}', '\u{11c2}'),
    ('\u{13a0}', '\u{13ff}'), ('\u{17b4}', '\u{17b5}'), ('\u{1c80}', '\u{1c88}'),
    ('\u{1d2c}', '\u{1d2e}'), ('\u{1d30}', '\u{1d3a}'), ('\u{1d3c}', '\u{1d4d}'),
    ('\u{1d4f}', '\u{1d6a}'), ('\u{1d78}', '\u{1d78}'), ('\u{1d9b}', '\u{1dbf}'),
    ('\u{1e9a}', '\u{1e9b}'), ('\u{1f70}', '\u{20a8}'), ('\u{2100}', '\u{2149}'),
    ('\u{2150}', '\u{217f}'), ('\u{2189}', '\u{24ea}'), ('\u{2a0c}', '\u{2adc}'),
    ('\u{2c7c}', '\u{2c7d}'), ('\u{2d6f}', '\u{2d6f}'), ('\u{2e9f}', '\u{3000}'),
    ('\u{3036}', '\u{303a}'), ('\u{3099}', '\u{309c}'), ('\u{309f}', '\u{309f}'),
    ('\u{30ff}', '\u{30ff}'), ('\u{3131}', '\u{319f}'), ('\u{3200}', '\u{3247}'),
    ('\u{3250}', '\u{33ff}'), ('\u{a69c}', '\u{a69d}'), ('\u{a770}', '\u{a770}'),
    ('\u{a7f1}', '\u{a7f4}'), ('\u{a7f8}', '\u{a7f9}'), ('\u{ab5c}', '\u{ab5f}'),
    ('\u{ab69}', '\u{ab69}'), ('\u{ab70}', '\u{abbf}'), ('\u{f900}', '\u{fa0d}'),
    ('\u{fa10}', '\u{fa10}'), ('\u{fa12}', '\u{fa12}'), ('\u{fa15}', '\u{fa1e}'),
    ('\u{fa20}', '\u{fa20}'), ('\u{fa22}', '\u{fa22}'), ('\u{fa25}', '\u{fa26}'),
    ('\u{fa2a}', '\u{fb1d}'), ('\u{fb1f}', '\u{fdfc}'), ('\u{fe10}', '\u{fe19}'),
    ('\u{fe30}', '\u{fe72}'), ('\u{fe74}', '\u{ffee}'), ('\u{10781}', '\u{107ba}'),
    ('\u{1ccf0}', '\u{1ccf9}'), ('\u{1d15e}', '\u{1d164}'), ('\u{1d1bb}', '\u{1d1c0}'),
    ('\u{1d400}', '\u{1d7ff}'), ('\u{1e030}', '\u{1e06d}'), ('\u{1ee00}', '\u{1f10a}'),
    ('\u{1f110}', '\u{1fbf9}'), ('\u{2f800}', '\u{2fa1d}'),
];

/// Maps an internationalised name to lower case, and its labels to A-labels
/// (RFC 5891, section 5).
///
/// All of UTS #46, as the crate `idna` has it, costs 130 KB of tables and code,
/// nearly as much as the rest of this component. Normalisation form C alone
/// costs 50 KB. So this function refuses what is not normalised, and maps every other letter as UTS #46 does. Tests compare it
/// with the crate. The rule about directions of writing (RFC 5893) is not
/// checked: it protects only people, from names that look like others.
///
/// # Errors
///
/// The end of a sentence that begins with the host.
pub(super) fn to_ascii(host: &str) -> Result<String, String> {
    let mapped: String = host
        .chars()
        .filter(|&c| c != SOFT_HYPHEN)
        .map(|c| match c {
            '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => '.',
            // Full-width forms of ASCII, which input methods produce.
            '\u{ff01}'..='\u{ff5e}' => char::from((u32::from(c) - 0xff00) as u8 + 0x20),
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect();
    let labels = mapped
        .split('.')
        .map(|label| {
            if label.is_ascii() {
                return Ok(label.to_owned());
            }
            check_label(label)?;
            punycode::encode_str(label)
                .map(|encoded| format!("xn--{encoded}"))
                .ok_or_else(|| "has a label that is too long".to_owned())
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(labels.join("."))
}

fn check_label(label: &str) -> Result<(), String> {
    if label.starts_with('-') || label.ends_with('-') || label.get(2..4) == Some("--") {
        return Err("has hyphens where an internationalised label may have none".into());
    }
    let odd = match label.chars().find(|&c| !is_letter(c)) {
        Some(odd) if !is_unnormalised(odd) => {
            return Err(format!(
                "holds U+{:04X}, which no host name may",
                u32::from(odd)
            ));
        }
        Some(odd) => odd,
        None => match normal_form::find_unnormalised(label) {
            Some(odd) => odd,
            None => return Ok(()),
        },
    };
    Err(format!(
        "holds U+{:04X}, which is not in normalisation form C; write the composed character, or the name as its A-label, xn--…",
        u32::from(odd)
    ))
}

/// Whether a label may hold `c`, which is in lower case. Some punctuation
/// passes too. No registry has such a name, so it is not found when it is
/// resolved.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '-' | '_')
        || !is_unnormalised(c)
            && (c.is_alphanumeric() || is_mark(c) || BETWEEN_LETTERS.contains(&c))
}

/// Whether `c` is in the block of a script that spells with marks: Hebrew to
/// Myanmar, and Khmer. The standard library does not count these marks as
/// letters.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{591}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

fn is_unnormalised(c: char) -> bool {
    UNNORMALISED
        .binary_search_by(|&(first, last)| {
            if last < c {
                Ordering::Less
            } else if first > c {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        })
        .is_ok()
}
