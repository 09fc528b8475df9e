//! The original's spelling of a configuration: the `modparam` lines for
//! `rest_client` in an OpenSIPS script, lifted out of it as they are.
//!
//! ```text
//! modparam("rest_client", "connection_timeout", 3)
//! modparam("rest_client", "ssl_capath", "/etc/ssl/rest")
//! ```
//!
//! Names, units and values are those of the module's manual: seconds for
//! timeouts, KB for max_transfer_size, milliseconds for connect_poll_interval,
//! 0 and 1 for switches.

use super::{error::ConfigError, http_version::HttpVersion, layers::Layers};
use std::path::Path;
use toml::Value;

const MODULE: &str = "rest_client";

impl Layers {
    /// Adds the parameters in the OpenSIPS script at `path`.
    ///
    /// # Errors
    ///
    /// The script can't be read, names a parameter that the module does not have,
    /// or gives one a value it can't have. The error names the file, the line, the
    /// parameter and what would be right.
    pub fn read_modparams(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError::new(format!("the script {name} can't be read: {error}"))
        })?;
        self.add_modparams(&text, &name)
    }

    /// Adds the parameters in the script `text`, which errors call `name`.
    ///
    /// # Errors
    ///
    /// As for [`read_modparams`](Self::read_modparams), but that `text` is there
    /// already.
    pub fn add_modparams(&mut self, text: &str, name: &str) -> Result<(), ConfigError> {
        for statement in statements(text) {
            let from = format!("{name}:{}", statement.line);
            let parameter = statement.parameter.as_str();
            let refused = |what: String| ConfigError::new(format!("{from}: {parameter}: {what}"));
            let (key, value) = translate(parameter, &statement.value).map_err(refused)?;
            self.set_value(key, value, &from)?;
        }
        Ok(())
    }
}

/// One `modparam` for our module.
#[derive(Debug, PartialEq)]
struct Statement {
    line: usize,
    parameter: String,
    value: Argument,
}

#[derive(Debug, PartialEq)]
enum Argument {
    Number(i64),
    Text(String),
    /// What is neither, as it is written.
    Other(String),
}

/// How a parameter of the module is said in our keys.
fn translate(parameter: &str, value: &Argument) -> Result<(&'static str, Value), String> {
    Ok(match parameter {
        "connection_timeout" => ("connection-timeout", number(value, "seconds")?.into()),
        "curl_timeout" => ("transfer-timeout", number(value, "seconds")?.into()),
        "connect_poll_interval" => (
            "connect-poll-interval",
            format!("{}ms", number(value, "milliseconds")?).into(),
        ),
        "max_async_transfers" => ("max-async-transfers", number(value, "transfers")?.into()),
        "max_transfer_size" => {
            let kilobytes = number(value, "KB")?;
            let bytes = kilobytes
                .checked_mul(1024)
                .ok_or_else(|| format!("{kilobytes} KB is more than can be counted"))?;
            ("max-transfer-size", bytes.into())
        }
        "ssl_verifypeer" => ("ssl-verifypeer", switch(value)?.into()),
        "ssl_verifyhost" => ("ssl-verifyhost", switch(value)?.into()),
        "ssl_capath" => match value {
            Argument::Text(path) => ("ssl-capath", path.clone().into()),
            _ => return Err("is not a path; one is written in quotation marks".into()),
        },
        "curl_http_version" => {
            let version = usize::try_from(number(value, "version, 0 to 5")?)
                .ok()
                .and_then(|number| HttpVersion::ALL.get(number))
                .ok_or(
                    "is not a version; 0 to 5 are auto, 1.0, 1.1, 2, 2-tls, 2-prior-knowledge",
                )?;
            ("http-version", version.as_str().into())
        }
        "enable_expect_100" => ("enable-expect-100", switch(value)?.into()),
        "no_concurrent_connects" => ("no-concurrent-connects", switch(value)?.into()),
        "curl_conn_lifetime" => ("conn-lifetime", number(value, "seconds")?.into()),
        _ => {
            return Err(
                "is not a parameter of rest_client; they are connection_timeout, \
                 connect_poll_interval, max_async_transfers, max_transfer_size, ssl_verifypeer, \
                 ssl_verifyhost, ssl_capath, curl_timeout, curl_http_version, enable_expect_100, \
                 no_concurrent_connects and curl_conn_lifetime"
                    .into(),
            );
        }
    })
}

fn number(value: &Argument, unit: &str) -> Result<i64, String> {
    let number = match value {
        Argument::Number(number) => Some(*number),
        // The original takes a number in quotation marks, too.
        Argument::Text(text) => text.trim().parse().ok(),
        Argument::Other(_) => None,
    };
    match number {
        Some(number) if number >= 0 => Ok(number),
        Some(number) => Err(format!("{number} is negative; it is a number of {unit}")),
        None => Err(format!("is not a number of {unit}")),
    }
}

fn switch(value: &Argument) -> Result<bool, String> {
    let word = match value {
        Argument::Number(number) => number.to_string(),
        Argument::Text(text) | Argument::Other(text) => text.trim().to_ascii_lowercase(),
    };
    match word.as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(format!(
            "{word:?} is not a switch; one is 0 or 1, or true or false"
        )),
    }
}

