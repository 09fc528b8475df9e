//! A plugin that answers HTTP by itself, in `rest-client serve` and in `wasmtime serve`. It is
//! the website of the tests.

use super::{
    load::{Load, Measured, Page},
    rest_client::{RestClient, SERVICE, built},
    wasmtime::{self, Instances},
};
use crate::{figure::Figure, runtime, serve};
use anyhow::Result;

const PLUGIN: &str = "website";

/// Requests at a time.
const IN_FLIGHT: usize = 32;

/// What the plugin does for a request.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// It answers a text of its own.
    Answer,
    /// It asks one service, and answers what that said.
    Ask,
}

impl Work {
    /// Requests of a round: enough for a few tenths of a second.
    fn requests(self) -> usize {
        match self {
            Self::Answer => 10_000,
            Self::Ask => 3000,
        }
    }
}

/// Requests a second of a plugin that answers by itself, as a multiple of wasmtime's.
pub(crate) fn answering(rounds: usize) -> Result<Option<Figure>> {
    compare(Work::Answer, Instances::Reused, rounds, throughput)
}

/// The time within which 99 of 100 of them are answered, as a multiple of wasmtime's.
pub(crate) fn answering_p99(rounds: usize) -> Result<Option<Figure>> {
    let p99 = |ours: &Measured, others: &Measured| ours.percentile(0.99) / others.percentile(0.99);
    compare(Work::Answer, Instances::Reused, rounds, p99)
}

/// Requests a second, where wasmtime makes an instance for each.
pub(crate) fn answering_as_it_comes(rounds: usize) -> Result<Option<Figure>> {
    compare(Work::Answer, Instances::AsItComes, rounds, throughput)
}

/// Requests a second of a plugin that asks one service, as a multiple of wasmtime's.
pub(crate) fn asking(rounds: usize) -> Result<Option<Figure>> {
    compare(Work::Ask, Instances::Reused, rounds, throughput)
}

/// The same, where wasmtime makes an instance for each.
pub(crate) fn asking_as_it_comes(rounds: usize) -> Result<Option<Figure>> {
    compare(Work::Ask, Instances::AsItComes, rounds, throughput)
}

fn throughput(ours: &Measured, others: &Measured) -> f64 {
    ours.throughput() / others.throughput()
}

/// Has both serve the plugin, and be asked in turn.
fn compare(
    work: Work,
    instances: Instances,
    rounds: usize,
    figure: fn(&Measured, &Measured) -> f64,
) -> Result<Option<Figure>> {
    let Some(rest_client) = RestClient::find()? else {
        return Ok(None);
    };
    if !wasmtime::is_there(instances)? {
        return Ok(None);
    }
    let composed = rest_client.compose(PLUGIN)?;
    runtime::single_threaded()?.block_on(async {
        runtime::stay_awake();
        let service = serve::beside().await?;
        // One that asks brings no client along where there is one already.
        let (served_by_us, for_us, for_wasmtime) = match work {
            Work::Answer => (composed.clone(), hello(), hello()),
            Work::Ask => {
                let url = format!("http://{SERVICE}.service.internal/small");
                let to_wasmtime = format!("http://{service}/small");
                (built(PLUGIN)?, ask(&url), ask(&to_wasmtime))
            }
        };
        let (_ours, at) = rest_client.serve(&served_by_us, service)?;
        let ours = Load::new(at, for_us, IN_FLIGHT)?;
        let (_wasmtime, at) = wasmtime::serve(&composed, instances)?;
        let others = Load::new(at, for_wasmtime, IN_FLIGHT)?;
        let mut figures = Vec::new();
        for round in 0..=rounds {
            let requests = work.requests();
            let (ours, others) = (ours.run(requests).await?, others.run(requests).await?);
            if round > 0 {
                figures.push(figure(&ours, &others));
            }
        }
        Ok(Some(Figure::of(figures)))
    })
}

fn hello() -> Page {
    Page {
        path: "/hello".into(),
        body: "hello".into(),
    }
}

fn ask(url: &str) -> Page {
    Page {
        path: format!("/ask?{url}"),
        body: format!("200 {url}"),
    }
}
