//! `run`: a plugin that is a command.

use crate::{
    args::Run,
    exit::{Exit, Problem},
};
use rest_client_host::{Host, plugin::PluginCtx};
use std::process::ExitCode;
use wasmtime_wasi::WasiCtx;

/// Runs the plugin, and ends as it does.
pub(crate) async fn run(run: Run) -> Result<ExitCode, Problem> {
    let host = Host::of(&run.sources.layers()?)?;
    let name = super::name(run.name.as_deref(), &run.plugin);
    let config = host.config().plugins.get(&name).cloned();
    let config = config.unwrap_or_default();
    let instance = host.instance_for(&name)?;
    let runtime = super::runtime(run.max_memory.or(config.max_memory), run.cache.as_deref())?;
    let plugin = super::load(&runtime, &run.plugin)?;
    let command = plugin.command().map_err(|error| {
        let other_way = if plugin.is_router() {
            "; it decides about requests: rest-client route has it decide about one, and \
             rest-client serve about those of a proxy"
        } else if plugin.is_handler() {
            "; it answers HTTP: rest-client serve has it do that"
        } else {
            ""
        };
        super::wrong(&run.plugin, format_args!("{error:#}{other_way}"))
    })?;
    let mut context = PluginCtx::new(instance)
        .with_settings(config.settings)
        .with_wasi(granted(&run)?);
    if let Some(budget) = config.memory_budget {
        context = context.memory_budget(budget.get().saturating_mul(super::MIB));
    }
    if let Some(transfers) = config.max_async_transfers {
        context = context.max_async_transfers(transfers);
    }
    match command.run(context).await {
        Ok(code) => Ok(code.into()),
        Err(trap) => Err(Problem::new(
            Exit::Trapped,
            format!("{}: the plugin trapped: {trap:#}", run.plugin.display()),
        )),
    }
}

/// Its arguments and variables, and the streams of this program.
fn granted(run: &Run) -> Result<WasiCtx, Problem> {
    let mut wasi = PluginCtx::wasi_builder();
    wasi.inherit_stdio()
        .arg(run.plugin.to_string_lossy())
        .args(&run.arguments);
    for variable in &run.env {
        match variable.split_once('=') {
            Some((name, value)) => wasi.env(name, value),
            None => {
                let value = std::env::var(variable).map_err(|_| {
                    Problem::new(
                        Exit::Usage,
                        format!("--env {variable}: there is no such variable here, or it is not UTF-8; NAME=VALUE gives one"),
                    )
                })?;
                wasi.env(variable, value)
            }
        };
    }
    Ok(wasi.build())
}
