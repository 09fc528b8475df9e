//! `run`: a plugin that is a command. What it asks goes by the configuration, as for any
//! plugin.

use crate::{
    args::Run,
    exit::{Exit, Problem},
};
use rest_client_host::{
    Host,
    plugin::{Limits, PluginCtx, PluginRuntime},
};
use std::{fs, process::ExitCode};
use wasmtime_wasi::WasiCtx;

const MIB: usize = 1 << 20;

/// Runs the plugin, and ends as it does.
pub(crate) async fn run(run: Run) -> Result<ExitCode, Problem> {
    let host = Host::new(run.sources.layers()?.config().clone())?;
    let wrong = |what: String| {
        let message = format!("{}: {what}", run.plugin.display());
        Problem::new(Exit::Usage, message)
    };
    let component = fs::read(&run.plugin)
        .map_err(|error| wrong(format!("the plugin can't be read: {error}")))?;
    let mut limits = Limits::default();
    limits.memory = run.max_memory.get().saturating_mul(MIB);
    let runtime = PluginRuntime::new(limits)
        .map_err(|error| Problem::new(Exit::Internal, format!("can't start: {error:#}")))?;
    let plugin = runtime
        .load(&component)
        .map_err(|error| wrong(format!("{error:#}")))?;
    let command = plugin
        .command()
        .map_err(|error| wrong(format!("{error:#}")))?;
    let context = PluginCtx::new(host.instance()).with_wasi(granted(&run)?);
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
