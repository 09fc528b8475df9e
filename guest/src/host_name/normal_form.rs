//! Whether a label is in normalisation form C (UAX #15).

use std::cmp::Ordering;

/// Pairs of characters that have a composed form, each with a character that may
/// follow it. The pairs are in order. They are derived from the Unicode
/// Character Database, for the characters that a label may hold.
#[rustfmt::skip]
const COMPOSING: [(char, char); 73] = [
    ('\u{627}', '\u{653}'), ('\u{627}', '\u{654}'), ('\u{627}', '\u{655}'),
    ('\u{648}', '\u{654}'), ('\u{64a}', '\u{654}'), ('\u{6c1}', '\u{654}'),
    ('\u{6d2}', '\u{654}'), ('\u{6d5}', '\u{654}'), ('\u{928}', '\u{93c}'),
    ('\u{930}', '\u{93c}'), ('\u{933}', '\u{93c}'), ('\u{9c7}', '\u{9be}'),
    ('\u{9c7}', '\u{9d7}'), ('\u{b47}', '\u{b3e}'), ('\u{b47}', '\u{b56}'),
    ('\u{b47}', '\u{b57}'), ('\u{b92}', '\u{bd7}'), ('\u{bc6}', '\u{bbe}'),
    ('\u{bc6}', '\u{bd7}'), ('\u{bc7}', '\u{bbe}'), ('\u{c46}', '\u{c56}'),
    ('\u{cbf}', '\u{cd5}'), ('\u{cc6}', '\u{cc2}'), ('\u{cc6}', '\u{cd5}'),
    ('\u{cc6}', '\u{cd6}'), ('\u{cca}', '\u{cd5}'), ('\u{d46}', '\u{d3e}'),
    ('\u{d46}', '\u{d57}'), ('\u{d47}', '\u{d3e}'), ('\u{dd9}', '\u{dca}'),
    ('\u{dd9}', '\u{dcf}'), ('\u{dd9}', '\u{ddf}'), ('\u{ddc}', '\u{dca}'),
    ('\u{1025}', '\u{102e}'), ('\u{1b05}', '\u{1b35}'), ('\u{1b07}', '\u{1b35}'),
    ('\u{1b09}', '\u{1b35}'), ('\u{1b0b}', '\u{1b35}'), ('\u{1b0d}', '\u{1b35}'),
    ('\u{1b11}', '\u{1b35}'), ('\u{1b3a}', '\u{1b35}'), ('\u{1b3c}', '\u{1b35}'),
    ('\u{1b3e}', '\u{1b35}'), ('\u{1b3f}', '\u{1b35}'), ('\u{1b42}', '\u{1b35}'),
    ('\u{11131}', '\u{11127}'), ('\u{11132}', '\u{11127}'), ('\u{11347}', '\u{1133e}'),
    ('\u{11347}', '\u{11357}'), ('\u{11382}', '\u{113c9}'), ('\u{11384}', '\u{113bb}'),
    ('\u{1138b}', '\u{113c2}'), ('\u{11390}', '\u{113c9}'), ('\u{113c2}', '\u{113b8}'),
    ('\u{113c2}', '\u{113c2}'), ('\u{113c2}', '\u{113c9}'), ('\u{114b9}', '\u{114b0}'),
    ('\u{114b9}', '\u{114ba}'), ('\u{114b9}', '\u{114bd}'), ('\u{115b8}', '\u{115af}'),
    ('\u{115b9}', '\u{115af}'), ('\u{11935}', '\u{11930}'), ('\u{1611e}', '\u{1611e}'),
    ('\u{1611e}', '\u{1611f}'), ('\u{1611e}', '\u{16120}'), ('\u{1611e}', '\u{16129}'),
    ('\u{16121}', '\u{1611f}'), ('\u{16121}', '\u{16120}'), ('\u{16122}', '\u{1611f}'),
    ('\u{16129}', '\u{1611f}'), ('\u{16d63}', '\u{16d67}'), ('\u{16d67}', '\u{16d67}'),
    ('\u{16d69}', '\u{16d67}'),
];

