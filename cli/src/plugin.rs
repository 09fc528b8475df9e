//! Plugins: what they ask goes by the configuration, for all of them.

pub(crate) mod compose;
pub(crate) mod new;
pub(crate) mod recording;
pub(crate) mod replay;
pub(crate) mod route;
pub(crate) mod run;

use crate::{
    args::Decider,
    exit::{Exit, Problem},
    input,
};
use rest_client_host::{
    Host, Instance,
    config::OnFailure,
    plugin::{HandlerPool, Limits, Observer, Plugin, PluginPool, PluginRuntime, PoolOptions},
};
use std::{
    collections::BTreeSet,
    env, io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

const MIB: usize = 1 << 20;

/// Bytes of a component. One of Python has 20 MB.
const LARGEST: u64 = 512 << 20;

/// Where plugins run: with so many MiB each, and with what was compiled before in `cache`.
pub(crate) fn runtime(
    max_memory: Option<NonZeroUsize>,
    cache: Option<&Path>,
) -> Result<PluginRuntime, Problem> {
    let mut limits = Limits::default();
    if let Some(max_memory) = max_memory {
        limits.memory = max_memory.get().saturating_mul(MIB);
    }
    let failed = |error| Problem::new(Exit::Internal, format!("can't start: {error:#}"));
    if let Some(folder) = cache {
        return PluginRuntime::with_cache(limits, folder)
            .map_err(|error| Problem::new(Exit::Usage, format!("--cache: {error:#}")));
    }
    if let Some(folder) = user_cache() {
        match PluginRuntime::with_cache(limits, &folder) {
            Ok(runtime) => return Ok(runtime),
            // It is slower, and that is all: nobody has asked for it.
            Err(error) => tracing::debug!("plugins are compiled each time: {error:#}"),
        }
    }
    PluginRuntime::new(limits).map_err(failed)
}

/// A folder of this program in the cache of the user, if he has one (XDG base directory
/// specification).
fn user_cache() -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|it| it.is_absolute())
    };
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(caches.join("rest-client"))
}

/// What a plugin is called: `name`, or as its file is.
pub(crate) fn name(name: Option<&str>, file: &Path) -> String {
    let of_file = || file.file_stem().unwrap_or_default().to_string_lossy();
    name.map_or_else(|| of_file().into_owned(), str::to_owned)
}

/// Compiles the plugin in `file`.
pub(crate) fn load(runtime: &PluginRuntime, file: &Path) -> Result<Plugin, Problem> {
    let component = read(file)
        .map_err(|error| wrong(file, format_args!("the plugin can't be read: {error}")))?;
    runtime
        .load(&component)
        .map_err(|error| wrong(file, format_args!("{error:#}")))
}

/// The component in `file`, which may be no plugin, and have no end.
pub(crate) fn read(file: &Path) -> io::Result<Vec<u8>> {
    input::read_file(file, LARGEST)
}

/// What is wrong with the plugin in `file`.
pub(crate) fn wrong(file: &Path, what: impl std::fmt::Display) -> Problem {
    Problem::new(Exit::Usage, format!("{}: {what}", file.display()))
}

/// A plugin that was loaded, and was not asked anything yet.
pub(crate) struct Prepared<'a> {
    file: &'a Path,
    pub(crate) plugin: Plugin,
    instance: Instance,
    pub(crate) options: PoolOptions,
    pub(crate) on_failure: OnFailure,
}

impl<'a> Prepared<'a> {
    /// The one that `decider` describes. Who is told of its questions is made by
    /// `observer`, from the names of the services that it has.
    pub(crate) fn new(
        decider: &'a Decider,
        observer: impl FnOnce(BTreeSet<String>) -> Option<Observer>,
    ) -> Result<Self, Problem> {
        let layers = decider.sources.layers()?;
        let plugin = decider
            .plugin_config(layers.config())
            .map_err(|what| Problem::new(Exit::Usage, what))?;
        let host = Host::of(&layers)?;
        let instance = host.instance_for(&decider.name())?;
        let services = match &plugin.services {
            Some(services) => services.clone(),
            None => host.config().services.keys().cloned().collect(),
        };
        let mut options = PoolOptions::of(&decider.name(), &plugin);
        options.observer = observer(services);
        let runtime = runtime(plugin.max_memory, decider.cache.as_deref())?;
        Ok(Self {
            file: &decider.plugin,
            plugin: load(&runtime, &decider.plugin)?,
            instance,
            options,
            on_failure: plugin.on_failure.unwrap_or_default(),
        })
    }

    /// Has it decide.
    pub(crate) fn router(self) -> Result<PluginPool, Problem> {
        PluginPool::new(&self.plugin, self.instance, self.options)
            .map_err(|error| wrong(self.file, format_args!("{error:#}")))
    }

    /// Has it answer by itself.
    pub(crate) fn handler(self) -> Result<HandlerPool, Problem> {
        HandlerPool::new(&self.plugin, self.instance, self.options)
            .map_err(|error| wrong(self.file, format_args!("{error:#}")))
    }
}
