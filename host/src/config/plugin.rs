//! What the operator grants one plugin, by its name.
//!
//! ```toml
//! [plugins.credit-check]
//! services = ["billing"]
//! egress.allow = ["https://*.example.com"]
//! settings = { tariff = "night" }
//! decision-timeout = "800ms"
//! on-failure = "480 Try Later"
//! max-memory = 64
//! ```

use super::{duration, egress::Egress, error::ConfigError, on_failure::OnFailure};
use http::HeaderName;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

/// Grants and limits of one plugin. If the configuration has an entry for any plugin,
/// plugins without an entry do not run.
///
/// ```
/// use rest_client_host::{Config, Host, PluginConfig, Service};
///
/// let mut config = Config::default();
/// for name in ["billing", "registrar"] {
///     let origin = format!("http://{name}.example.com").parse()?;
///     config.services.insert(name.into(), Service::new(origin));
/// }
/// let mut granted = PluginConfig::default();
/// granted.services = Some(["billing".to_owned()].into());
/// config.plugins.insert("credit-check".into(), granted);
///
/// let host = Host::new(config)?;
/// host.instance_for("credit-check")?;
/// let error = host.instance_for("location").unwrap_err();
/// assert!(error.to_string().contains("plugins.location"), "{error}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct PluginConfig {
    /// Names of the services that it may ask. Default: all of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<BTreeSet<String>>,
    /// Whom else it may ask. Default: what the configuration says for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress: Option<Egress>,
    /// What it finds in `wasi:config/store`. Default: nothing.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// How long a decision takes at most, questions included. Default 2 s. Not 0.
    #[serde(with = "duration::optional", skip_serializing_if = "Option::is_none")]
    pub decision_timeout: Option<Duration>,
    /// What is decided where it does not decide. Default [`OnFailure::Closed`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Decisions at the same time, each in an instance of its own. Default 16 for each
    /// processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<NonZeroUsize>,
    /// Decisions that wait for an instance; what comes on top fails at once. Default 1,024.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<usize>,
    /// Decisions after which an instance is replaced. Default 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisions_per_instance: Option<NonZeroU32>,
    /// MiB that the memory of an instance may grow to. Default 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<NonZeroUsize>,
    /// MiB that the host holds for an instance: its requests, and its replies until the
    /// instance has read them. Default 8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_budget: Option<NonZeroUsize>,
    /// Questions of one instance at the same time, within those of all. Default 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_async_transfers: Option<u32>,
    /// Prefixes of field names that it may neither set nor remove. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reserved_fields: Vec<String>,
}

impl PluginConfig {
    /// # Errors
    ///
    /// It could not be meant so.
    pub(super) fn check<'a>(
        &self,
        name: &str,
        mut services: impl Iterator<Item = &'a String> + Clone,
    ) -> Result<(), ConfigError> {
        let wrong = |key: &str, what: String| {
            let error = ConfigError::new(format!("plugins.{name}: {key}{what}"));
            Err(error.about(format!("plugins.{name}.{key}")))
        };
        for granted in self.services.iter().flatten() {
            if !services.clone().any(|it| it == granted) {
                return wrong(
                    "services",
                    match services.next() {
                        None => format!(
                            ": there is no service {granted:?}; services.{granted}.origin binds it"
                        ),
                        Some(first) => format!(
                            ": there is no service {granted:?}; services.{granted}.origin binds it, as it does {first:?}"
                        ),
                    },
                );
            }
        }
        if self.decision_timeout.is_some_and(|it| it.is_zero()) {
            return wrong(
                "decision-timeout",
                " is 0, which no plugin could meet; it is at least 1ms".into(),
            );
        }
        if self.max_async_transfers == Some(0) {
            return wrong(
                "max-async-transfers",
                " is 0, so the plugin could not make a call; it must be at least 1; to grant nothing, set services = []".into(),
            );
        }
        if let Some(prefix) = self
            .reserved_fields
            .iter()
            .find(|it| !is_beginning_of_a_field(it))
        {
            return wrong(
                "reserved-fields",
                format!(
                    ": {prefix:?} is no beginning of a field's name in lower case, like x-internal-"
                ),
            );
        }
        Ok(())
    }
}

/// Whether fields can begin so. A pattern, or a blank, would be a guard that never holds.
fn is_beginning_of_a_field(prefix: &str) -> bool {
    HeaderName::try_from(prefix).is_ok()
        && !prefix.bytes().any(|b| b.is_ascii_uppercase() || b == b'*')
}
