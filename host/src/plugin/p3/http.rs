//! `wasi:http` of WASI 0.3, as plugins have it that answer HTTP by themselves.

use crate::plugin::{context::PluginView, http_types::LONGEST_TEXT};
use wasmtime::{
    StoreContextMut,
    component::{Access, FutureReader, Linker, Resource, StreamReader},
};
use wasmtime_wasi_http::{
    WasiHttp, WasiHttpCtxView, WasiHttpView as _,
    p3::bindings::http::{
        client,
        types::{self, HostRequest as _, Method},
    },
};

/// Adds `wasi:http` for plugins that answer HTTP by themselves. What they ask with
/// `wasi:http/client` is refused.
pub(in crate::plugin) fn add_to_linker<T: PluginView>(
    linker: &mut Linker<T>,
) -> wasmtime::Result<()> {
    types::add_to_linker::<_, WasiHttp>(linker, http)?;
    client::add_to_linker::<_, WasiHttp>(linker, http)?;
    linker.allow_shadowing(true);
    let mut types = linker.instance("wasi:http/types@0.3.0")?;
    types.func_wrap("[static]request.consume-body", consume::<T, types::Request>)?;
    types.func_wrap(
        "[static]response.consume-body",
        consume::<T, types::Response>,
    )?;
    types.func_wrap(
        "[method]request.set-method",
        |mut store: StoreContextMut<'_, T>, (request, method): (Resource<_>, Method)| {
            let fits = !matches!(&method, Method::Other(text) if text.len() > LONGEST_TEXT);
            Ok((match fits {
                true => http(store.data_mut()).set_method(request, method)?,
                false => Err(()),
            },))
        },
    )?;
    types.func_wrap(
        "[method]request.set-authority",
        |mut store: StoreContextMut<'_, T>, (request, authority): (Resource<_>, Option<String>)| {
            let fits = authority
                .as_ref()
                .is_none_or(|text| text.len() <= LONGEST_TEXT);
            Ok((match fits {
                true => http(store.data_mut()).set_authority(request, authority)?,
                false => Err(()),
            },))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn http<T: PluginView>(state: &mut T) -> WasiHttpCtxView<'_> {
    state.rest_client().http()
}

type End = FutureReader<Result<(), types::ErrorCode>>;

type Consumed = (
    StreamReader<u8>,
    FutureReader<Result<Option<Resource<types::Trailers>>, types::ErrorCode>>,
);

/// A request or a response, of which a plugin reads the body.
trait Consume<T>: Sized + 'static {
    fn consume(
        access: Access<'_, T, WasiHttp>,
        this: Resource<Self>,
        end: End,
    ) -> wasmtime::Result<Consumed>;
}

impl<T: PluginView> Consume<T> for types::Request {
    fn consume(
        access: Access<'_, T, WasiHttp>,
        this: Resource<Self>,
        end: End,
    ) -> wasmtime::Result<Consumed> {
        <WasiHttp as types::HostRequestWithStore<T>>::consume_body(access, this, end)
    }
}

impl<T: PluginView> Consume<T> for types::Response {
    fn consume(
        access: Access<'_, T, WasiHttp>,
        this: Resource<Self>,
        end: End,
    ) -> wasmtime::Result<Consumed> {
        <WasiHttp as types::HostResponseWithStore<T>>::consume_body(access, this, end)
    }
}

/// `consume-body`, to which it is no matter what the plugin says of it in the end: the host
/// would keep that for whoever made the request or the response, who may never ask for it.
fn consume<T: PluginView, R: Consume<T>>(
    mut store: StoreContextMut<'_, T>,
    (this, mut end): (Resource<R>, End),
) -> wasmtime::Result<(Consumed,)> {
    end.close(&mut store)?;
    let end = FutureReader::new(&mut store, async { wasmtime::error::Ok(Ok(())) })?;
    let access = Access::<T, WasiHttp>::new(store, http);
    Ok((R::consume(access, this, end)?,))
}
