//! The fault campaign. Attackers make calls to servers that misbehave, and run
//! plugins that want more than their share. Meanwhile the same instance makes
//! honest calls, and so does a neighbour of it.
//!
//! It goes in rounds: in each, every attacker makes each attack once, and honest
//! calls are made until they are done. What is attacked stands for all rounds.

mod attack;
mod plugin;
mod tally;
mod targets;

use crate::process;
use attack::{Attack, CONNECTION_TIMEOUT, TRANSFER_TIMEOUT, Victims, attacks};
use plugin::Plugins;
use rest_client_host::{Error, ErrorKind, Instance, Response};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use support::{
    counting_server::CountingServer,
    name_server::NameServer,
    pki::{Authority, Validity},
};
use tally::{Tally, Times};
use targets::Targets;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinSet,
};

const ATTACKERS: usize = 8;

const HONEST: usize = 8;

const NEIGHBOURS: usize = 2;

/// How late a call may end on a machine that has other things to do.
const SLACK: Duration = Duration::from_secs(3);

/// How late calls may end, at p99, on a machine that has nothing else to do.
const LATE: Duration = Duration::from_millis(50);

/// How much longer than without attacks a neighbour may wait, at p99.
const NEIGHBOUR_FACTOR: u32 = 2;

/// Plugins that misbehave at the same time, where times are judged. Else there is
/// one for each misdeed.
const CROWD: usize = 100;

/// Of a thread (`nice`).
const LOWEST_PRIORITY: i32 = 19;

/// How long the honest have the field to themselves, to compare with.
const QUIET: Duration = Duration::from_secs(2);

/// How much is done. There is one round at least.
pub(crate) struct Campaign {
    /// Calls after which there is no further round.
    pub(crate) calls: u64,
    /// The same in time.
    pub(crate) time: Duration,
    /// Whether times above those that are promised are a failure. They are printed
    /// anyway. It wants a machine that does nothing else: those that attack run at
    /// the lowest priority then, where they would never be done beside a test suite.
    pub(crate) judge_times: bool,
}

impl Campaign {
    /// Rounds that are not counted. A single one that follows takes little more than
    /// they have left behind.
    fn rounds_before(&self) -> u32 {
        if self.calls == 0 && self.time.is_zero() {
            1
        } else {
            5
        }
    }

    /// Of `misdeeds`, plugins that misbehave at the same time.
    fn crowd(&self, misdeeds: usize) -> usize {
        if self.judge_times { CROWD } else { misdeeds }
    }
}

/// What stands for the whole campaign.
struct Field {
    victims: Victims,
    plugins: Plugins,
    /// Where the crowd of plugins runs.
    crowd: Handle,
    crowd_size: usize,
    /// Of the next honest call.
    number: AtomicUsize,
}

/// One round.
struct Round {
    field: Arc<Field>,
    attacks: Vec<Attack>,
    targets: Targets,
    service: CountingServer,
    is_over: AtomicBool,
}