/// The `modparam` statements for our module, in their order. Whatever else a
/// script holds, comments included, is passed over.
fn statements(text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut tokens = tokens(text).into_iter().peekable();
    while let Some((line, token)) = tokens.next() {
        if token != Token::Word("modparam") || tokens.peek().map(|(_, t)| t) != Some(&Token::Open) {
            continue;
        }
        tokens.next();
        let mut arguments = Vec::new();
        for (_, token) in tokens.by_ref() {
            match token {
                Token::Close => break,
                Token::Comma | Token::Open => {}
                Token::Text(text) => arguments.push(Argument::Text(text)),
                Token::Word(word) => arguments.push(
                    word.parse()
                        .map_or_else(|_| Argument::Other(word.to_owned()), Argument::Number),
                ),
            }
        }
        let mut arguments = arguments.into_iter();
        let (Some(Argument::Text(modules)), Some(Argument::Text(parameter)), Some(value)) =
            (arguments.next(), arguments.next(), arguments.next())
        else {
            continue;
        };
        if modules.split('|').any(|module| module == MODULE) {
            found.push(Statement {
                line,
                parameter,
                value,
            });
        }
    }
    found
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Open,
    Close,
    Comma,
    Text(String),
    Word(&'a str),
}

/// The tokens of a script, with the lines they begin in.
fn tokens(text: &str) -> Vec<(usize, Token<'_>)> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let line_of = |rest: &str| text[..text.len() - rest.len()].matches('\n').count() + 1;
    while let Some(first) = rest.chars().next() {
        let line = line_of(rest);
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' | '\'' => {
                let (text, length) = quoted(rest, first);
                tokens.push((line, Token::Text(text)));
                length
            }
            '(' | ')' | ',' => {
                tokens.push((
                    line,
                    match first {
                        '(' => Token::Open,
                        ')' => Token::Close,
                        _ => Token::Comma,
                    },
                ));
                1
            }
            c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => {
                let length = rest
                    .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
                    .unwrap_or(rest.len());
                tokens.push((line, Token::Word(&rest[..length])));
                length
            }
            other => other.len_utf8(),
        };
        rest = &rest[length..];
    }
    tokens
}

/// The text between two marks, and how long it is with them.
fn quoted(rest: &str, mark: char) -> (String, usize) {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => text.extend(characters.next().map(|(_, escaped)| escaped)),
            c if c == mark => return (text, at + 1),
            c => text.push(c),
        }
    }
    (text, rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parameters::Config;
    use std::time::Duration;

    fn parsed(text: &str) -> Result<Config, ConfigError> {
        let mut layers = Layers::default();
        layers.add_modparams(text, "opensips.cfg")?;
        Ok(layers.config().clone())
    }

    fn refused(text: &str) -> String {
        parsed(text).unwrap_err().to_string()
    }

    #[test]
    fn every_parameter_of_the_module_is_read_in_its_own_unit() {
        let config = parsed(
            r#"
            modparam("rest_client", "connection_timeout", 300)
            modparam("rest_client", "connect_poll_interval", 2)
            modparam("rest_client", "max_async_transfers", 300)
            modparam("rest_client", "max_transfer_size", 64)
            modparam("rest_client", "curl_timeout", 301)
            modparam("rest_client", "ssl_verifypeer", 0)
            modparam("rest_client", "ssl_verifyhost", 0)
            modparam("rest_client", "ssl_capath", "/home/opensips/ca_certificates")
            modparam("rest_client", "curl_http_version", 3)
            modparam("rest_client", "enable_expect_100", true)
            modparam("rest_client", "no_concurrent_connects", true)
            modparam("rest_client", "curl_conn_lifetime", 1800)
            "#,
        )
        .unwrap();
        let expected = Config {
            connection_timeout: Duration::from_secs(300),
            connect_poll_interval: Some(Duration::from_millis(2)),
            max_async_transfers: 300,
            max_transfer_size: 64 * 1024,
            transfer_timeout: Duration::from_secs(301),
            ssl_verifypeer: false,
            ssl_verifyhost: false,
            ssl_capath: Some("/home/opensips/ca_certificates".into()),
            http_version: HttpVersion::Http2,
            enable_expect_100: true,
            no_concurrent_connects: true,
            conn_lifetime: Duration::from_secs(1800),
            ..Config::default()
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn the_rest_of_a_script_is_passed_over() {
        let config = parsed(
            r#"
            # modparam("rest_client", "curl_timeout", 1)
            /* modparam("rest_client", "curl_timeout", 2)
               modparam("rest_client", "curl_timeout", 3) */
            // modparam("rest_client", "curl_timeout", 4)
            loadmodule "rest_client.so"
            modparam("tm", "fr_timeout", 5)
            modparam("usrloc|rest_client",
                "curl_timeout", # with a comment
                7)
            xlog("modparam(\"rest_client\", \"curl_timeout\", 8)\n");
            route { if (!rest_get("http://h/?a=$fU", $var(b))) { exit; } } "#,
        )
        .unwrap();
        assert_eq!(config.transfer_timeout, Duration::from_secs(7));
    }

    #[test]
    fn an_error_names_the_file_the_line_the_parameter_and_what_would_be_right() {
        let error = refused("\nmodparam(\"rest_client\", \"conection_timeout\", 3)");
        assert!(
            error.starts_with("opensips.cfg:2: conection_timeout: "),
            "{error}"
        );
        assert!(error.contains("connection_timeout"), "{error}");
        for (line, right) in [
            (
                r#"modparam("rest_client", "curl_timeout", -1)"#,
                "number of seconds",
            ),
            (
                r#"modparam("rest_client", "curl_timeout", "soon")"#,
                "number of seconds",
            ),
            (r#"modparam("rest_client", "ssl_verifypeer", 2)"#, "0 or 1"),
            (
                r#"modparam("rest_client", "ssl_capath", 1)"#,
                "quotation marks",
            ),
            (
                r#"modparam("rest_client", "curl_http_version", 6)"#,
                "0 to 5",
            ),
            (
                r#"modparam("rest_client", "max_async_transfers", 99999999999)"#,
                "max-async-transfers",
            ),
        ] {
            let error = refused(line);
            assert!(
                error.starts_with("opensips.cfg:1: ") && error.contains(right),
                "{error}"
            );
        }
    }
}
