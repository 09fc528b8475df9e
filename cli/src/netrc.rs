//! Passwords by host, in the form that curl reads: `machine HOST login USER
//! password PASSWORD`, over as many lines as one likes, and `default` for every
//! other host. A text with blanks stands between quotation marks.

use crate::{
    exit::{Exit, Problem},
    input,
};
use std::{fmt::Display, path::Path};

/// Bytes of a file.
const MOST: u64 = 16 << 20;

/// What a file says of a host.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Entry {
    /// `None` is every host.
    machine: Option<String>,
    login: Option<String>,
    password: Option<String>,
}

/// Reads the file at `path`.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>, Problem> {
    let name = path.display();
    let refused = |what: String| Problem::new(Exit::Read, what);
    let unreadable =
        |what: &dyn Display| refused(format!("the passwords in {name} can't be read: {what}"));
    let bytes = input::read_file(path, MOST).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable(&"it is not UTF-8"))?;
    parse(&text).map_err(|(line, what)| refused(format!("{name}:{line}: {what}")))
}

/// User and password for `host`, those of `login` if that is known. The first
/// entry that fits counts; a password that is left out is empty.
pub(crate) fn find<'a>(
    entries: &'a [Entry],
    host: &str,
    login: Option<&str>,
) -> Option<(&'a str, &'a str)> {
    entries.iter().find_map(|entry| {
        let is_host = match &entry.machine {
            Some(machine) => machine.eq_ignore_ascii_case(host),
            None => true,
        };
        let user = entry.login.as_deref()?;
        let fits = is_host && login.is_none_or(|login| login == user);
        fits.then(|| (user, entry.password.as_deref().unwrap_or_default()))
    })
}

/// The entries, or the line that is wrong and what is wrong with it. That
/// repeats nothing, which may be a part of a password.
fn parse(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut words = words(text)?.into_iter();
    while let Some((line, word)) = words.next() {
        let mut value = || {
            let value = words.next().map(|(_, value)| value);
            value.ok_or_else(|| (line, format!("{word} has no value")))
        };
        match &*word {
            "machine" => entries.push(Entry {
                machine: Some(value()?),
                ..Entry::default()
            }),
            "default" => entries.push(Entry::default()),
            "login" | "password" | "account" => {
                let value = value()?;
                let Some(entry) = entries.last_mut() else {
                    return Err((line, format!("{word} stands before every machine")));
                };
                match &*word {
                    "login" => entry.login = Some(value),
                    "password" => entry.password = Some(value),
                    _ => {}
                }
            }
            _ => {
                let what = "what stands here is none of machine, default, login, password, \
                            account and macdef; a text with blanks stands between quotation marks";
                return Err((line, what.into()));
            }
        }
    }
    Ok(entries)
}

/// The words, each with its line. Comments and macros are left out.
fn words(text: &str) -> Result<Vec<(usize, String)>, (usize, String)> {
    let mut found = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let mut rest = line.trim_start();
        while !rest.is_empty() && !rest.starts_with('#') {
            let (word, length) = match rest.strip_prefix('"') {
                Some(inner) => quoted(inner)
                    .map(|(word, length)| (word, length + 1))
                    .ok_or_else(|| (number, "this quotation mark has no second one".into()))?,
                None => {
                    let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    (rest[..length].to_owned(), length)
                }
            };
            rest = rest[length..].trim_start();
            if word == "macdef" {
                // It ends with an empty line.
                lines.by_ref().find(|(_, line)| line.trim().is_empty());
                break;
            }
            found.push((number, word));
        }
    }
    Ok(found)
}

/// The text up to the next quotation mark, and its length with that.
fn quoted(inner: &str) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((text, at + 1)),
            '\\' => match characters.next()?.1 {
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, host: &str, login: Option<&str>) -> Option<(String, String)> {
        let entries = parse(text).unwrap();
        find(&entries, host, login).map(|(user, password)| (user.into(), password.into()))
    }

    #[test]
    fn the_first_entry_that_fits_counts() {
        let text = "# of mine\n\
                    machine a.example login x password 1\n\
                    macdef init\n\tcd /pub\nmachine a.example\n\n\
                    machine A.example\n\tlogin y\n\tpassword \"a \\\"2\\\" #b\"\n\
                    machine b.example login z # nothing\n\
                    default login anybody password 3";
        for (host, login, expected) in [
            ("a.example", None, ("x", "1")),
            ("A.EXAMPLE", Some("y"), ("y", "a \"2\" #b")),
            ("b.example", None, ("z", "")),
            ("c.example", None, ("anybody", "3")),
            ("a.example", Some("anybody"), ("anybody", "3")),
        ] {
            let expected = Some((expected.0.into(), expected.1.into()));
            assert_eq!(found(text, host, login), expected, "{host} {login:?}");
        }
        assert_eq!(found(text, "c.example", Some("x")), None);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_without_a_password() {
        for (text, line, words) in [
            ("machine a\nlogin", 2, "login has no value"),
            ("machine a login x password my sesame", 1, "none of machine"),
            ("\nlogin x", 2, "before every machine"),
            ("machine a password \"sesame", 1, "quotation mark"),
        ] {
            let (at, what) = parse(text).unwrap_err();
            assert_eq!(at, line, "{text}");
            assert!(what.contains(words) && !what.contains("sesame"), "{what}");
        }
    }
}
