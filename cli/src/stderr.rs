//! Standard error, where a person is told what went wrong.

use std::io::Write as _;

/// Writes a line to it, or nowhere: an error there could be told nowhere else.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "rest-client: {line}");
}
