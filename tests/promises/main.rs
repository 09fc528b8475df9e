//! What rest-client promises, one module each. One binary, so that wasmtime is
//! linked once.

/// Tests of promises that are the same for WASI 0.2 and 0.3: each is a function of a type, of
/// which there is one for either generation.
macro_rules! for_each_wasi {
    ($p2:ty, $p3:ty: $($(#[$attribute:meta])* $promise:ident,)*) => {
        mod wasi_0_2 {
            $(
                #[tokio::test]
                $(#[$attribute])*
                async fn $promise() {
                    super::$promise::<$p2>().await;
                }
            )*
        }
        mod wasi_0_3 {
            $(
                #[tokio::test]
                $(#[$attribute])*
                async fn $promise() {
                    super::$promise::<$p3>().await;
                }
            )*
        }
    };
}

mod async_component;
mod async_plugins;
mod call;
mod campaign;
mod cap;
mod client_domains;
mod command_line;
mod component;
mod compose;
mod connecting;
mod connections;
mod decisions;
mod descriptors;
mod documents;
mod egress;
mod examples;
mod expect;
mod failures;
mod floods;
mod foreign_host;
mod granted;
mod http2;
mod http_versions;
mod interop;
mod interruption;
mod isolation;
mod languages;
mod limits;
mod load;
mod names;
mod new;
mod other_hosts;
mod output_files;
mod plugins;
mod proxies;
mod puppets;
mod recording;
mod redirects;
mod route;
mod run;
mod scripts;
mod secrets;
mod serve;
mod services;
mod streams;
mod tenants;
mod timeouts;
mod tls;
mod tls_errors;
mod tls_old_certificates;
mod tls_rotation;
mod tls_versions;
mod transfers;

use rest_client_host::{Config, Host, Instance};

/// A host with this configuration.
fn host(config: Config) -> Host {
    Host::new(config).expect("a sound configuration")
}

/// The only instance of a host with this configuration.
fn worker_with(config: Config) -> Instance {
    host(config).instance()
}

/// The only instance of a host with the defaults.
fn worker() -> Instance {
    worker_with(Config::default())
}
