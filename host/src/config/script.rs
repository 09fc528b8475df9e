//! What a configuration needs of an OpenSIPS script: its `modparam` statements
//! and the files that it includes. The words are those of the original's
//! `cfg.lex`, the statements those of its `cfg.y`.

/// How a `modparam` is written.
const FORM: &str = "one is written modparam(\"module\", \"parameter\", value)";

/// What is wrong with a script, and in which line.
#[derive(Debug, PartialEq)]
pub(super) struct Wrong {
    pub(super) line: usize,
    pub(super) what: String,
}

/// A statement that counts here.
#[derive(Debug, PartialEq)]
pub(super) enum Statement {
    /// A parameter of the modules whose names match.
    Modparam {
        line: usize,
        modules: String,
        parameter: String,
        value: Vec<Word>,
    },
    /// Another script, to be read where this stands.
    Include { line: usize, path: String },
}

/// What a value is made of.
#[derive(Debug, PartialEq)]
pub(super) enum Word {
    /// Between quotation marks.
    Text(String),
    /// A number, or a word.
    Plain(String),
    /// Any other character.
    Mark(char),
}

/// The statements of a script, in their order. Whatever else it holds, comments
/// included, is passed over.
///
/// # Errors
///
/// A statement is not complete, or a string, a comment or a parenthesis has no
/// end: nothing after it would be what it seems.
pub(super) fn statements(text: &str) -> Result<Vec<Statement>, Wrong> {
    let mut script = Script {
        rest: text,
        line: 1,
    };
    let mut found = Vec::new();
    while let Some((line, word)) = script.next()? {
        match word {
            Word::Plain(word) if word == "modparam" => found.push(script.modparam(line)?),
            Word::Plain(word) if matches!(&*word, "include_file" | "import_file") => {
                match script.next()? {
                    Some((_, Word::Text(path))) => found.push(Statement::Include { line, path }),
                    _ => {
                        let what = format!("{word} has no file; it is written in quotation marks");
                        return Err(Wrong { line, what });
                    }
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// A script, read from its start.
struct Script<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Script<'a> {
    /// The rest of a `modparam` that stands in `line`.
    fn modparam(&mut self, line: usize) -> Result<Statement, Wrong> {
        let wrong = |what: &str| Wrong {
            line,
            what: what.to_owned(),
        };
        let malformed = || wrong(&format!("this modparam is not complete; {FORM}"));
        if !matches!(self.next()?, Some((_, Word::Mark('(')))) {
            return Err(malformed());
        }
        let mut arguments = vec![Vec::new()];
        loop {
            match self.next()? {
                Some((_, Word::Mark(')'))) => break,
                Some((_, Word::Mark(','))) => arguments.push(Vec::new()),
                Some((_, Word::Plain(word))) if word == "modparam" => {
                    return Err(wrong("the parenthesis of this modparam is not closed"));
                }
                None => return Err(wrong("the parenthesis of this modparam is not closed")),
                Some((_, word)) => {
                    if let Some(argument) = arguments.last_mut() {
                        argument.push(word);
                    }
                }
            }
        }
        let [modules, parameter, value] = <[_; 3]>::try_from(arguments).map_err(|_| malformed())?;
        Ok(Statement::Modparam {
            line,
            modules: text_of(&modules).ok_or_else(malformed)?,
            parameter: text_of(&parameter).ok_or_else(malformed)?,
            value,
        })
    }

    /// The next word, with the line that it begins in. `None` at the end.
    fn next(&mut self) -> Result<Option<(usize, Word)>, Wrong> {
        loop {
            let line = self.line;
            let Some(first) = self.rest.chars().next() else {
                return Ok(None);
            };
            let endless = |what: &str| Wrong {
                line,
                what: format!("this {what} has no end"),
            };
            let word = match first {
                '#' => {
                    self.take_line();
                    continue;
                }
                '/' if self.rest.starts_with("//") => {
                    self.take_line();
                    continue;
                }
                '/' if self.rest.starts_with("/*") => {
                    let length = comment(self.rest).ok_or_else(|| endless("comment"))?;
                    self.take(length);
                    continue;
                }
                '$' => {
                    let length = variable(self.rest).ok_or_else(|| endless("variable"))?;
                    self.take(length);
                    continue;
                }
                '"' | '\'' => {
                    let length = quoted(self.rest, first).ok_or_else(|| endless("string"))?;
                    let inner = &self.take(length)[1..length - 1];
                    Word::Text(match first {
                        '"' => unescaped(inner),
                        _ => inner.to_owned(),
                    })
                }
                c if is_plain(c) => {
                    let length = self
                        .rest
                        .find(|c: char| !is_plain(c))
                        .unwrap_or(self.rest.len());
                    Word::Plain(self.take(length).to_owned())
                }
                other => {
                    self.take(other.len_utf8());
                    if other.is_whitespace() {
                        continue;
                    }
                    Word::Mark(other)
                }
            };
            return Ok(Some((line, word)));
        }
    }

    fn take_line(&mut self) {
        self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Adjacent strings are one. `None` if there is none, or something else.
pub(super) fn text_of(words: &[Word]) -> Option<String> {
    if words.is_empty() {
        return None;
    }
    words
        .iter()
        .map(|word| match word {
            Word::Text(text) => Some(text.as_str()),
            Word::Plain(_) | Word::Mark(_) => None,
        })
        .collect()
}

/// The length of the comment that `rest` begins with; one may hold others.
fn comment(rest: &str) -> Option<usize> {
    let mut open = 0;
    let mut at = 0;
    loop {
        let next = at + rest[at..].find(['/', '*'])?;
        at = next + 1;
        if rest[next..].starts_with("/*") {
            open += 1;
            at += 1;
        } else if rest[next..].starts_with("*/") {
            open -= 1;
            at += 1;
        }
        if open == 0 {
            return Some(at);
        }
    }
}

/// The length of the variable that `rest` begins with, as `$ru`, `$avp(name)`
/// or `$(ru{s.substr,0,"2})`: what is in its parenthesis is no string.
fn variable(rest: &str) -> Option<usize> {
    let name = 1 + rest[1..]
        .find(|c: char| !is_plain(c))
        .unwrap_or(rest.len() - 1);
    if !rest[name..].starts_with('(') {
        return Some(name);
    }
    let mut open = 0;
    for (at, byte) in rest.bytes().enumerate().skip(name) {
        match byte {
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// The length of the string that `rest` begins with, its marks included. Between
/// single ones nothing is escaped.
fn quoted(rest: &str, mark: char) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if mark == '"' => escaped = true,
            byte if char::from(byte) == mark => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// What stands between double marks, as the original understands it: a
/// backslash that escapes nothing stays. What is no UTF-8 then is U+FFFD.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, length) = if first == b'\\' {
            escape(after)
        } else {
            (Some(first), 0)
        };
        bytes.extend(byte);
        rest = &after[length..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a backslash and what follows it stand for, and how much of that is used.
fn escape(after: &[u8]) -> (Option<u8>, usize) {
    let digits = |of: &[u8], most: usize, is_digit: fn(&u8) -> bool| {
        of.iter()
            .take(most)
            .take_while(|&byte| is_digit(byte))
            .count()
    };
    let number = |digits: &[u8], radix| {
        let text = std::str::from_utf8(digits).ok()?;
        // As in C, what is above a byte is cut off.
        u32::from_str_radix(text, radix)
            .ok()?
            .to_le_bytes()
            .first()
            .copied()
    };
    match after.first() {
        Some(b'n') => (Some(b'\n'), 1),
        Some(b'r') => (Some(b'\r'), 1),
        Some(b't') => (Some(b'\t'), 1),
        Some(b'a') => (Some(7), 1),
        Some(&mark @ (b'"' | b'\\')) => (Some(mark), 1),
        Some(b'\n') => (None, 1),
        Some(b'x') => match digits(&after[1..], 2, u8::is_ascii_hexdigit) {
            0 => (Some(b'\\'), 0),
            count => (number(&after[1..=count], 16), 1 + count),
        },
        _ => match digits(after, 3, |byte| (b'0'..=b'7').contains(byte)) {
            0 | 1 => (Some(b'\\'), 0),
            count => (number(&after[..count], 8), count),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn parameters(text: &str) -> Vec<(usize, String)> {
        let of = |statement| match statement {
            Statement::Modparam {
                line, parameter, ..
            } => Some((line, parameter)),
            Statement::Include { .. } => None,
        };
        statements(text)
            .unwrap()
            .into_iter()
            .filter_map(of)
            .collect()
    }

    #[test]
    fn comments_variables_and_strings_hide_what_they_hold() {
        let found = parameters(
            r#"
            # modparam("m", "a", 1)
            /* modparam("m", "b", 1) /* within */ modparam("m", "c", 1) */
            // modparam("m", "d", 1)
            xlog("modparam(\"m\", \"e\", 1)\n"); xlog('\'); # a quotation mark: "
            $var(x) = $(ru{re.subst,/"/(modparam)/g}); $ru = "x";
            modparam("m",
                "f", # with a comment
                1)
            "#,
        );
        assert_eq!(found, [(7, "f".to_owned())]);
    }

    #[test]
    fn a_script_is_read_in_time_that_grows_with_its_length() {
        let line = "modparam(\"tm\", \"fr_timeout\", 5) # a comment\n";
        let script = line.repeat((4 << 20) / line.len());
        let started = Instant::now();
        let found = parameters(&script);
        assert_eq!(found.len(), script.lines().count());
        assert_eq!(found.last().unwrap().0, found.len());
        let elapsed = started.elapsed();
        assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
    }

    #[test]
    fn what_has_no_end_is_told_by_the_line_it_begins_in() {
        for (text, what) in [
            ("\nmodparam(\"m\", \"a\", 1\n\n", "parenthesis"),
            (
                "\nmodparam(\"m\", \"a\", 1\nmodparam(\"m\", \"b\", 2)",
                "parenthesis",
            ),
            ("\nlog(\"a \\\" b\n", "string"),
            ("\n/* a /* b */\n", "comment"),
            ("\n$(ru{\n", "variable"),
            ("\nmodparam(\"m\", 1)", "not complete"),
            ("\nmodparam(\"m\", \"a\", 1, 2)", "not complete"),
            ("\nmodparam m, a, 1", "not complete"),
            ("\nmodparam(m, \"a\", 1)", "not complete"),
            ("\ninclude_file\n", "quotation marks"),
        ] {
            let wrong = statements(text).unwrap_err();
            assert_eq!(wrong.line, 2, "{text}");
            assert!(wrong.what.contains(what), "{text}: {}", wrong.what);
        }
    }

    #[test]
    fn strings_are_what_the_original_takes_them_for() {
        for (text, expected) in [
            (r#""a" "b" 'c'"#, "abc"),
            (r#""\t\"\\\.\101\x42\1""#, "\t\"\\\\.AB\\1"),
            ("\"a\\\nb\"", "ab"),
            (r#"'\t'"#, r"\t"),
            (r#""\xff""#, "\u{fffd}"),
        ] {
            let script = format!("include_file {text}");
            let mut script = Script {
                rest: &script,
                line: 1,
            };
            let mut words = Vec::new();
            while let Some((_, word)) = script.next().unwrap() {
                words.push(word);
            }
            assert_eq!(text_of(&words[1..]).unwrap(), expected, "{text}");
        }
    }
}
