//! What a decision of a plugin costs. The plugin is the puppet of the tests, which reads the
//! fields of a request and asks what stands in them.

use crate::{
    contenders::ours::{self, LOOPBACK},
    figure::Figure,
    load::{Load, Over, drive},
    runtime,
    server::{Addresses, SMALL},
};
use anyhow::{Context as _, Result, ensure};
use rest_client_host::{
    Instance,
    plugin::{Limits, Plugin, PluginPool, PluginRuntime, PoolOptions},
    routing::{Decision, Protocol, Request},
};
use std::{env, num::NonZeroU32, path::PathBuf, time::Instant};

/// The puppets, for either generation of WASI.
const PUPPET: &str = "puppet.wasm";
const ASYNC_PUPPET: &str = "puppet-async.wasm";

/// Plugins that wait for work, to see what one takes.
const IDLE: usize = 1000;

/// A decision without a question, by a plugin that has decided before, in µs.
pub(crate) fn reused(addresses: &Addresses, rounds: usize) -> Result<Option<Figure>> {
    without_question(addresses, PUPPET, u32::MAX, rounds)
}

/// The same in WASI 0.3.
pub(crate) fn reused_async(addresses: &Addresses, rounds: usize) -> Result<Option<Figure>> {
    without_question(addresses, ASYNC_PUPPET, u32::MAX, rounds)
}

/// The same, by a new instance of the plugin each time.
pub(crate) fn fresh(addresses: &Addresses, rounds: usize) -> Result<Option<Figure>> {
    without_question(addresses, PUPPET, 1, rounds)
}

fn without_question(
    addresses: &Addresses,
    plugin: &str,
    decisions_per_instance: u32,
    rounds: usize,
) -> Result<Option<Figure>> {
    const DECISIONS: u32 = 20_000;
    let Some(plugin) = load(plugin)? else {
        return Ok(None);
    };
    let runtime = runtime::single_threaded()?;
    let instance = ours::host(addresses, false)?.instance();
    let pool = pool(&plugin, &instance, decisions_per_instance)?;
    let request = request(&[]);
    let mut times = Vec::new();
    for round in 0..=rounds {
        let took = runtime.block_on(async {
            let began = Instant::now();
            for _ in 0..DECISIONS {
                decide(&pool, &request).await?;
            }
            anyhow::Ok(began.elapsed())
        })?;
        if round > 0 {
            times.push(took.as_secs_f64() / f64::from(DECISIONS) * 1e6);
        }
    }
    Ok(Some(Figure::of(times)))
}

/// The throughput of decisions that ask one question, as a multiple of that of the library
/// which asks it without a plugin.
pub(crate) fn asking(addresses: &Addresses, rounds: usize) -> Result<Option<Figure>> {
    to_library(addresses, PUPPET, rounds)
}

/// The same in WASI 0.3.
pub(crate) fn asking_async(addresses: &Addresses, rounds: usize) -> Result<Option<Figure>> {
    to_library(addresses, ASYNC_PUPPET, rounds)
}

fn to_library(addresses: &Addresses, plugin: &str, rounds: usize) -> Result<Option<Figure>> {
    let Some(plugin) = load(plugin)? else {
        return Ok(None);
    };
    let runtime = runtime::single_threaded()?;
    let instance = ours::host(addresses, false)?.instance();
    let pool = pool(&plugin, &instance, u32::MAX)?;
    let url = format!("http://{LOOPBACK}.service.internal/small");
    let request = request(&[&format!("ask {url}")]);
    let load = Load {
        over: Over::Http,
        url: &url,
        size: SMALL,
        calls: 8000,
        in_flight: 32,
    };
    let mut ratios = Vec::new();
    for round in 0..=rounds {
        let library = runtime.block_on(drive(load, || async {
            Ok(instance.rest_get(load.url).await?.body().len())
        }))?;
        let decisions = runtime.block_on(drive(load, || async {
            let attributes = decide(&pool, &request).await?;
            let answered = attributes.iter().all(|(_, it)| it == "200");
            ensure!(attributes.len() == 1 && answered, "it says {attributes:?}");
            Ok(SMALL)
        }))?;
        if round > 0 {
            ratios.push(library.as_secs_f64() / decisions.as_secs_f64());
        }
    }
    Ok(Some(Figure::of(ratios)))
}

/// The KiB that a plugin takes which has decided and waits, measured in a process of its own.
pub(crate) fn idle(addresses: &Addresses) -> Result<()> {
    let plugin = load(PUPPET)?.context("the plugins are not built")?;
    let runtime = runtime::single_threaded()?;
    let instance = ours::host(addresses, false)?.instance();
    let request = request(&[]);
    let pools = (0..=IDLE).map(|_| pool(&plugin, &instance, u32::MAX));
    let pools = pools.collect::<Result<Vec<_>>>()?;
    runtime.block_on(async {
        let (first, rest) = pools.split_first().context("there is one")?;
        decide(first, &request).await?;
        let before = crate::idle::memory()?;
        for pool in rest {
            decide(pool, &request).await?;
        }
        let taken = crate::idle::memory()? - before;
        println!("{:.1}", taken as f64 / 1024.0 / IDLE as f64);
        Ok(())
    })
}

/// The attributes of a decision to go on.
async fn decide(pool: &PluginPool, request: &Request) -> Result<Vec<(String, String)>> {
    match pool.route(request.clone()).await? {
        Decision::Continue(changes) => Ok(changes.attributes),
        other => anyhow::bail!("the puppet decided {other:?}"),
    }
}

/// A plugin of the tests. `None` if they are not built; it has then printed so.
fn load(name: &str) -> Result<Option<Plugin>> {
    let Some(folder) = env::var_os("REST_CLIENT_PLUGINS") else {
        println!("skipped: REST_CLIENT_PLUGINS names no folder of plugins; cargo xtask bench does");
        return Ok(None);
    };
    let file = PathBuf::from(folder).join(name);
    let component =
        std::fs::read(&file).with_context(|| format!("{} can't be read", file.display()))?;
    let runtime = PluginRuntime::new(Limits::default())?;
    Ok(Some(runtime.load(&component)?))
}

fn pool(plugin: &Plugin, instance: &Instance, decisions: u32) -> Result<PluginPool> {
    let mut options = PoolOptions::default();
    options.instances = 64;
    options.decisions_per_instance = NonZeroU32::new(decisions).context("at least one")?;
    Ok(PluginPool::new(plugin, instance.clone(), options)?)
}

/// A request that has the puppet do these things.
fn request(things: &[&str]) -> Request {
    Request {
        id: "1".into(),
        protocol: Protocol::Http,
        method: "GET".into(),
        target: "/".into(),
        fields: things
            .iter()
            .map(|it| ("x-do".to_owned(), it.as_bytes().to_vec()))
            .collect(),
        body: None,
        source: None,
        destination: None,
        transport: None,
        attributes: vec![],
        time_left: u64::MAX,
    }
}
