//! What somebody else has written, as a part of a line in a log or on a terminal.

/// `text` without what would end the line, what a terminal would obey, and what would turn
/// the direction of the words behind it. All else is as it was, in any script.
pub(crate) fn one_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            _ if it.is_control() => shown.extend(it.escape_default()),
            // Marks of direction (UAX #9), and the separators of lines and paragraphs.
            '\u{61c}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => shown.extend(it.escape_unicode()),
            _ => shown.push(it),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn what_a_terminal_would_obey_is_shown_and_all_else_stays() {
        for (text, shown) in [
            ("it's \"here\" C:\\", "it's \"here\" C:\\"),
            ("नमस्ते สวัสดี", "नमस्ते สวัสดี"),
            ("e\u{301} 👩\u{200d}🚀", "e\u{301} 👩\u{200d}🚀"),
            ("a\r\n\tb", "a\\r\\n\\tb"),
            ("\u{1b}[31mred\u{7f}\u{9b}", "\\u{1b}[31mred\\u{7f}\\u{9b}"),
            (
                "\u{202e}evil\u{2028}\u{61c}",
                "\\u{202e}evil\\u{2028}\\u{61c}",
            ),
            ("", ""),
        ] {
            assert_eq!(one_line(text), shown);
        }
    }
}