/// Runs the campaign. An error says which promise was broken.
pub(crate) fn run(campaign: &Campaign) -> Result<(), String> {
    let authority = Authority::new("campaign");
    let identity = authority.issue(&["127.0.0.1"], Validity::Good);
    let ca = authority.file();
    // Servers have threads of their own, so that it is not for them that callers
    // wait. Those that attack would be on other machines: on this one they get what
    // is left of the processor.
    let lower = campaign.judge_times;
    let friends = one_thread(|| {})?;
    let enemies = one_thread(move || lower_priority(lower))?;
    // So have plugins that nobody trusts with the time of others.
    let crowd = one_thread(move || lower_priority(lower))?;
    let clients = Runtime::new().map_err(|error| error.to_string())?;
    let silent = enemies.block_on(NameServer::silent());
    let field = Arc::new({
        let _context = clients.enter();
        let plugins = Plugins::new();
        Field {
            victims: Victims::new(ca.path(), silent.address())?,
            crowd_size: campaign.crowd(plugins.misdeeds()),
            plugins,
            crowd: crowd.handle().clone(),
            number: AtomicUsize::new(0),
        }
    });
    let round = || {
        let targets = enemies.block_on(Targets::start(&identity));
        Arc::new(Round {
            field: field.clone(),
            attacks: attacks(&targets),
            targets,
            service: friends.block_on(CountingServer::start()),
            is_over: AtomicBool::new(false),
        })
    };

    let idle = process::usage().descriptors;
    // The first rounds make all that stays: threads, caches, arenas.
    for _ in 0..campaign.rounds_before() {
        clients.block_on(round().fight(ATTACKERS))?;
    }
    let before = process::usage_settled(idle);
    let quiet = clients.block_on(round().keep_quiet())?.neighbour;

    let started = Instant::now();
    let mut tally = Tally::default();
    let mut rounds = 0;
    while rounds == 0 || tally.calls() < campaign.calls || started.elapsed() < campaign.time {
        tally.merge(&clients.block_on(round().fight(ATTACKERS))?);
        rounds += 1;
    }
    let elapsed = started.elapsed();
    let after = process::usage_settled(before.descriptors);
    println!(
        "{rounds} rounds in {elapsed:.1?}: {} honest calls, none lost or doubled, and {} \
         that were attacked, each with an end that is right\n\
         after their deadline calls ended, at p99, {:.1?} (promised: {LATE:?}), at most {:.1?}\n\
         a neighbour's reply took, at p99, {:.1?} with attacks, {:.1?} without (promised: \
         {NEIGHBOUR_FACTOR} times that)\n\
         before: {before}; after: {after}",
        tally.honest,
        tally.hostile,
        tally.late.p99(),
        tally.late.max(),
        tally.neighbour.p99(),
        quiet.p99(),
    );
    after.check(before)?;
    if campaign.judge_times {
        judge(&tally, &quiet)?;
    }
    Ok(())
}

fn lower_priority(lower: bool) {
    if lower && let Err(error) = rustix::process::setpriority_process(None, LOWEST_PRIORITY) {
        eprintln!("the priority of a thread can't be lowered: {error}");
    }
}

fn one_thread(start: impl Fn() + Send + Sync + 'static) -> Result<Runtime, String> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .on_thread_start(start)
        .enable_all()
        .build();
    runtime.map_err(|error| error.to_string())
}

fn judge(tally: &Tally, quiet: &Times) -> Result<(), String> {
    if tally.late.p99() > LATE {
        return Err("calls end too long after their deadline".into());
    }
    if tally.neighbour.p99() > NEIGHBOUR_FACTOR * quiet.p99() {
        return Err("a neighbour waits too long where others are attacked".into());
    }
    Ok(())
}

impl Round {
    /// Has `attackers` make every attack once, beside honest calls.
    async fn fight(self: Arc<Self>, attackers: usize) -> Result<Tally, String> {
        let mut attacking = JoinSet::new();
        for attacker in 0..attackers {
            attacking.spawn(self.clone().attack(attacker));
        }
        attacking.spawn(self.clone().attack_with_plugins());
        let mut honest = self.honest_callers();
        for number in 0..self.field.crowd_size {
            honest.spawn_on(self.clone().misbehave(number), &self.field.crowd);
        }
        let attacked = all(&mut attacking).await;
        self.is_over.store(true, Relaxed);
        let mut tally = attacked?;
        tally.merge(&all(&mut honest).await?);
        self.check().await?;
        Ok(tally)
    }

    /// Has honest calls made alone.
    async fn keep_quiet(self: Arc<Self>) -> Result<Tally, String> {
        let mut honest = self.honest_callers();
        tokio::time::sleep(QUIET).await;
        self.is_over.store(true, Relaxed);
        all(&mut honest).await
    }

    fn honest_callers(self: &Arc<Self>) -> JoinSet<Result<Tally, String>> {
        let mut honest = JoinSet::new();
        for _ in 0..HONEST {
            honest.spawn(self.clone().call_honestly());
        }
        for _ in 0..NEIGHBOURS {
            honest.spawn(self.clone().call_as_a_neighbour());
        }
        honest
    }

