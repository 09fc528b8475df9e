//! `rest-client serve`: beside `wasmtime serve`, and behind nginx.
//!
//! Who serves has core 1, and on it one thread for its work: either program makes one for each
//! core that it may use. On core 0 is who asks, and what a plugin asks in its turn, on one
//! thread that never sleeps.

mod beside_wasmtime;
mod forward_auth;
mod load;
mod nginx;
mod process;
mod rest_client;
mod wasmtime;

pub(crate) use beside_wasmtime::{
    answering, answering_as_it_comes, answering_p99, asking, asking_as_it_comes,
};
pub(crate) use forward_auth::added;
