//! `wasi:http/types` as plugins have it: what reads a reply, and nothing that
//! makes fields, a request or a response.
//!
//! A plugin could send none of these, and each would take memory of the host. The
//! functions are there all the same, since toolchains import the interface as a
//! whole. Called, they end the plugin: most of them have no error that they could
//! return, and a plugin that calls one was made for another host.

use super::context::PluginView;
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi_http::{
    WasiHttp, WasiHttpCtxView, WasiHttpView as _,
    p2::bindings::http::{
        outgoing_handler,
        types::{HostOutgoingRequest as _, LinkOptions, Method, add_to_linker as add_types},
    },
};

/// Bytes of a method, and of an authority, that a plugin gives to a request: wasmtime takes any
/// number of them, which nobody counts.
pub(super) const LONGEST_TEXT: usize = 1024;

const INTERFACE: &str = "wasi:http/types@0.2.12";
const HANDLER: &str = "wasi:http/outgoing-handler@0.2.12";

/// What ends a plugin.
const REFUSED: [&str; 40] = [
    "[constructor]fields",
    "[static]fields.from-list",
    "[method]fields.set",
    "[method]fields.delete",
    "[method]fields.append",
    "[method]fields.clone",
    "[method]incoming-request.method",
    "[method]incoming-request.path-with-query",
    "[method]incoming-request.scheme",
    "[method]incoming-request.authority",
    "[method]incoming-request.headers",
    "[method]incoming-request.consume",
    "[constructor]outgoing-request",
    "[method]outgoing-request.body",
    "[method]outgoing-request.method",
    "[method]outgoing-request.set-method",
    "[method]outgoing-request.path-with-query",
    "[method]outgoing-request.set-path-with-query",
    "[method]outgoing-request.scheme",
    "[method]outgoing-request.set-scheme",
    "[method]outgoing-request.authority",
    "[method]outgoing-request.set-authority",
    "[method]outgoing-request.headers",
    "[constructor]request-options",
    "[method]request-options.connect-timeout",
    "[method]request-options.set-connect-timeout",
    "[method]request-options.first-byte-timeout",
    "[method]request-options.set-first-byte-timeout",
    "[method]request-options.between-bytes-timeout",
    "[method]request-options.set-between-bytes-timeout",
    "[static]response-outparam.set",
    "[constructor]outgoing-response",
    "[method]outgoing-response.status-code",
    "[method]outgoing-response.set-status-code",
    "[method]outgoing-response.headers",
    "[method]outgoing-response.body",
    "[method]outgoing-body.write",
    "[static]outgoing-body.finish",
    "[method]future-incoming-response.subscribe",
    "[method]future-incoming-response.get",
];

/// Adds all of it, and a handler of outgoing requests that refuses each: for plugins that
/// answer HTTP by themselves, and have to make fields and responses.
pub(super) fn add_all_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    fn http<T: PluginView>(state: &mut T) -> WasiHttpCtxView<'_> {
        state.rest_client().http()
    }
    add_types::<_, WasiHttp>(linker, &LinkOptions::default(), http)?;
    outgoing_handler::add_to_linker::<_, WasiHttp>(linker, http)?;
    linker.allow_shadowing(true);
    let mut types = linker.instance(INTERFACE)?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: StoreContextMut<'_, T>, (request, method): (Resource<_>, Method)| {
            let fits = !matches!(&method, Method::Other(text) if text.len() > LONGEST_TEXT);
            Ok((match fits {
                true => http(store.data_mut()).set_method(request, method)?,
                false => Err(()),
            },))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
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

/// Adds a handler of outgoing requests that ends whoever calls it: an engine of JavaScript
/// imports it for what its language has, whether or not a plugin asks with that.
pub(super) fn add_refusal_to_linker<T: 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.instance(HANDLER)?.func_new("handle", |_, _, _, _| {
        wasmtime::bail!(
            "wasi:http/outgoing-handler is not for plugins here: requests are made with rest:client/rest and rest:client/transfers"
        )
    })
}

/// Adds what reads a reply.
pub(super) fn add_to_linker<T: PluginView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    add_types::<_, WasiHttp>(linker, &LinkOptions::default(), |state| {
        state.rest_client().http()
    })?;
    linker.allow_shadowing(true);
    let mut types = linker.instance(INTERFACE)?;
    for name in REFUSED {
        types.func_new(name, move |_, _, _, _| {
            wasmtime::bail!(
                "{name} of wasi:http/types is not for plugins here: requests are made with rest:client/rest and rest:client/transfers, and fields are read"
            )
        })?;
    }
    linker.allow_shadowing(false);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What reads a reply.
    const READING: [&str; 11] = [
        "http-error-code",
        "[method]fields.get",
        "[method]fields.has",
        "[method]fields.entries",
        "[method]incoming-response.status",
        "[method]incoming-response.headers",
        "[method]incoming-response.consume",
        "[method]incoming-body.stream",
        "[static]incoming-body.finish",
        "[method]future-trailers.subscribe",
        "[method]future-trailers.get",
    ];

    #[test]
    fn it_is_known_of_every_function_whether_it_is_for_plugins() {
        let mut resolve = wit_parser::Resolve::default();
        resolve.push_dir("wit").unwrap();
        let (_, types) = resolve
            .interfaces
            .iter()
            .find(|(id, _)| resolve.id_of(*id).as_deref() == Some(INTERFACE))
            .unwrap();
        let mut names: Vec<&str> = types.functions.keys().map(|name| &**name).collect();
        let mut known = [&REFUSED[..], &READING].concat();
        names.sort_unstable();
        known.sort_unstable();
        // The feature of this one is not stable.
        names.retain(|name| *name != "[method]response-outparam.send-informational");
        assert_eq!(names, known);
    }
}
