//! Whatever values a plugin hands over, and in whatever order, its calls end in one of
//! the ways that the WIT package has, the sandbox stays whole, and all that was kept
//! for the plugin is given back.

use arbitrary::{Arbitrary, Unstructured};
use rest_client_guest::{
    error::RestError,
    request::{Call, Request},
};
use rest_client_host::{
    Config, Host, Instance,
    fuzzing::{Asked, Started, Told, finish, give_up, request, start},
    plugin::PluginCtx,
};
use std::{sync::LazyLock, time::Duration};
use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
    time::timeout,
};

/// What all calls of an input may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes that are kept for the plugin. Few, so that some calls are more than that.
const BUDGET: usize = 64 << 10;

const MOST_CALLS: usize = 8;

/// No rule of its policy lets a plugin ask anybody.
static INSTANCE: LazyLock<(Runtime, Instance)> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("there is a runtime");
    let host = Host::new(Config::default()).expect("the configuration is sound");
    let instance = {
        let _within = runtime.enter();
        host.instance()
    };
    (runtime, instance)
});

#[derive(Debug)]
enum Step {
    Request(Asked),
    Start(Asked),
    /// Of those that were started, the one at this place.
    Finish(usize),
    GiveUp(usize),
}

impl<'a> Arbitrary<'a> for Step {
    fn arbitrary(choices: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(match choices.int_in_range(0..=3)? {
            0 => Self::Request(asked(choices)?),
            1 => Self::Start(asked(choices)?),
            2 => Self::Finish(u8::arbitrary(choices)?.into()),
            _ => Self::GiveUp(u8::arbitrary(choices)?.into()),
        })
    }
}

fn asked(choices: &mut Unstructured<'_>) -> arbitrary::Result<Asked> {
    let timeouts = Option::<(u64, u64)>::arbitrary(choices)?;
    Ok(Asked {
        connection_timeout: timeouts.map(|(connection, _)| connection),
        transfer_timeout: timeouts.map(|(_, transfer)| transfer),
        max_redirects: Arbitrary::arbitrary(choices)?,
        method: Option::arbitrary(choices)?.unwrap_or_else(|| "GET".to_owned()),
        url: Arbitrary::arbitrary(choices)?,
        body: Arbitrary::arbitrary(choices)?,
        content_type: Arbitrary::arbitrary(choices)?,
        headers: Arbitrary::arbitrary(choices)?,
    })
}

/// Takes calls, and what becomes of those that were started.
pub fn check(input: &[u8]) {
    let mut choices = Unstructured::new(input);
    let mut steps = Vec::new();
    while steps.len() < MOST_CALLS
        && !choices.is_empty()
        && let Ok(step) = Step::arbitrary(&mut choices)
    {
        steps.push(step);
    }
    let (runtime, instance) = &*INSTANCE;
    let done = runtime.block_on(async { timeout(PATIENCE, run(instance, steps)).await });
    done.expect("calls that reach nobody have an end");
}

async fn run(instance: &Instance, steps: Vec<Step>) {
    let mut plugin = PluginCtx::new(instance.clone()).memory_budget(BUDGET);
    let mut started: Vec<(Started, End)> = Vec::new();
    for step in steps {
        match step {
            Step::Request(asked) => {
                let expected = expected(&asked);
                let told = request(&mut plugin, asked).await;
                assert_told(told.expect("no value ends a plugin"), expected);
            }
            Step::Start(asked) => {
                let expected = expected(&asked);
                let transfer = start(&mut plugin, asked).await;
                started.push((transfer.expect("no value ends a plugin"), expected));
            }
            Step::Finish(index) if !started.is_empty() => {
                let (transfer, expected) = started.swap_remove(index % started.len());
                let told = finish(&mut plugin, transfer).await;
                assert_told(told.expect("it was started"), expected);
            }
            Step::GiveUp(index) if !started.is_empty() => {
                let (transfer, _) = started.swap_remove(index % started.len());
                give_up(&mut plugin, transfer)
                    .await
                    .expect("it was started");
            }
            Step::Finish(_) | Step::GiveUp(_) => {}
        }
    }
    for (transfer, _) in started {
        give_up(&mut plugin, transfer)
            .await
            .expect("it was started");
    }
    while plugin.memory_taken() > 0 {
        yield_now().await;
    }
    assert!(plugin.table().is_empty(), "a handle is left");
}

/// How a call ends that reaches nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Denied,
    Invalid,
    /// The time that it has or the budget may end it as well.
    Any,
}

/// How the call ends by what the guest's logic says outside of its sandbox.
fn expected(asked: &Asked) -> End {
    let size = asked.url.len()
        + asked.method.len()
        + asked.content_type.as_ref().map_or(0, String::len)
        + 2 * asked.body.as_ref().map_or(0, Vec::len)
        + asked
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 64)
            .sum::<usize>();
    if asked.transfer_timeout.is_some() || size > BUDGET / (2 * MOST_CALLS) {
        return End::Any;
    }
    let prepared = Request::prepare(Call {
        method: asked.method.clone(),
        url: asked.url.clone(),
        body: asked.body.clone(),
        content_type: asked.content_type.clone(),
        headers: asked.headers.clone(),
    });
    match prepared {
        Ok(_) => End::Denied,
        Err(RestError::InvalidUrl(_) | RestError::InvalidHeader(_)) => End::Invalid,
        Err(other) => panic!("{other:?} is no reason to refuse a call"),
    }
}

fn assert_told(told: Told, expected: End) {
    let (case, sentence) = told.expect_err("nobody may be asked");
    let end = match case {
        "denied" => End::Denied,
        "invalid-url" | "invalid-header" => End::Invalid,
        "busy" | "connection-timeout" | "transfer-timeout" => End::Any,
        other => panic!("{other}: {sentence}"),
    };
    assert!(
        expected == End::Any || end == expected,
        "{case}, and not {expected:?}: {sentence}"
    );
}
