//! Parameters from several sources, each with the place it came from. Later sources
//! override earlier ones.

use super::{error::ConfigError, parameters::Config, shape, words::in_words};
use serde::{Deserialize as _, Serialize};
use std::{collections::BTreeMap, fmt::Write as _};
use toml::{Table, Value};

/// The parameters that the sources have set so far. Without a source, all are the defaults.
///
/// ```
/// use rest_client_host::{Config, config::Layers};
///
/// let mut layers = Layers::default();
/// layers.add_toml("transfer-timeout = 5\nat-cap = \"wait\"", "a.toml")?;
/// layers.set("transfer-timeout", "2s", "--transfer-timeout")?;
/// assert_eq!(layers.config().transfer_timeout.as_secs(), 2);
///
/// let shown = layers.show(layers.config())?;
/// assert!(shown.contains("transfer-timeout = \"2s\" # --transfer-timeout\n"));
/// assert!(shown.contains("at-cap = \"wait\" # a.toml:2\n"));
///
/// let error = layers.set("transfer-timout", "2s", "--transfer-timout");
/// assert!(error.unwrap_err().to_string().contains("`transfer-timeout`"));
/// # Ok::<(), rest_client_host::ConfigError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Layers {
    table: Table,
    /// What the table amounts to.
    config: Config,
    /// Of a parameter by its key, and of what is in a table by all keys that lead to it, with
    /// dots between them.
    origins: BTreeMap<String, String>,
}

impl Layers {
    /// Sets the parameter `key`, in kebab-case, in place of what an earlier
    /// source said of it. `from` is for a person: a flag, or a file with its
    /// line.
    ///
    /// # Errors
    ///
    /// There is no such parameter, or it can't have this value; what was set
    /// before is kept. The error names the place, the key and what would be
    /// right.
    pub fn set(&mut self, key: &str, value: impl Serialize, from: &str) -> Result<(), ConfigError> {
        let value = Value::try_from(value)
            .map_err(|error| ConfigError::new(format!("{from}: {key}: {error}")))?;
        self.set_value(key, value, from)
            .map_err(|refused| refused.at(from, key))
    }

    pub(super) fn set_value(&mut self, key: &str, value: Value, from: &str) -> Result<(), Refused> {
        let refused = |(keys, what): (Vec<String>, &str)| Refused {
            keys,
            what: what.to_owned(),
        };
        if OF_TABLES.contains(&key) {
            // Before it is read: what reads it would show what stands there.
            shape::all_tables(&value).map_err(refused)?;
        }
        let mut table = self.table.clone();
        table.insert(key.to_owned(), value.clone());
        // No two parameters depend on each other here: what is wrong now is
        // wrong with this one.
        let config = Config::deserialize(table.clone()).map_err(|error| Refused {
            keys: Vec::new(),
            what: in_words(error.message()),
        })?;
        let understood = Table::try_from(&config).map_err(|error| Refused {
            keys: Vec::new(),
            what: error.to_string(),
        })?;
        if let Some(understood) = understood.get(key)
            && let Some(misread) = shape::misread(&value, understood)
        {
            return Err(refused(misread));
        }
        self.config = config;
        self.table = table;
        let below = format!("{key}.");
        self.origins.retain(|it, _| !it.starts_with(&below));
        self.origins.insert(key.to_owned(), from.to_owned());
        Ok(())
    }

    /// Keeps where a part of a parameter comes from.
    pub(super) fn keep_origin(&mut self, keys: &[String], from: String) {
        self.origins.insert(keys.join("."), from);
    }

    /// The configuration in the form in which it is enforced.
    ///
    /// # Errors
    ///
    /// As for [`Config::effective`]; the error names the place as well, where a source says
    /// what is wrong.
    pub fn effective(&self) -> Result<Config, ConfigError> {
        let effective = self.config.clone().effective();
        effective.map_err(|error| self.with_place(error))
    }

    /// `error` with the place of the innermost key that has one.
    pub(crate) fn with_place(&self, error: ConfigError) -> ConfigError {
        let mut key = error.key();
        loop {
            if let Some(from) = self.origins.get(key) {
                return error.clone().of(from);
            }
            match key.rsplit_once('.') {
                Some((outer, _)) => key = outer,
                None => return error,
            }
        }
    }

    /// The configuration that the sources amount to.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// `effective` as TOML that can be read back, each parameter with the place
    /// it came from.
    ///
    /// # Errors
    ///
    /// It holds what TOML can't state, as a path that is not UTF-8.
    pub fn show(&self, effective: &Config) -> Result<String, ConfigError> {
        let (stated, effective) = (table(&self.config)?, table(effective)?);
        let mut text = String::new();
        for key in Config::KEYS {
            let from = self.origins.get(key).map_or("default", String::as_str);
            let line = match effective.get(key) {
                Some(value) if stated.get(key) == Some(value) => {
                    format!("{key} = {value} # {from}")
                }
                Some(value) => format!("{key} = {value} # {from}, lowered to transfer-timeout"),
                None => format!("# {key} is not set"),
            };
            // A String takes everything.
            let _ = writeln!(text, "{line}");
        }
        Ok(text)
    }
}

