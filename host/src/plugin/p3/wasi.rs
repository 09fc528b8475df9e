//! WASI 0.3 as plugins have it: with nothing behind it but what was granted.

use super::clocks::Clocks;
use crate::plugin::{
    context::PluginView,
    wasi::{of_cli, of_clocks, of_files, of_random, of_sockets},
};
use wasmtime::component::Linker;
use wasmtime_wasi::{
    cli::WasiCli,
    clocks::WasiClocks,
    filesystem::WasiFilesystem,
    p3::bindings::{cli, clocks, filesystem, random, sockets},
    random::WasiRandom,
    sockets::WasiSockets,
};

/// Adds `wasi:cli`, clocks, random numbers, files and sockets.
pub(super) fn add_to_linker<T: PluginView>(l: &mut Linker<T>) -> wasmtime::Result<()> {
    cli::environment::add_to_linker::<T, WasiCli>(l, of_cli)?;
    cli::exit::add_to_linker::<T, WasiCli>(l, of_cli)?;
    cli::stdin::add_to_linker::<T, WasiCli>(l, of_cli)?;
    cli::stdout::add_to_linker::<T, WasiCli>(l, of_cli)?;
    cli::stderr::add_to_linker::<T, WasiCli>(l, of_cli)?;
    cli::terminal_input::add_to_linker::<T, WasiCli>(l, of_cli)?;
    cli::terminal_output::add_to_linker::<T, WasiCli>(l, of_cli)?;
    cli::terminal_stdin::add_to_linker::<T, WasiCli>(l, of_cli)?;
    cli::terminal_stdout::add_to_linker::<T, WasiCli>(l, of_cli)?;
    cli::terminal_stderr::add_to_linker::<T, WasiCli>(l, of_cli)?;
    clocks::types::add_to_linker::<T, WasiClocks>(l, of_clocks)?;
    clocks::monotonic_clock::add_to_linker::<T, Clocks>(l, T::rest_client)?;
    clocks::system_clock::add_to_linker::<T, WasiClocks>(l, of_clocks)?;
    filesystem::preopens::add_to_linker::<T, WasiFilesystem>(l, of_files)?;
    filesystem::types::add_to_linker::<T, WasiFilesystem>(l, of_files)?;
    random::insecure::add_to_linker::<T, WasiRandom>(l, of_random)?;
    random::insecure_seed::add_to_linker::<T, WasiRandom>(l, of_random)?;
    random::random::add_to_linker::<T, WasiRandom>(l, of_random)?;
    sockets::ip_name_lookup::add_to_linker::<T, WasiSockets>(l, of_sockets)?;
    sockets::types::add_to_linker::<T, WasiSockets>(l, of_sockets)
}
