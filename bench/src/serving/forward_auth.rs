//! What a decision adds to a request that goes through nginx. The plugin is the puppet of the
//! tests, which has everybody go on.

use super::{
    load::{Load, Page},
    nginx::{self, Nginx},
    rest_client::RestClient,
};
use crate::{figure::Figure, runtime, serve, server::SMALL};
use anyhow::Result;

/// Requests of a round, one at a time: with more, it would be measured how long they wait for
/// each other.
const REQUESTS: usize = 2000;

/// The µs by which the median latency is longer where nginx asks first.
pub(crate) fn added(rounds: usize) -> Result<Option<Figure>> {
    let (Some(rest_client), Some(program)) = (RestClient::find()?, nginx::find()?) else {
        return Ok(None);
    };
    runtime::single_threaded()?.block_on(async {
        runtime::stay_awake();
        let backend = serve::beside().await?;
        let (_serving, socket) = rest_client.decide_for_nginx("puppet")?;
        let nginx = Nginx::start(&program, rest_client.folder(), &socket, backend)?;
        let page = || Page {
            path: "/".into(),
            body: "x".repeat(SMALL),
        };
        let asking = Load::new(nginx.asking, page(), 1)?;
        let plain = Load::new(nginx.plain, page(), 1)?;
        let mut added = Vec::new();
        for round in 0..=rounds {
            let (plain, asking) = (plain.run(REQUESTS).await?, asking.run(REQUESTS).await?);
            if round > 0 {
                added.push(asking.percentile(0.5) - plain.percentile(0.5));
            }
        }
        Ok(Some(Figure::of(added)))
    })
}