/// Parameters that are tables by a name.
const OF_TABLES: [&str; 2] = ["services", "plugins"];

/// What is wrong with the value of a parameter.
pub(super) struct Refused {
    /// Those that lead to it, below that of the parameter.
    pub(super) keys: Vec<String>,
    pub(super) what: String,
}

impl Refused {
    /// The error, where the parameter `key` comes `from` a place.
    pub(super) fn at(mut self, from: &str, key: &str) -> ConfigError {
        self.keys.insert(0, key.to_owned());
        // The line says which of them it is.
        self.keys.retain(|it| !shape::is_element(it));
        ConfigError::new(format!("{from}: {}: {}", self.keys.join("."), self.what))
    }
}

fn table(config: &Config) -> Result<Table, ConfigError> {
    Table::try_from(config)
        .map_err(|error| ConfigError::new(format!("the configuration is no TOML: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::at_cap::AtCap;
    use std::time::Duration;

    #[test]
    fn the_later_source_comes_before_the_earlier() {
        let mut layers = Layers::default();
        layers.set("transfer-timeout", 5, "a.toml:1").unwrap();
        layers
            .set("transfer-timeout", "7s", "--transfer-timeout")
            .unwrap();
        assert_eq!(layers.config().transfer_timeout, Duration::from_secs(7));
        let error = layers.set("transfer-timeout", -1, "b.toml:1").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("b.toml:1: transfer-timeout: "),
            "{error}"
        );
        assert_eq!(layers.config().transfer_timeout, Duration::from_secs(7));
    }

    #[test]
    fn what_is_shown_can_be_read_back() {
        let mut layers = Layers::default();
        layers.set("connection-timeout", "9s", "a.toml:1").unwrap();
        layers
            .set("transfer-timeout", "1500ms", "a.toml:2")
            .unwrap();
        layers.set("ssl-capath", "/etc/\"ca\"", "a.toml:3").unwrap();
        let domain = Table::from_iter([("match".to_owned(), "*:443".into())]);
        layers
            .set("client-domains", vec![domain], "a.toml:4")
            .unwrap();
        let effective = layers.config().clone().effective().unwrap();
        let shown = layers.show(&effective).unwrap();
        assert_eq!(
            toml::from_str::<Config>(&shown).unwrap(),
            effective,
            "{shown}"
        );
        assert!(
            shown.contains("connection-timeout = \"1500ms\" # a.toml:1, lowered"),
            "{shown}"
        );
        assert!(
            shown.contains("transfer-timeout = \"1500ms\" # a.toml:2\n"),
            "{shown}"
        );
        assert!(
            shown.contains("max-async-transfers = 100 # default\n"),
            "{shown}"
        );
        assert!(
            shown.contains("# connect-poll-interval is not set\n"),
            "{shown}"
        );
    }

    #[test]
    fn what_is_refused_takes_nothing_else_with_it() {
        let mut layers = Layers::default();
        layers.set("at-cap", "wait", "--at-cap").unwrap();
        let error = layers
            .set("max-transfer-size", 1_u64 << 63, "--max-transfer-size")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("--max-transfer-size: max-transfer-size: "),
            "{error}"
        );
        assert_eq!(layers.config().at_cap, AtCap::Wait);
    }

    #[cfg(unix)]
    #[test]
    fn what_toml_can_not_state_is_an_error_and_not_left_out() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::PathBuf};
        let path = PathBuf::from(OsStr::from_bytes(b"/etc/\xff"));
        let mut layers = Layers::default();
        let error = layers.set("ssl-capath", &path, "--ssl-capath").unwrap_err();
        assert!(error.to_string().contains("UTF-8"), "{error}");
        let config = Config {
            ssl_capath: Some(path),
            ..Config::default()
        };
        assert!(layers.show(&config).is_err());
    }

    #[test]
    fn every_parameter_has_a_key() {
        let config = Config {
            ssl_capath: Some("x".into()),
            connect_poll_interval: Some(Duration::from_secs(1)),
            max_total_idle_connections: Some(1),
            ..Config::default()
        };
        let mut keys: Vec<String> = table(&config)
            .unwrap()
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        let mut listed = Config::KEYS.to_vec();
        keys.sort_unstable();
        listed.sort_unstable();
        assert_eq!(keys, listed);
    }
}
