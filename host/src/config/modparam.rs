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

use super::{
    error::ConfigError,
    http_version::HttpVersion,
    layers::Layers,
    script::{self, Statement, Word},
};
use crate::bounded_file;
use regex_lite::RegexBuilder;
use std::path::{Path, PathBuf};
use toml::Value;

const MODULE: &str = "rest_client";

/// How deep scripts may include each other, as in the original.
const MAX_DEPTH: usize = 50;

/// How many scripts are read for one. Two that each includes twice would be 2^50 within
/// that depth.
const MOST_SCRIPTS: usize = 1000;

/// What the original takes for numbers (`cfg.lex`).
const YES: [&str; 4] = ["yes", "true", "on", "enable"];
const NO: [&str; 4] = ["no", "false", "off", "disable"];

impl Layers {
    /// Adds the parameters in the OpenSIPS script at `path`, and in those that
    /// it includes: each is looked for from the working directory, and then from
    /// that of the script that names it.
    ///
    /// # Errors
    ///
    /// A script can't be read, has no end where one is needed, names a parameter
    /// that the module does not have, or gives one a value it can't have. The
    /// error names the file, the line, the parameter and what would be right.
    pub fn read_modparams(&mut self, path: &Path) -> Result<(), ConfigError> {
        self.read_script(path, 0, &mut 0)
    }

    /// Adds the parameters in the script `text`, which errors call `name`. What
    /// it includes is not read, and named in a notice.
    ///
    /// # Errors
    ///
    /// As for [`read_modparams`](Self::read_modparams), but that `text` is there
    /// already.
    pub fn add_modparams(&mut self, text: &str, name: &str) -> Result<(), ConfigError> {
        self.add_script(text, name, |_, included, from| {
            tracing::warn!(
                included,
                "{from}: the included file is not read: this script has no path to resolve it against"
            );
            Ok(())
        })
    }

    /// Reads one that `depth` others lead to, and counts it among those that were `read`.
    fn read_script(
        &mut self,
        path: &Path,
        depth: usize,
        read: &mut usize,
    ) -> Result<(), ConfigError> {
        *read += 1;
        let name = path.display().to_string();
        let text = bounded_file::read(path).map_err(|error| {
            ConfigError::new(format!("the script {name} can't be read: {error}"))
        })?;
        // Comments may be in any encoding.
        let text = String::from_utf8_lossy(&text);
        self.add_script(&text, &name, |layers, included, from| {
            if depth == MAX_DEPTH {
                return Err(ConfigError::new(format!(
                    "{from}: scripts include each other more than {MAX_DEPTH} deep; \
                     does one include itself?"
                )));
            }
            if *read == MOST_SCRIPTS {
                return Err(ConfigError::new(format!(
                    "{from}: more than {MOST_SCRIPTS} scripts are included; is one of them included repeatedly?"
                )));
            }
            let included = find(included, path);
            // It names its own place, but for one that can't be read.
            match included.metadata() {
                Ok(_) => layers.read_script(&included, depth + 1, read),
                Err(error) => Err(ConfigError::new(format!(
                    "{from}: the script {} can't be read: {error}",
                    included.display()
                ))),
            }
        })
    }

    fn add_script(
        &mut self,
        text: &str,
        name: &str,
        mut include: impl FnMut(&mut Self, &str, &str) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let statements = script::statements(text)
            .map_err(|wrong| ConfigError::new(format!("{name}:{}: {}", wrong.line, wrong.what)))?;
        for statement in statements {
            match statement {
                Statement::Include { line, path } => {
                    include(self, &path, &format!("{name}:{line}"))?;
                }
                Statement::Modparam {
                    line,
                    modules,
                    parameter,
                    value,
                } => {
                    let from = format!("{name}:{line}");
                    let refused =
                        |what: String| ConfigError::new(format!("{from}: {parameter}: {what}"));
                    if !is_ours(&modules).map_err(refused)? {
                        continue;
                    }
                    let value = Argument::of(&value).map_err(refused)?;
                    let (key, value) = translate(&parameter, &value, &from).map_err(refused)?;
                    self.set_value(key, value, &from)
                        .map_err(|refused| refused.at(&from, key))?;
                }
            }
        }
        Ok(())
    }
}