/// The canonical combining classes of marks: each entry is a range from its
/// first to its last character, and the class of all marks in it. The ranges are
/// in order. A range may also cover characters that no name holds. All other
/// characters are of the class 0, and begin a sequence.
#[rustfmt::skip]
const COMBINING_CLASSES: [(char, char, u8); 191] = [
    ('\u{591}', '\u{591}', 220), ('\u{592}', '\u{595}', 230), ('\u{596}', '\u{596}', 220),
    ('\u{597}', '\u{599}', 230), ('\u{59a}', '\u{59a}', 222), ('\u{59b}', '\u{59b}', 220),
    ('\u{59c}', '\u{5a1}', 230), ('\u{5a2}', '\u{5a7}', 220), ('\u{5a8}', '\u{5a9}', 230),
    ('\u{5aa}', '\u{5aa}', 220), ('\u{5ab}', '\u{5ac}', 230), ('\u{5ad}', '\u{5ad}', 222),
    ('\u{5ae}', '\u{5ae}', 228), ('\u{5af}', '\u{5af}', 230), ('\u{5b0}', '\u{5b0}', 10),
    ('\u{5b1}', '\u{5b1}', 11), ('\u{5b2}', '\u{5b2}', 12), ('\u{5b3}', '\u{5b3}', 13),
    ('\u{5b4}', '\u{5b4}', 14), ('\u{5b5}', '\u{5b5}', 15), ('\u{5b6}', '\u{5b6}', 16),
    ('\u{5b7}', '\u{5b7}', 17), ('\u{5b8}', '\u{5b8}', 18), ('\u{5b9}', '\u{5ba}', 19),
    ('\u{5bb}', '\u{5bb}', 20), ('\u{5bc}', '\u{5bc}', 21), ('\u{5bd}', '\u{5bd}', 22),
    ('\u{5bf}', '\u{5bf}', 23), ('\u{5c1}', '\u{5c1}', 24), ('\u{5c2}', '\u{5c2}', 25),
    ('\u{5c4}', '\u{5c4}', 230), ('\u{5c5}', '\u{5c5}', 220), ('\u{5c7}', '\u{5c7}', 18),
    ('\u{5c8}', '\u{5c8}', 10), ('\u{5c9}', '\u{5c9}', 21), ('\u{610}', '\u{617}', 230),
    ('\u{618}', '\u{618}', 30), ('\u{619}', '\u{619}', 31), ('\u{61a}', '\u{61a}', 32),
    ('\u{64b}', '\u{64b}', 27), ('\u{64c}', '\u{64c}', 28), ('\u{64d}', '\u{64d}', 29),
    ('\u{64e}', '\u{64e}', 30), ('\u{64f}', '\u{64f}', 31), ('\u{650}', '\u{650}', 32),
    ('\u{651}', '\u{651}', 33), ('\u{652}', '\u{652}', 34), ('\u{653}', '\u{654}', 230),
    ('\u{655}', '\u{656}', 220), ('\u{657}', '\u{65b}', 230), ('\u{65c}', '\u{65c}', 220),
    ('\u{65d}', '\u{65e}', 230), ('\u{65f}', '\u{65f}', 220), ('\u{670}', '\u{670}', 35),
    ('\u{6d6}', '\u{6dc}', 230), ('\u{6df}', '\u{6e2}', 230), ('\u{6e3}', '\u{6e3}', 220),
    ('\u{6e4}', '\u{6e4}', 230), ('\u{6e7}', '\u{6e8}', 230), ('\u{6ea}', '\u{6ea}', 220),
    ('\u{6eb}', '\u{6ec}', 230), ('\u{6ed}', '\u{6ed}', 220), ('\u{711}', '\u{711}', 36),
    ('\u{730}', '\u{730}', 230), ('\u{731}', '\u{731}', 220), ('\u{732}', '\u{733}', 230),
    ('\u{734}', '\u{734}', 220), ('\u{735}', '\u{736}', 230), ('\u{737}', '\u{739}', 220),
    ('\u{73a}', '\u{73a}', 230), ('\u{73b}', '\u{73c}', 220), ('\u{73d}', '\u{73d}', 230),
    ('\u{73e}', '\u{73e}', 220), ('\u{73f}', '\u{741}', 230), ('\u{742}', '\u{742}', 220),
    ('\u{743}', '\u{743}', 230), ('\u{744}', '\u{744}', 220), ('\u{745}', '\u{745}', 230),
    ('\u{746}', '\u{746}', 220), ('\u{747}', '\u{747}', 230), ('\u{748}', '\u{748}', 220),
    ('\u{749}', '\u{74a}', 230), ('\u{7eb}', '\u{7f1}', 230), ('\u{7f2}', '\u{7f2}', 220),
    ('\u{7f3}', '\u{7f3}', 230), ('\u{7fd}', '\u{7fd}', 220), ('\u{816}', '\u{819}', 230),
    ('\u{81b}', '\u{823}', 230), ('\u{825}', '\u{827}', 230), ('\u{829}', '\u{82d}', 230),
    ('\u{859}', '\u{85b}', 220), ('\u{897}', '\u{898}', 230), ('\u{899}', '\u{89b}', 220),
    ('\u{89c}', '\u{89f}', 230), ('\u{8ca}', '\u{8ce}', 230), ('\u{8cf}', '\u{8d3}', 220),
    ('\u{8d4}', '\u{8e1}', 230), ('\u{8e3}', '\u{8e3}', 220), ('\u{8e4}', '\u{8e5}', 230),
    ('\u{8e6}', '\u{8e6}', 220), ('\u{8e7}', '\u{8e8}', 230), ('\u{8e9}', '\u{8e9}', 220),
    ('\u{8ea}', '\u{8ec}', 230), ('\u{8ed}', '\u{8ef}', 220), ('\u{8f0}', '\u{8f0}', 27),
    ('\u{8f1}', '\u{8f1}', 28), ('\u{8f2}', '\u{8f2}', 29), ('\u{8f3}', '\u{8f5}', 230),
    ('\u{8f6}', '\u{8f6}', 220), ('\u{8f7}', '\u{8f8}', 230), ('\u{8f9}', '\u{8fa}', 220),
    ('\u{8fb}', '\u{8ff}', 230), ('\u{93c}', '\u{93c}', 7), ('\u{94d}', '\u{94d}', 9),
    ('\u{951}', '\u{951}', 230), ('\u{952}', '\u{952}', 220), ('\u{953}', '\u{954}', 230),
    ('\u{9bc}', '\u{9bc}', 7), ('\u{9cd}', '\u{9cd}', 9), ('\u{9fe}', '\u{9fe}', 230),
    ('\u{a3c}', '\u{a3c}', 7), ('\u{a4d}', '\u{a4d}', 9), ('\u{abc}', '\u{abc}', 7),
    ('\u{acd}', '\u{acd}', 9), ('\u{b3c}', '\u{b3c}', 7), ('\u{b4d}', '\u{b4d}', 9),
    ('\u{bcd}', '\u{bcd}', 9), ('\u{c3c}', '\u{c3c}', 7), ('\u{c4d}', '\u{c4d}', 9),
    ('\u{c55}', '\u{c55}', 84), ('\u{c56}', '\u{c56}', 91), ('\u{cbc}', '\u{cbc}', 7),
    ('\u{ccd}', '\u{ccd}', 9), ('\u{d3b}', '\u{d3c}', 9), ('\u{d4d}', '\u{d4d}', 9),
    ('\u{dca}', '\u{dca}', 9), ('\u{e38}', '\u{e39}', 103), ('\u{e3a}', '\u{e3a}', 9),
    ('\u{e48}', '\u{e4b}', 107), ('\u{eb8}', '\u{eb9}', 118), ('\u{eba}', '\u{eba}', 9),
    ('\u{ec8}', '\u{ecb}', 122), ('\u{f18}', '\u{f19}', 220), ('\u{f35}', '\u{f35}', 220),
    ('\u{f37}', '\u{f37}', 220), ('\u{f39}', '\u{f39}', 216), ('\u{f71}', '\u{f71}', 129),
    ('\u{f72}', '\u{f72}', 130), ('\u{f74}', '\u{f74}', 132), ('\u{f7a}', '\u{f7d}', 130),
    ('\u{f80}', '\u{f80}', 130), ('\u{f82}', '\u{f83}', 230), ('\u{f84}', '\u{f84}', 9),
    ('\u{f86}', '\u{f87}', 230), ('\u{fc6}', '\u{fc6}', 220), ('\u{1037}', '\u{1037}', 7),
    ('\u{1039}', '\u{103a}', 9), ('\u{108d}', '\u{108d}', 220), ('\u{17d2}', '\u{17d2}', 9),
    ('\u{17dd}', '\u{17dd}', 230), ('\u{18a9}', '\u{18a9}', 228), ('\u{1a17}', '\u{1a17}', 230),
    ('\u{1a18}', '\u{1a18}', 220), ('\u{1abf}', '\u{1ac0}', 220), ('\u{1acc}', '\u{1ace}', 230),
    ('\u{1dd3}', '\u{1df4}', 230), ('\u{2de0}', '\u{2dff}', 230), ('\u{a674}', '\u{a67b}', 230),
    ('\u{a69e}', '\u{a69f}', 230), ('\u{aab0}', '\u{aab0}', 230), ('\u{aab2}', '\u{aab3}', 230),
    ('\u{aab4}', '\u{aab4}', 220), ('\u{aab7}', '\u{aab8}', 230), ('\u{aabe}', '\u{aabe}', 230),
    ('\u{fb1e}', '\u{fb1e}', 26), ('\u{10376}', '\u{1037a}', 230), ('\u{10a0d}', '\u{10a0d}', 220),
    ('\u{10a0f}', '\u{10a0f}', 230), ('\u{10d24}', '\u{10d27}', 230), ('\u{10d69}', '\u{10d69}', 230),
    ('\u{10eab}', '\u{10eac}', 230), ('\u{10efa}', '\u{10efb}', 220), ('\u{11100}', '\u{11102}', 230),
    ('\u{16ff0}', '\u{16ff1}', 6), ('\u{1bc9e}', '\u{1bc9e}', 1), ('\u{1e000}', '\u{1e08f}', 230),
    ('\u{1e6e3}', '\u{1e6e3}', 230), ('\u{1e6e6}', '\u{1e6e6}', 230), ('\u{1e6ee}', '\u{1e6ef}', 230),
    ('\u{1e6f5}', '\u{1e6f5}', 230), ('\u{1e947}', '\u{1e947}', 230),
];