    async fn attack(self: Arc<Self>, attacker: usize) -> Result<Tally, String> {
        let mut tally = Tally::default();
        let count = self.attacks.len();
        // Each begins elsewhere, so that different attacks meet.
        let from = attacker * count / ATTACKERS;
        for attack in self.attacks.iter().cycle().skip(from).take(count) {
            let started = Instant::now();
            let outcome = attack.call(&self.field.victims).await;
            let elapsed = started.elapsed();
            let late = match deadline_passed(&outcome) {
                None => Duration::ZERO,
                Some(deadline) => match elapsed.checked_sub(deadline) {
                    Some(late) => {
                        tally.late.add(late);
                        late
                    }
                    None => return Err(format!("{}: over after {elapsed:?}", attack.name)),
                },
            };
            if !attack.right.allows(&outcome) || late > SLACK {
                let name = &attack.name;
                return Err(format!("{name}, after {elapsed:?}: {outcome:?}"));
            }
            tally.hostile += 1;
        }
        Ok(tally)
    }

    async fn attack_with_plugins(self: Arc<Self>) -> Result<Tally, String> {
        let Field {
            victims, plugins, ..
        } = &*self.field;
        let url = self.targets.plain.url("/stall");
        plugins.attack(&victims.auto, &url).await?;
        Ok(Tally::default())
    }

    /// One plugin after the other does what it should not, in its place in the crowd.
    async fn misbehave(self: Arc<Self>, number: usize) -> Result<Tally, String> {
        let Field {
            victims, plugins, ..
        } = &*self.field;
        let url = self.targets.hardly_answering.url("/");
        while !self.is_over.load(Relaxed) {
            plugins.misbehave(number, &victims.auto, &url).await;
        }
        Ok(Tally::default())
    }

    async fn call_honestly(self: Arc<Self>) -> Result<Tally, String> {
        let mut tally = Tally::default();
        while !self.is_over.load(Relaxed) {
            let number = self.field.number.fetch_add(1, Relaxed);
            let path = match number % 6 {
                0 => format!("/echo/{number}"),
                milliseconds => format!("/slow/{milliseconds}/{number}"),
            };
            self.ask(&self.field.victims.auto, &path, number.is_multiple_of(2))
                .await?;
            tally.honest += 1;
        }
        Ok(tally)
    }

    async fn call_as_a_neighbour(self: Arc<Self>) -> Result<Tally, String> {
        let mut tally = Tally::default();
        while !self.is_over.load(Relaxed) {
            let number = self.field.number.fetch_add(1, Relaxed);
            let started = Instant::now();
            let path = format!("/slow/2/{number}");
            self.ask(&self.field.victims.neighbour, &path, false)
                .await?;
            tally.neighbour.add(started.elapsed());
            tally.honest += 1;
        }
        Ok(tally)
    }

    /// Asks the honest service, which must be asked once and answer.
    async fn ask(&self, instance: &Instance, path: &str, posts: bool) -> Result<(), String> {
        let url = self.service.url(path);
        let request = match posts {
            true => instance.rest_post(&url, path),
            false => instance.rest_get(&url),
        };
        let reply = request.await.map_err(|error| format!("{path}: {error}"))?;
        if reply.body() != path.as_bytes() {
            return Err(format!("{path} was answered with {:?}", reply.body()));
        }
        match self.service.forget(path) {
            1 => Ok(()),
            asked => Err(format!("{path} was asked {asked} times")),
        }
    }

    /// Checks that nothing is left of the calls, which are over. What a plugin has
    /// left behind is ended by tasks of its own.
    async fn check(&self) -> Result<(), String> {
        let deadline = Instant::now() + SLACK;
        for (name, instance) in self.field.victims.all() {
            while instance.stats().in_flight > 0 && Instant::now() < deadline {
                tokio::task::yield_now().await;
            }
            let stats = instance.stats();
            if stats.in_flight != 0 || stats.replaced != 0 || instance.is_blocked() {
                return Err(format!("{name} is left with {stats:?}"));
            }
        }
        Ok(())
    }
}

/// Of all tasks, or the first error.
async fn all(tasks: &mut JoinSet<Result<Tally, String>>) -> Result<Tally, String> {
    let mut sum = Tally::default();
    while let Some(tally) = tasks.join_next().await {
        sum.merge(&tally.map_err(|error| error.to_string())??);
    }
    Ok(sum)
}

/// The deadline that ended a call, if one did.
fn deadline_passed(outcome: &Result<Response, Error>) -> Option<Duration> {
    match outcome.as_ref().err()?.kind() {
        ErrorKind::TransferTimeout => Some(TRANSFER_TIMEOUT),
        ErrorKind::ConnectionTimeout => Some(CONNECTION_TIMEOUT),
        _ => None,
    }
}
