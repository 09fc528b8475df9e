//! Standard error, where a person is told what went wrong.

use std::io::Write as _;

/// Writes a line to it, or nowhere: an error there could be told nowhere else. What it was
/// made of may come from a file, or a plugin: nothing of it is what a terminal would obey.
pub(crate) fn complain(line: &str) {
    let mut shown = String::with_capacity(line.len());
    for it in line.chars() {
        match it {
            '\n' | '\t' => shown.push(it),
            it if it.is_control() => shown.extend(it.escape_default()),
            it => shown.push(it),
        }
    }
    let _ = writeln!(std::io::stderr(), "rest-client: {shown}");
}
