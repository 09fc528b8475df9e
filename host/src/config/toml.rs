//! The TOML spelling of a configuration: the parameters by their names, in
//! kebab-case, at the top level.
//!
//! ```toml
//! connection-timeout = "2s"
//! transfer-timeout = 5
//! ssl-capath = "/etc/rest-client/ca.pem"
//! ```

use super::{
    error::ConfigError, layers::Layers, parameters::Config, shape::element, words::in_words,
};
use crate::bounded_file;
use serde::{Deserialize as _, de::IntoDeserializer as _};
use std::{ops::Range, path::Path};
use toml::{
    Spanned, Table,
    de::{DeString, DeTable, DeValue},
};

/// Keys below which secrets may stand by mistake, and what is to stand there.
const NEVER_SHOWN: [(&str, &str); 2] = [
    (
        "headers",
        "a value is { file = \"PATH\" } or { env = \"VARIABLE\" }, which say where it is, and is never written here",
    ),
    (
        "settings",
        "they are texts by their names, like { tariff = \"night\" }",
    ),
];

impl Layers {
    /// Adds the parameters in the TOML file at `path`.
    ///
    /// # Errors
    ///
    /// The file can't be read, or says something that is no parameter. The error
    /// names the file, the line, the key and what would be right.
    pub fn read_toml(&mut self, path: &Path) -> Result<(), ConfigError> {
        let name = path.display().to_string();
        let bytes = bounded_file::read(path).map_err(|error| {
            ConfigError::new(format!("the configuration {name} can't be read: {error}"))
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|_| ConfigError::new(format!("the configuration {name} is not UTF-8")))?;
        self.add_toml(&text, &name)
    }

    /// Adds the parameters in `text`, which errors call `name`.
    ///
    /// # Errors
    ///
    /// As for [`read_toml`](Self::read_toml), but that `text` is there already.
    pub fn add_toml(&mut self, text: &str, name: &str) -> Result<(), ConfigError> {
        let lines = Lines::of(text);
        let wrong = |error: toml::de::Error| {
            let line = lines.at(error.span().map_or(0, |span| span.start));
            ConfigError::new(format!("{name}:{line}: {}", error.message()))
        };
        // Once for where the keys are, once for what they say.
        let places = DeTable::parse(text).map_err(wrong)?;
        let mut table: Table = toml::from_str(text).map_err(wrong)?;
        for (key, place) in places.get_ref() {
            let from = format!("{name}:{}", lines.at(key.span().start));
            if let Some(value) = table.remove(key.get_ref().as_ref()) {
                self.set_value(key.get_ref(), value, &from)
                    .map_err(|refused| {
                        let below = place_below(place.get_ref(), &refused.keys);
                        match below.map(|offset| lines.at(offset)) {
                            Some(line) => refused.at(&format!("{name}:{line}"), key.get_ref()),
                            None => inside(&lines, name, key, place)
                                .unwrap_or_else(|| refused.at(&from, key.get_ref())),
                        }
                    })?;
                let mut keys = vec![key.get_ref().to_string()];
                self.keep_origins(place.get_ref(), &mut keys, &lines, name);
            }
        }
        Ok(())
    }

    /// Keeps where all comes from that is in `value`, which `keys` lead to.
    fn keep_origins(
        &mut self,
        value: &DeValue<'_>,
        keys: &mut Vec<String>,
        lines: &Lines,
        name: &str,
    ) {
        for (key, offset, value) in parts(value) {
            keys.push(key);
            self.keep_origin(keys, format!("{name}:{}", lines.at(offset)));
            self.keep_origins(value, keys, lines, name);
            keys.pop();
        }
    }
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(end, _)| end + 1);
        Self([0].into_iter().chain(ends).collect())
    }

    /// The number of the one that `offset` is in.
    fn at(&self, offset: usize) -> usize {
        self.0.partition_point(|begin| *begin <= offset)
    }
}

