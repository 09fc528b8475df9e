//! The TOML spelling of a configuration: the parameters by their names, in
//! kebab-case, at the top level.
//!
//! ```toml
//! connection-timeout = "2s"
//! transfer-timeout = 5
//! ssl-capath = "/etc/rest-client/ca.pem"
//! ```

use super::{Config, ConfigError};
use std::{ops::Range, path::Path};

/// Reads the configuration in the file at `path`.
///
/// # Errors
///
/// The file can't be read, or says something that is no parameter. The error
/// names the file, the line, the key and what would be right.
pub fn read(path: &Path) -> Result<Config, ConfigError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError::new(format!("the configuration {name} can't be read: {error}"))
    })?;
    parse(&text, &name)
}

/// Reads a configuration from `text`; `name` is what an error calls its source.
///
/// # Errors
///
/// As for [`read`], but that `text` is there already.
pub fn parse(text: &str, name: &str) -> Result<Config, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let place = error.span().and_then(|span| place(text, &span));
        ConfigError::new(match place {
            Some(place) => format!("{name}:{place}: {}", error.message()),
            None => format!("{name}: {}", error.message()),
        })
    })
}

/// The line that `span` begins in, with the key that stands there.
fn place(text: &str, span: &Range<usize>) -> Option<String> {
    let number = text.get(..span.start)?.matches('\n').count() + 1;
    let line = text.lines().nth(number - 1)?;
    Some(match line.split_once('=') {
        Some((key, _)) => format!("{number}: {}", key.trim()),
        None => number.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HttpVersion;
    use std::time::Duration;

    fn refused(text: &str) -> String {
        parse(text, "a.toml").unwrap_err().to_string()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(parse("", "a.toml"), Ok(Config::default()));
    }

    #[test]
    fn every_parameter_has_its_key() {
        let text = r#"
            connection-timeout = "500ms"
            transfer-timeout = 5
            max-async-transfers = 0
            ssl-verifypeer = false
            ssl-verifyhost = false
            ssl-capath = "ca.pem"
            max-transfer-size = 0
            http-version = "2-tls"
            enable-expect-100 = true
            no-concurrent-connects = true
            conn-lifetime = "10m"
            connect-poll-interval = "20ms"
            dns-servers = ["127.0.0.1:53"]
        "#;
        let expected = Config {
            connection_timeout: Duration::from_millis(500),
            transfer_timeout: Duration::from_secs(5),
            max_async_transfers: 0,
            ssl_verifypeer: false,
            ssl_verifyhost: false,
            ssl_capath: Some("ca.pem".into()),
            max_transfer_size: 0,
            http_version: HttpVersion::Http2Tls,
            enable_expect_100: true,
            no_concurrent_connects: true,
            conn_lifetime: Duration::from_secs(600),
            connect_poll_interval: Some(Duration::from_millis(20)),
            dns_servers: vec!["127.0.0.1:53".parse().unwrap()],
        };
        assert_eq!(parse(text, "a.toml"), Ok(expected));
    }

    #[test]
    fn an_error_names_file_line_key_and_what_would_be_right() {
        let error = refused("transfer-timeout = 5\n\nconnection-timout = 2\n");
        assert!(
            error.starts_with("a.toml:3: connection-timout: "),
            "{error}"
        );
        assert!(error.contains("`connection-timeout`"), "{error}");

        let error = refused("transfer-timeout = \"5 sec\"");
        assert!(error.starts_with("a.toml:1: transfer-timeout: "), "{error}");
        assert!(error.contains("like 20s or 500ms"), "{error}");
    }

    #[test]
    fn wrong_types_and_negative_numbers_are_refused() {
        for text in [
            "transfer-timeout = -1",
            "transfer-timeout = 1.5",
            "transfer-timeout = true",
            "max-async-transfers = -1",
            "max-transfer-size = \"10M\"",
            "ssl-verifypeer = 1",
            "http-version = 2",
            "http-version = \"3\"",
            "dns-servers = [\"localhost\"]",
            "no such thing",
        ] {
            assert!(refused(text).starts_with("a.toml:1"), "{text}");
        }
    }
}
