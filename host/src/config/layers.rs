//! Parameters from several sources, the later ones before the earlier, each
//! with the place it came from.

use super::{Config, ConfigError};
use serde::Deserialize as _;
use std::{collections::BTreeMap, fmt::Write as _};
use toml::{Table, Value};

/// What the sources said so far. Nothing at all is the defaults.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    table: Table,
    /// By key.
    origins: BTreeMap<String, String>,
}

/// One parameter as a source states it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// In kebab-case.
    pub key: String,
    /// As it would stand in TOML.
    pub value: Value,
    /// For a person: a file with its line, or a flag.
    pub from: String,
}

impl Layers {
    /// Adds a parameter, in place of what an earlier source said of it.
    ///
    /// # Errors
    ///
    /// There is no such parameter, or it can't have this value. The error names
    /// the place, the key and what would be right.
    pub fn add(&mut self, entry: Entry) -> Result<(), ConfigError> {
        let Entry { key, value, from } = entry;
        let alone = Table::from_iter([(key.clone(), value.clone())]);
        Config::deserialize(alone)
            .map_err(|error| ConfigError::new(format!("{from}: {key}: {}", error.message())))?;
        self.table.insert(key.clone(), value);
        self.origins.insert(key, from);
        Ok(())
    }

    /// The configuration that the sources amount to.
    #[must_use]
    pub fn config(&self) -> Config {
        // Every entry was read alone, and no two depend on each other.
        Config::deserialize(self.table.clone()).unwrap_or_default()
    }

    /// `effective` as TOML that can be read back, each parameter with the place
    /// it came from.
    #[must_use]
    pub fn show(&self, effective: &Config) -> String {
        let stated = self.config();
        let (stated, effective) = (table(&stated), table(effective));
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
        text
    }
}

fn table(config: &Config) -> Table {
    // All of a configuration can be said in TOML.
    Table::try_from(config).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn entry(key: &str, value: impl Into<Value>, from: &str) -> Entry {
        Entry {
            key: key.into(),
            value: value.into(),
            from: from.into(),
        }
    }

    #[test]
    fn the_later_source_comes_before_the_earlier() {
        let mut layers = Layers::default();
        layers
            .add(entry("transfer-timeout", 5, "a.toml:1"))
            .unwrap();
        layers
            .add(entry("transfer-timeout", "7s", "--transfer-timeout"))
            .unwrap();
        assert_eq!(layers.config().transfer_timeout, Duration::from_secs(7));
        let error = layers
            .add(entry("transfer-timeout", -1, "b.toml:1"))
            .unwrap_err();
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
        layers
            .add(entry("connection-timeout", "9s", "a.toml:1"))
            .unwrap();
        layers
            .add(entry("transfer-timeout", "1500ms", "a.toml:2"))
            .unwrap();
        layers
            .add(entry("ssl-capath", "/etc/\"ca\"", "a.toml:3"))
            .unwrap();
        let domain = Table::from_iter([("match".to_owned(), "*:443".into())]);
        layers
            .add(entry(
                "client-domains",
                vec![Value::Table(domain)],
                "a.toml:4",
            ))
            .unwrap();
        let effective = layers.config().effective().unwrap();
        let shown = layers.show(&effective);
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
    fn every_parameter_has_a_key() {
        let config = Config {
            ssl_capath: Some("x".into()),
            connect_poll_interval: Some(Duration::from_secs(1)),
            ..Config::default()
        };
        let mut keys: Vec<String> = table(&config).into_iter().map(|(key, _)| key).collect();
        let mut listed = Config::KEYS.to_vec();
        keys.sort_unstable();
        listed.sort_unstable();
        assert_eq!(keys, listed);
    }
}