/// All that is in a table or a list: its key, where that is, and its value.
fn parts<'a>(
    value: &'a DeValue<'_>,
) -> impl Iterator<Item = (String, usize, &'a DeValue<'a>)> + use<'a> {
    let table = value.as_table().into_iter().flatten();
    let list = value.as_array().into_iter().flat_map(|it| it.iter());
    let of_table = table.map(|(key, value)| {
        let name = key.get_ref().to_string();
        (name, key.span().start, value.get_ref())
    });
    let of_list = list.enumerate().map(|(index, value)| {
        let start = value.span().start;
        (element(index), start, value.get_ref())
    });
    of_table.chain(of_list)
}

/// Where in the text the key is that `keys` lead to below `value`.
fn place_below(value: &DeValue<'_>, keys: &[String]) -> Option<usize> {
    let (first, below) = keys.split_first()?;
    let (_, offset, value) = parts(value).find(|(key, ..)| key == first)?;
    place_below(value, below).or(Some(offset))
}

/// What is wrong with the table at `key`, with its own line and all keys that lead to it.
/// `None` if nothing in a table is wrong.
fn inside(
    lines: &Lines,
    name: &str,
    key: &Spanned<DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
) -> Option<ConfigError> {
    let mut alone = DeTable::new();
    alone.insert(key.clone(), value.clone());
    let alone = Spanned::new(value.span(), alone);
    let error = Config::deserialize(alone.into_deserializer()).err()?;
    let span = error.span()?;
    let mut narrowest = None;
    search(value.get_ref(), span.start, &mut Vec::new(), &mut narrowest);
    let (_, mut path) = narrowest?;
    // Behind the name of the service, or of the plugin.
    let hidden = NEVER_SHOWN.iter().find(|(it, _)| path.get(1) == Some(it));
    let what = match hidden {
        Some((_, right)) => {
            // Of what is below the field nobody knows what it is.
            path.truncate(3);
            (*right).to_owned()
        }
        None => in_words(error.message()),
    };
    let (line, key) = (lines.at(span.start), key.get_ref());
    Some(ConfigError::new(format!(
        "{name}:{line}: {key}.{}: {what}",
        path.join(".")
    )))
}

