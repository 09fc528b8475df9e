//! WASI as plugins have it. Every language's toolchain imports all of it, even where a
//! plugin uses none: it is there, with nothing behind it but what was granted.

use super::context::{PluginCtx, PluginView};
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime_wasi::{
    WasiCtxView, WasiView,
    cli::{WasiCli, WasiCliCtxView, WasiCliView as _},
    clocks::{WasiClocks, WasiClocksCtxView, WasiClocksView as _},
    filesystem::{WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView as _},
    p2::bindings::{cli, clocks, filesystem, io, random, sockets},
    random::{WasiRandom, WasiRandomCtx},
    sockets::{WasiSockets, WasiSocketsCtxView, WasiSocketsView as _},
};

impl WasiView for PluginCtx {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi()
    }
}

/// Adds `wasi:cli`, clocks, random numbers, files and sockets, without `wasi:io`.
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
    clocks::monotonic_clock::add_to_linker::<T, WasiClocks>(l, of_clocks)?;
    clocks::wall_clock::add_to_linker::<T, WasiClocks>(l, of_clocks)?;
    filesystem::preopens::add_to_linker::<T, WasiFilesystem>(l, of_files)?;
    filesystem::types::add_to_linker::<T, WasiFilesystem>(l, of_files)?;
    random::insecure::add_to_linker::<T, WasiRandom>(l, of_random)?;
    random::insecure_seed::add_to_linker::<T, WasiRandom>(l, of_random)?;
    random::random::add_to_linker::<T, WasiRandom>(l, of_random)?;
    sockets::instance_network::add_to_linker::<T, WasiSockets>(l, of_sockets)?;
    sockets::ip_name_lookup::add_to_linker::<T, WasiSockets>(l, of_sockets)?;
    let options = sockets::network::LinkOptions::default();
    sockets::network::add_to_linker::<T, WasiSockets>(l, &options, of_sockets)?;
    sockets::tcp::add_to_linker::<T, WasiSockets>(l, of_sockets)?;
    sockets::tcp_create_socket::add_to_linker::<T, WasiSockets>(l, of_sockets)?;
    sockets::udp::add_to_linker::<T, WasiSockets>(l, of_sockets)?;
    sockets::udp_create_socket::add_to_linker::<T, WasiSockets>(l, of_sockets)
}

pub(super) fn of_cli<T: PluginView>(state: &mut T) -> WasiCliCtxView<'_> {
    state.rest_client().cli()
}

pub(super) fn of_clocks<T: PluginView>(state: &mut T) -> WasiClocksCtxView<'_> {
    state.rest_client().clocks()
}

pub(super) fn of_files<T: PluginView>(state: &mut T) -> WasiFilesystemCtxView<'_> {
    state.rest_client().filesystem()
}

pub(super) fn of_random<T: PluginView>(state: &mut T) -> &mut WasiRandomCtx {
    state.rest_client().ctx().ctx.random()
}

pub(super) fn of_sockets<T: PluginView>(state: &mut T) -> WasiSocketsCtxView<'_> {
    state.rest_client().sockets()
}

/// Adds `wasi:io`.
pub(super) fn add_io_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    fn table<T: PluginView>(state: &mut T) -> &mut ResourceTable {
        state.rest_client().table()
    }
    io::error::add_to_linker::<_, HasSelf<ResourceTable>>(linker, table)?;
    io::poll::add_to_linker::<_, HasSelf<PluginCtx>>(linker, T::rest_client)?;
    io::streams::add_to_linker::<_, HasSelf<ResourceTable>>(linker, table)
}