/// Where the file is that `script` includes.
fn find(included: &str, script: &Path) -> PathBuf {
    let here = PathBuf::from(included);
    if here.exists() {
        return here;
    }
    script.with_file_name("").join(here)
}

/// Whether `modules`, an expression in either case, matches the whole of our
/// module's name (the original's `modparam.c`).
fn is_ours(modules: &str) -> Result<bool, String> {
    if modules
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_')
    {
        return Ok(modules.eq_ignore_ascii_case(MODULE));
    }
    RegexBuilder::new(&format!("^({modules})$"))
        .case_insensitive(true)
        .build()
        .map(|modules| modules.is_match(MODULE))
        .map_err(|error| format!("the module {modules:?} is no regular expression: {error}"))
}

#[derive(Debug, PartialEq)]
enum Argument {
    Number(i64),
    Text(String),
}

impl Argument {
    fn of(words: &[Word]) -> Result<Self, String> {
        if let Some(text) = script::text_of(words) {
            if text.contains(char::REPLACEMENT_CHARACTER) {
                return Err("the value is not UTF-8".into());
            }
            return Ok(Self::Text(text));
        }
        let number = match words {
            [Word::Plain(word)] if YES.contains(&&**word) => Some(1),
            [Word::Plain(word)] if NO.contains(&&**word) => Some(0),
            [Word::Plain(word)] | [Word::Mark('+'), Word::Plain(word)] => integer(word),
            [Word::Mark('-'), Word::Plain(word)] => integer(word).map(|number| -number),
            _ => None,
        };
        number.map(Self::Number).ok_or_else(|| {
            "the value is not valid; a value is a number, or text in quotation marks".to_owned()
        })
    }
}

/// A number as the original writes it, also to the base of 16 or 8.
fn integer(digits: &str) -> Option<i64> {
    let (digits, radix) = match digits.strip_prefix('0') {
        None | Some("") => (digits, 10),
        Some(rest) => match rest.strip_prefix('x') {
            Some(digits) => (digits, 16),
            None => (rest, 8),
        },
    };
    // A sign is none of the digits.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| i64::from_str_radix(digits, radix).ok())?
}