/// Looks below `value`, which `path` leads to, for the narrowest key or value with `offset`
/// in it.
fn search<'a>(
    value: &'a DeValue<'_>,
    offset: usize,
    path: &mut Vec<&'a str>,
    narrowest: &mut Option<(usize, Vec<&'a str>)>,
) {
    if let Some(all) = value.as_array() {
        for one in all.iter() {
            search(one.get_ref(), offset, path, narrowest);
        }
    }
    for (key, value) in value.as_table().into_iter().flatten() {
        path.push(key.get_ref());
        let mut consider = |span: Range<usize>| {
            let is_narrower = narrowest.as_ref().is_none_or(|(it, _)| span.len() < *it);
            if span.contains(&offset) && is_narrower {
                *narrowest = Some((span.len(), path.clone()));
            }
        };
        consider(key.span());
        consider(value.span());
        search(value.get_ref(), offset, path, narrowest);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Host,
        config::{
            at_cap::AtCap,
            client_domain::ClientDomain,
            egress::{Egress, EgressDefault},
            http_version::HttpVersion,
            on_failure::OnFailure,
            parameters::Config,
            plugin::PluginConfig,
            service::{FailFast, SecretSource, Service},
            tls_version::TlsVersion,
        },
    };
    use std::{
        collections::BTreeMap,
        num::{NonZeroU32, NonZeroUsize},
        time::Duration,
    };

    fn parsed(text: &str) -> Result<Config, ConfigError> {
        let mut layers = Layers::default();
        layers.add_toml(text, "a.toml")?;
        Ok(layers.config().clone())
    }

    fn refused(text: &str) -> String {
        parsed(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        assert_eq!(parsed(""), Ok(Config::default()));
    }

    #[test]
    fn every_parameter_has_its_key() {
        let text = r#"
            connection-timeout = "500ms"
            transfer-timeout = 5
            max-async-transfers = 0
            at-cap = "wait"
            ssl-verifypeer = false
            ssl-verifyhost = false
            ssl-capath = "ca.pem"
            max-transfer-size = 0
            max-header-fields = 50
            max-header-size = 8192
            http-version = "2-tls"
            enable-expect-100 = true
            no-concurrent-connects = true
            conn-lifetime = "10m"
            connect-poll-interval = "20ms"
            ca-only = true
            tls-min-version = "1.3"
            idle-timeout = 0
            max-idle-connections = 0
            max-total-idle-connections = 256
            share-connections = true
            dns-servers = ["127.0.0.1:53"]
            proxy-from-env = true

            [[client-domains]]
            match = "*.example.com:8443"
            certificate = "a.pem"
            key = "a.key"
            ssl-capath = "b.pem"
            ca-only = true
            ssl-verifypeer = false
            ssl-verifyhost = false
            tls-min-version = "1.2"

            [services.billing]
            origin = "https://billing.example.com:8443"
            headers.authorization = { file = "/run/secrets/billing" }
            headers.x-api-key = { env = "BILLING_KEY" }
            connection-timeout = "300ms"
            transfer-timeout = "800ms"
            max-async-transfers = 50
            retries = 1
            fail-fast = { after = 5, for = "2s" }

            [services.registrar]
            origin = "unix:/run/registrar.sock"

            [egress]
            default = "deny"
            allow = ["https://*.example.com", "GET http://10.0.0.0/8:8080"]

            [plugins.credit-check]
            services = ["billing"]
            egress.allow = ["https://*.example.com"]
            settings = { tariff = "night" }
            decision-timeout = "800ms"
            on-failure = "480 Try Later"
            instances = 4
            queue = 0
            decisions-per-instance = 1
            max-memory = 64
            memory-budget = 2
            max-async-transfers = 3
            reserved-fields = ["x-internal-"]

            [plugins.location]
        "#;
        let mut billing = Service::new("https://billing.example.com:8443".parse().unwrap());
        billing.headers = BTreeMap::from([
            (
                "authorization".into(),
                SecretSource::File("/run/secrets/billing".into()),
            ),
            ("x-api-key".into(), SecretSource::Env("BILLING_KEY".into())),
        ]);
        billing.connection_timeout = Some(Duration::from_millis(300));
        billing.transfer_timeout = Some(Duration::from_millis(800));
        billing.max_async_transfers = Some(50);
        billing.retries = 1;
        billing.fail_fast = Some(FailFast {
            after: 5,
            pause: Duration::from_secs(2),
        });
        let registrar = Service::new("unix:/run/registrar.sock".parse().unwrap());
        let credit_check = PluginConfig {
            services: Some(["billing".to_owned()].into()),
            egress: Some(Egress {
                default: None,
                allow: vec!["https://*.example.com".parse().unwrap()],
            }),
            settings: [("tariff".to_owned(), "night".to_owned())].into(),
            decision_timeout: Some(Duration::from_millis(800)),
            on_failure: Some(OnFailure::Answer(480, Some("Try Later".into()))),
            instances: NonZeroUsize::new(4),
            queue: Some(0),
            decisions_per_instance: NonZeroU32::new(1),
            max_memory: NonZeroUsize::new(64),
            memory_budget: NonZeroUsize::new(2),
            max_async_transfers: Some(3),
            reserved_fields: vec!["x-internal-".into()],
        };
        let expected = Config {
            connection_timeout: Duration::from_millis(500),
            transfer_timeout: Duration::from_secs(5),
            max_async_transfers: 0,
            at_cap: AtCap::Wait,
            ssl_verifypeer: false,
            ssl_verifyhost: false,
            ssl_capath: Some("ca.pem".into()),
            max_transfer_size: 0,
            max_header_fields: 50,
            max_header_size: 8192,
            http_version: HttpVersion::Http2Tls,
            enable_expect_100: true,
            no_concurrent_connects: true,
            conn_lifetime: Duration::from_secs(600),
            connect_poll_interval: Some(Duration::from_millis(20)),
            ca_only: true,
            tls_min_version: TlsVersion::Tls13,
            idle_timeout: Duration::ZERO,
            max_idle_connections: 0,
            max_total_idle_connections: Some(256),
            share_connections: true,
            dns_servers: vec!["127.0.0.1:53".parse().unwrap()],
            proxy_from_env: true,
            client_domains: vec![ClientDomain {
                servers: "*.example.com:8443".parse().unwrap(),
                certificate: Some("a.pem".into()),
                key: Some("a.key".into()),
                ssl_capath: Some("b.pem".into()),
                ca_only: Some(true),
                ssl_verifypeer: Some(false),
                ssl_verifyhost: Some(false),
                tls_min_version: Some(TlsVersion::Tls12),
            }],
            services: BTreeMap::from([
                ("billing".into(), billing),
                ("registrar".into(), registrar),
            ]),
            egress: Egress {
                default: Some(EgressDefault::Deny),
                allow: vec![
                    "https://*.example.com".parse().unwrap(),
                    "GET http://10.0.0.0/8:8080".parse().unwrap(),
                ],
            },
            plugins: BTreeMap::from([
                ("credit-check".into(), credit_check),
                ("location".into(), PluginConfig::default()),
            ]),
        };
        assert_eq!(parsed(text), Ok(expected));
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
    fn a_list_is_no_table_and_a_table_no_word() {
        for (text, expected) in [
            // Who writes this wants to allow nothing.
            (
                "[[egress]]\nallow = []",
                "a.toml:1: egress: what is needed is one table, not a list",
            ),
            (
                "[egress]\ndefault = { allow = [] }",
                "a.toml:2: egress.default: what is needed is a text",
            ),
            (
                "[plugins.x]\n[plugins.x.egress.default]\nallow = []",
                "a.toml:2: plugins.x.egress.default: what is needed is a text",
            ),
            (
                "at-cap = { wait = [] }",
                "a.toml:1: at-cap: what is needed is a text",
            ),
            (
                "\n[services]\na = [\"http://h\", { authorization = \"hunter2\" }]",
                "a.toml:3: services.a: what is needed is a table",
            ),
            (
                "plugins.a = []",
                "a.toml:1: plugins.a: what is needed is a table",
            ),
            (
                "[services.a]\norigin = \"http://h\"\nfail-fast = [5, \"2s\"]",
                "a.toml:3: services.a.fail-fast: what is needed is one table, not a list",
            ),
        ] {
            let error = refused(text);
            assert!(error.starts_with(expected), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_beyond_its_form_has_its_line_too() {
        for (text, expected) in [
            ("\ntransfer-timeout = 0", "a.toml:2: transfer-timeout is 0"),
            (
                "at-cap = \"wait\"\nmax-async-transfers = 0",
                "a.toml:2: max-async-transfers is 0 and at-cap is wait",
            ),
            (
                "[services.b]\norigin = \"http://h\"\nretries = 99",
                "a.toml:3: services.b: retries is at most 5",
            ),
            (
                "\n[services.Billing]\norigin = \"http://h\"",
                "a.toml:2: services.Billing: a service's name",
            ),
            (
                "[services.b]\norigin = \"http://h\"\n\nheaders.x-key = { env = \"NO_SUCH\" }",
                "a.toml:4: services.b: headers.x-key: the variable NO_SUCH",
            ),
            (
                "[plugins.p]\n\nservices = [\"nope\"]",
                "a.toml:3: plugins.p: services: there is no service",
            ),
            (
                "[plugins.p]\nreserved-fields = [\"x-internal-*\"]",
                "a.toml:2: plugins.p: reserved-fields: \"x-internal-*\" is no beginning",
            ),
            (
                "ca-only = true",
                "a.toml:1: ca-only is set without ssl-capath",
            ),
            (
                "ssl-capath = \"/no/such\"",
                "a.toml:1: ssl-capath /no/such: ",
            ),
        ] {
            let mut layers = Layers::default();
            layers.add_toml(text, "a.toml").unwrap();
            let error = Host::of(&layers).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        // What comes later is what is wrong.
        let mut layers = Layers::default();
        layers.add_toml("transfer-timeout = 5", "a.toml").unwrap();
        layers
            .set("transfer-timeout", 0, "--transfer-timeout")
            .unwrap();
        let error = layers.effective().unwrap_err().to_string();
        assert!(error.starts_with("--transfer-timeout: "), "{error}");
    }

    #[test]
    fn an_error_in_a_table_names_its_own_line_and_all_keys_that_lead_there() {
        let text = "\
[services.billing]
origin = \"http://h\"
retry = 1

[services.registrar]
origin = \"http://h\"
";
        let error = refused(text);
        assert!(
            error.starts_with("a.toml:3: services.billing.retry: unknown field"),
            "{error}"
        );
        for (line, expected) in [
            ("retries = -1", "a.toml:4: services.billing.retries: "),
            (
                "fail-fast = { after = 1, for = 0.5 }",
                "a.toml:4: services.billing.fail-fast.for: ",
            ),
            (
                "[plugins.y]\nmax-memory = \"64MiB\"",
                "a.toml:5: plugins.y.max-memory: what is needed is a whole number, 1 or more, not the text \"64MiB\"",
            ),
            (
                "[plugins.settings]\nqueue = \"no\"",
                "a.toml:5: plugins.settings.queue: what is needed is a whole number, 0 or more, not the text \"no\"",
            ),
            (
                "[[client-domains]]\nmatch = \"h\"\ncert = \"a\"",
                "a.toml:6: client-domains.cert: ",
            ),
        ] {
            let text = text.replace("retry = 1\n", &format!("\n{line}\n"));
            let error = refused(&text);
            assert!(error.starts_with(expected), "{error}");
        }
    }

    #[test]
    fn what_may_be_a_secret_is_in_no_error() {
        for text in [
            "[services.a]\norigin = \"http://h\"\nheaders.authorization = \"hunter2\"",
            "[services.a]\norigin = \"http://h\"\nheaders = \"hunter2\"",
            "[services.a]\norigin = \"http://h\"\nheaders.a = { hunter2 = \"hunter2\" }",
            "[services.a]\norigin = \"http://h\"\nheaders.a = { file = \"a\", env = \"hunter2\" }",
            "[services.a]\norigin = \"http://h\"\n[services.a.headers]\na = [\"hunter2\"]",
            "services.a = { origin = \"http://h\", headers = { a = \"hunter2\" } }",
            "[services.a]\norigin = \"http://u:hunter2@h\"",
            "[services.a]\norigin = \"http://u:hunter2 @h\"",
            "[services.a]\norigin = \"u:hunter2@h\"",
            "[plugins.a]\nsettings = \"key=hunter2\"",
            "[plugins.a]\nsettings = { key = [\"hunter2\"] }",
            "[plugins.a]\nsettings.key.key = \"hunter2\"",
            "[services.a]\nheaders.a = hunter2",
            "[services.a]\nheaders.a = \"hunter2",
            "[services.a]\nheaders.a = { file = \"a\" } hunter2",
            "egress.allow = [\"http://u:hunter2@h\"]",
            "[[client-domains]]\nmatch = \"u:hunter2@h\"",
        ] {
            let error = refused(text);
            assert!(!error.contains("hunter2"), "{text}: {error}");
            let line = text.lines().count();
            assert!(
                error.starts_with(&format!("a.toml:{line}: ")),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn wrong_types_and_negative_numbers_are_refused() {
        for text in [
            "transfer-timeout = -1",
            "transfer-timeout = 1.5",
            "transfer-timeout = true",
            "max-async-transfers = -1",
            "max-transfer-size = \"10M\"",
            "max-header-fields = -1",
            "max-header-size = \"8K\"",
            "at-cap = \"queue\"",
            "ssl-verifypeer = 1",
            "http-version = 2",
            "http-version = \"3\"",
            "tls-min-version = \"1.1\"",
            "tls-min-version = 1.3",
            "dns-servers = [\"localhost\"]",
            "client-domains = [{ certificate = \"a.pem\" }]",
            "client-domains = [{ match = \"https://h\" }]",
            "client-domains = [{ match = \"h\", cert = \"a.pem\" }]",
            "services = { a = {} }",
            "services = { a = { origin = \"h\" } }",
            "services = { a = { origin = \"http://b.service.internal\" } }",
            "services = { a = { origin = \"http://h\", headers = { x = \"a\" } } }",
            "services = { a = { origin = \"http://h\", fail-fast = 5 } }",
            "egress = { default = \"open\" }",
            "egress = { allow = [\"example.com\"] }",
            "egress = { deny = [] }",
            "no such thing",
        ] {
            assert!(refused(text).starts_with("a.toml:1"), "{text}");
        }
    }
}
