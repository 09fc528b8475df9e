//! The contenders: ways to make many requests, each used as its users would.

pub(crate) mod contender;
mod default_send;
mod hyper;
mod libcurl;
pub(crate) mod names;
pub(crate) mod ours;
mod reqwest;

use crate::server::Addresses;
use anyhow::Result;
use contender::Contender;

/// One of each, in the order in which they are measured.
pub(crate) fn all(addresses: &Addresses) -> Result<Vec<Box<dyn Contender>>> {
    Ok(vec![
        // libcurl is first, since it waits with select, which only knows the
        // lowest 1,024 file descriptors.
        Box::new(libcurl::Multi::new()),
        Box::new(hyper::Pooled::new(addresses)?),
        Box::new(reqwest::Reqwest::new(addresses)?),
        Box::new(default_send::DefaultSend::new()?),
        Box::new(ours::Library::new(addresses)?),
        Box::new(ours::FreshInstances::new(addresses)?),
    ])
}