/// How a parameter of the module is said in our keys. `from` is where it stands.
fn translate(
    parameter: &str,
    value: &Argument,
    from: &str,
) -> Result<(&'static str, Value), String> {
    let timeout = || {
        let seconds = number(value, "seconds")?;
        if seconds > 0 {
            return Ok::<Value, String>(seconds.into());
        }
        tracing::warn!(
            "{from}: {parameter} is 0, no limit in the original; here it is the longest there is"
        );
        Ok(super::duration::format(super::duration::LONGEST).into())
    };
    Ok(match parameter {
        "connection_timeout" => ("connection-timeout", timeout()?),
        "curl_timeout" => ("transfer-timeout", timeout()?),
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
            Argument::Number(_) => {
                return Err("is not a path; one is written in quotation marks".into());
            }
        },
        "curl_http_version" => ("http-version", http_version(value)?.as_str().into()),
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

/// A version by libcurl's number for it.
fn http_version(value: &Argument) -> Result<HttpVersion, String> {
    let number = number(value, "version, 0 to 5")?;
    let version = usize::try_from(number)
        .ok()
        .and_then(|number| HttpVersion::ALL.get(number));
    version.copied().ok_or_else(|| match number {
        30 | 31 => format!(
            "{number} is HTTP/3, which is not spoken here; 0 is the best that both sides speak, 3 is HTTP/2"
        ),
        _ => format!(
            "{number} is not a version; 0 to 5 are auto, 1.0, 1.1, 2, 2-tls, 2-prior-knowledge"
        ),
    })
}

fn number(value: &Argument, unit: &str) -> Result<i64, String> {
    let number = match value {
        Argument::Number(number) => Some(*number),
        // The original takes none in quotation marks. What is meant is clear.
        Argument::Text(text) => integer(text.trim()),
    };
    match number {
        Some(number) if number >= 0 => Ok(number),
        Some(number) => Err(format!("{number} is negative; it is a number of {unit}")),
        None => Err(format!("is not a number of {unit}")),
    }
}

/// As in the original, every number but 0 switches on.
fn switch(value: &Argument) -> Result<bool, String> {
    let text = match value {
        Argument::Number(number) => return Ok(*number != 0),
        Argument::Text(text) => text.trim(),
    };
    let word = text.to_ascii_lowercase();
    if let Some(number) = integer(&word) {
        Ok(number != 0)
    } else if YES.contains(&&*word) {
        Ok(true)
    } else if NO.contains(&&*word) {
        Ok(false)
    } else {
        Err(format!(
            "{text:?} is not a switch; one is 0 or 1, or true or false"
        ))
    }
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
            (
                r#"modparam("rest_client", "curl_timeout", soon)"#,
                "quotation marks",
            ),
            (r#"modparam("rest_client", "curl_timeout", 08)"#, "a number"),
            (
                r#"modparam("rest_client", "curl_timeout", 5 5)"#,
                "a number",
            ),
            (
                r#"modparam("rest_client", "ssl_verifypeer", "maybe")"#,
                "0 or 1",
            ),
            (
                r#"modparam("rest_client", "ssl_capath", 1)"#,
                "quotation marks",
            ),
            (
                r#"modparam("rest_client", "curl_http_version", 6)"#,
                "0 to 5",
            ),
            (
                r#"modparam("rest_client", "curl_http_version", 30)"#,
                "3 is HTTP/2",
            ),
            (r#"modparam("rest_(client", "curl_timeout", 1)"#, "regular"),
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

    #[test]
    fn modules_are_an_expression_in_either_case() {
        for (modules, is_ours) in [
            ("rest_.*", true),
            ("REST_CLIENT", true),
            ("usrloc|Rest_[[:alpha:]]+", true),
            (".*", true),
            ("rest", false),
            ("rest_client2?", true),
            ("rest_client_x", false),
            ("tm|usrloc", false),
        ] {
            let config = parsed(&format!("modparam(\"{modules}\", \"curl_timeout\", 7)"));
            let timeout = config.unwrap().transfer_timeout.as_secs();
            assert_eq!(timeout == 7, is_ours, "{modules}");
        }
    }

    #[test]
    fn values_are_what_the_original_takes_them_for() {
        let config = parsed(
            r#"
            modparam("rest_client", "curl_timeout", 0x10)
            modparam("rest_client", "connection_timeout", 010)
            modparam("rest_client", "max_async_transfers", +7)
            modparam("rest_client", "ssl_capath", "/etc/" "ssl/"
                'ca')
            modparam("rest_client", "ssl_verifypeer", disable)
            modparam("rest_client", "ssl_verifyhost", 2)
            modparam("rest_client", "enable_expect_100", enable)
            modparam("rest_client", "no_concurrent_connects", on)
            "#,
        )
        .unwrap();
        let expected = Config {
            transfer_timeout: Duration::from_secs(16),
            connection_timeout: Duration::from_secs(8),
            max_async_transfers: 7,
            ssl_capath: Some("/etc/ssl/ca".into()),
            ssl_verifypeer: false,
            enable_expect_100: true,
            no_concurrent_connects: true,
            ..Config::default()
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn a_parenthesis_that_is_not_closed_is_an_error_with_its_line() {
        let error = refused("\nmodparam(\"rest_client\", \"curl_timeout\", 3\nroute { exit; }\n");
        assert!(error.starts_with("opensips.cfg:2: "), "{error}");
        assert!(error.contains("not closed"), "{error}");
    }
}