/// The first character of `label` that is composed with one before it, or
/// comes before it, in normalisation form C. `None` if the label is in that
/// form. The label holds no character that has a form of its own there.
pub(super) fn find_unnormalised(label: &str) -> Option<char> {
    let mut start = '\0';
    let mut last_class = 0;
    let mut adjacent = false;
    label.chars().find(|&c| {
        let class = combining_class(c);
        // Marks of lower classes between the two are no obstacle.
        let composes = (adjacent || class != 0) && COMPOSING.binary_search(&(start, c)).is_ok();
        let is_out_of_order = class != 0 && class < last_class;
        if class == 0 {
            start = c;
        }
        adjacent = class == 0;
        last_class = class;
        composes || is_out_of_order
    })
}

fn combining_class(c: char) -> u8 {
    COMBINING_CLASSES
        .binary_search_by(|&(first, last, _)| {
            if last < c {
                Ordering::Less
            } else if first > c {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        })
        .map_or(0, |at| COMBINING_CLASSES[at].2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composed_and_ordered_labels_are_in_the_form() {
        for label in ["bücher", "बड़ा", "ที่ดู่", "\u{5d1}\u{5b0}\u{5bc}", "آ"]
        {
            assert_eq!(find_unnormalised(label), None, "{label}");
        }
    }

    #[test]
    fn decomposed_and_disordered_labels_are_not() {
        for (label, odd) in [
            ("x\u{627}\u{653}", '\u{653}'),
            // A mark of a lower class stands between the two.
            ("\u{627}\u{64e}\u{654}", '\u{654}'),
            ("\u{9c7}\u{9be}", '\u{9be}'),
            ("\u{5d1}\u{5bc}\u{5b0}", '\u{5b0}'),
        ] {
            assert_eq!(find_unnormalised(label), Some(odd), "{label}");
        }
    }
}
