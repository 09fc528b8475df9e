//! What fuzz targets reach of a plugin's border: its calls, with the values that
//! wasmtime has lifted out of the plugin's memory.

use super::{
    PluginCtx,
    bindings::rest::client::{
        rest::Host as _,
        transfers::{Host as _, HostTransfer as _},
        types as wit,
    },
    transfer::Transfer,
};
use wasmtime::component::Resource;

/// The arguments of `rest-request`.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "documented once, in wit/types.wit")]
pub struct Asked {
    pub method: String,
    pub url: String,
    pub body: Option<Vec<u8>>,
    pub content_type: Option<String>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub connection_timeout: Option<u64>,
    pub transfer_timeout: Option<u64>,
    pub max_redirects: Option<u32>,
}

/// What a plugin is told: the status, or the case of `rest-error` and its sentence.
pub type Told = Result<u16, (&'static str, String)>;

/// A transfer that was started, by what a plugin holds of it.
#[derive(Debug)]
pub struct Started(Resource<Transfer>);

/// Makes the call as `rest-request` does.
///
/// # Errors
///
/// The plugin would trap.
pub async fn request(plugin: &mut PluginCtx, asked: Asked) -> wasmtime::Result<Told> {
    let options = Some(options(&asked));
    let told = plugin.rest_request(
        asked.method,
        asked.url,
        asked.body,
        asked.content_type,
        options,
    );
    Ok(as_told(told.await?))
}

/// Starts the call as `start-request` does.
///
/// # Errors
///
/// The plugin would trap.
pub async fn start(plugin: &mut PluginCtx, asked: Asked) -> wasmtime::Result<Started> {
    let options = Some(options(&asked));
    let started = plugin.start_request(
        asked.method,
        asked.url,
        asked.body,
        asked.content_type,
        options,
    );
    Ok(Started(started.await?))
}

/// Waits for a transfer as `finish` does.
///
/// # Errors
///
/// The plugin would trap.
pub async fn finish(plugin: &mut PluginCtx, started: Started) -> wasmtime::Result<Told> {
    Ok(as_told(plugin.finish(started.0).await?))
}

/// Gives a transfer up, as a plugin does that drops it.
///
/// # Errors
///
/// The plugin would trap.
pub async fn give_up(plugin: &mut PluginCtx, started: Started) -> wasmtime::Result<()> {
    plugin.drop(started.0).await
}

fn options(asked: &Asked) -> wit::RequestOptions {
    wit::RequestOptions {
        headers: asked.headers.clone(),
        connection_timeout: asked.connection_timeout,
        transfer_timeout: asked.transfer_timeout,
        max_redirects: asked.max_redirects,
    }
}

fn as_told(result: Result<wit::Response, wit::RestError>) -> Told {
    use wit::RestError as E;
    Err(match result {
        Ok(response) => return Ok(response.status),
        Err(E::TransferTimeout(_)) => ("transfer-timeout", String::new()),
        Err(E::ConnectionRefused(message)) => ("connection-refused", message),
        Err(E::ConnectionTimeout(message)) => ("connection-timeout", message),
        Err(E::AlreadyConnecting(message)) => ("already-connecting", message),
        Err(E::TooLarge(message)) => ("too-large", message),
        Err(E::Dns(message)) => ("dns", message),
        Err(E::Tls(message)) => ("tls", message),
        Err(E::Denied(message)) => ("denied", message),
        Err(E::Busy(message)) => ("busy", message),
        Err(E::InvalidUrl(message)) => ("invalid-url", message),
        Err(E::InvalidHeader(message)) => ("invalid-header", message),
        Err(E::Protocol(message)) => ("protocol", message),
        Err(E::Internal(message)) => ("internal", message),
    })
}
