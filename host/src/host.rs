//! A host: one configuration, one compiled component, any number of instances.

use crate::{
    config::{Config, ConfigError, Egress, Layers, Service},
    instance::Instance,
    sandbox::Factory,
    transport::{Policy, Pool, Pools, Rules, Transport},
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Makes instances that share a configuration. Cheap to clone.
///
/// ```
/// use rest_client_host::{Config, Host};
///
/// let host = Host::new(Config::default())?;
/// let worker = host.instance();
/// # Ok::<(), rest_client_host::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    config: Config,
    factory: Arc<Factory>,
    rules: Arc<Rules>,
    pools: Pools,
    /// The connections of all instances, where they share them.
    shared: Option<Pool>,
}

impl Host {
    /// Checks `config` and loads the component, which takes some milliseconds:
    /// it was compiled when this crate was.
    ///
    /// # Errors
    ///
    /// A parameter that can't be met, a file of TLS that can't be read, or a
    /// machine that can't run the sandbox. Nothing starts half-configured.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Self::with(config, Factory::new)
    }

    /// A host with the configuration that `layers` amount to.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new); the error names the place as well, where one of the sources
    /// says what is wrong.
    pub fn of(layers: &Layers) -> Result<Self, ConfigError> {
        Self::new(layers.config().clone()).map_err(|error| layers.with_place(error))
    }

    /// A host whose sandboxes another factory makes.
    pub(crate) fn with(
        config: Config,
        factory: impl FnOnce(Transport, u64) -> wasmtime::Result<Factory>,
    ) -> Result<Self, ConfigError> {
        let effective = config.clone().effective()?;
        config.warn();
        let config = effective;
        let rules = Rules::new(&config.services, &config.egress)?;
        let transport = Transport::new(&config)?;
        let factory = factory(transport, config.max_transfer_size).map_err(|error| {
            ConfigError::new(format!("this machine can't run the sandbox: {error}"))
        })?;
        let pools = Pools::new(&config);
        let shared = config.share_connections.then(|| pools.pool());
        Ok(Self(Arc::new(Inner {
            config,
            factory: Arc::new(factory),
            rules: Arc::new(rules),
            pools,
            shared,
        })))
    }

    /// A new instance, with connections of its own unless `share_connections`
    /// is set. Its sandbox is made at the first call.
    #[must_use]
    pub fn instance(&self) -> Instance {
        let Inner {
            rules,
            pools,
            shared,
            ..
        } = &*self.0;
        let pool = match shared {
            Some(shared) => shared.clone(),
            None => pools.pool(),
        };
        self.make(pool, rules.clone())
    }

    /// A new instance that may reach these `services`, and the other servers that `egress`
    /// allows, instead of those of the configuration. It shares no connection with other
    /// instances, even if `share_connections` is set. So neither of two
    /// plugins gets anything that was granted to the other.
    ///
    /// ```
    /// use rest_client_host::{Config, Egress, Host, Service};
    ///
    /// let host = Host::new(Config::default())?;
    /// let billing = Service::new("https://billing.example.com:8443".parse()?);
    /// let instance = host.instance_granted([("billing".into(), billing)].into(), Egress::default())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// What is wrong with a service, as with one of the configuration.
    pub fn instance_granted(
        &self,
        services: BTreeMap<String, Service>,
        egress: Egress,
    ) -> Result<Instance, ConfigError> {
        let rules = self.rules(services, egress)?;
        Ok(self.make(self.0.pools.pool(), Arc::new(rules)))
    }

    fn rules(
        &self,
        services: BTreeMap<String, Service>,
        egress: Egress,
    ) -> Result<Rules, ConfigError> {
        let granted = Config {
            services,
            egress,
            // Of services that may not be among these.
            plugins: BTreeMap::new(),
            ..self.0.config.clone()
        };
        let granted = granted.effective()?;
        granted.warn_of_services();
        Rules::new(&granted.services, &granted.egress)
    }

    /// A new instance for the plugin of this name, like
    /// [`instance_granted`](Self::instance_granted) with the services and the rules of
    /// [`Config::plugins`]. If that is empty, it is like [`instance`](Self::instance).
    ///
    /// # Errors
    ///
    /// [`Config::plugins`] has entries, but none for this plugin.
    pub fn instance_for(&self, plugin: &str) -> Result<Instance, ConfigError> {
        let config = &self.0.config;
        if config.plugins.is_empty() {
            return Ok(self.instance());
        }
        let granted = config.plugins.get(plugin).ok_or_else(|| {
            let names: Vec<&str> = config.plugins.keys().map(String::as_str).collect();
            ConfigError::new(format!(
                "the configuration has entries for plugins, but no plugins.{plugin}; it has {}",
                names.join(", ")
            ))
        })?;
        let (may_ask, withheld) =
            config
                .services
                .clone()
                .into_iter()
                .partition(|(name, _): &(String, Service)| {
                    granted.services.as_ref().is_none_or(|it| it.contains(name))
                });
        let withheld: BTreeMap<String, Service> = withheld;
        let egress = granted.egress.as_ref().unwrap_or(&config.egress);
        let rules = self.rules(may_ask, egress.clone())?.of_plugin(
            plugin,
            withheld.into_keys().collect(),
            granted.egress.is_some(),
        );
        Ok(self.make(self.0.pools.pool(), Arc::new(rules)))
    }

    fn make(&self, pool: Pool, rules: Arc<Rules>) -> Instance {
        let Inner {
            config, factory, ..
        } = &*self.0;
        Instance::new(factory.clone(), pool, Policy::new(rules), config)
    }

    /// The configuration in force: that of [`Host::new`], with a
    /// connection-timeout above the transfer-timeout lowered to it.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    #[cfg(test)]
    pub(crate) fn factory(&self) -> &Factory {
        &self.0.factory
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}
