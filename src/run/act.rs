//! One step: what each action does.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use super::drive::World;
use super::event::Happened;
use super::exporters;
use super::release::{EXPORTING_CALL, PhaseVerdict, judge_phases, observe};
use super::report::Cause;
use super::wait::{Limits, Stop, backoff};
use super::watch::{self, LOOK_CALL};
use crate::client::{CallError, Request, exporting_verdict, index_names, made_id, scheduled_snapshots};
use crate::model::{BackupId, Component, Part, Piece, Reason};
use crate::plan::{Action, Procedure, ReleaseOrder, Step};

/// A request that starts something; Zeebe answers its worst cases after 15 s.
const START_CALL: Duration = Duration::from_secs(30);

/// Why a step ended early.
#[derive(Debug)]
pub(super) enum Ended {
    Stopped(Stop),
    Failed(Cause),
}

impl From<Stop> for Ended {
    fn from(stop: Stop) -> Self {
        Ended::Stopped(stop)
    }
}

/// What earlier steps left for later ones.
#[derive(Debug, Default)]
pub(super) struct Progressed {
    pub started: BTreeMap<Part, Started>,
    pub done: BTreeMap<Part, Finished>,
    /// Servers' own time inside the pause window.
    pub server_time: Duration,
    /// How long exporters were waited for before the pause.
    pub waited: Duration,
    pub paused_since: Option<Instant>,
    /// The ID that the cluster made in this step.
    pub made_id: Option<BackupId>,
    /// A pause was sent whose answer never came: it may still arrive.
    pub pause_unanswered: bool,
}

/// An accepted, or possibly accepted, start.
#[derive(Debug, Clone)]
pub(super) struct Started {
    pub at: Instant,
    /// Why it may not have arrived.
    pub unsure: Option<String>,
    /// Snapshots that were announced.
    pub scheduled: Vec<String>,
    /// Indices that must be in the snapshot.
    pub existed: Vec<String>,
}

/// A complete part.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    pub took: Duration,
    pub pieces: Vec<Piece>,
    /// The server's own time: what it tells, or from the start to the last look at which it was not done.
    pub server: Duration,
}

/// Does one step. The release is not one of them: it has a path of its own.
pub(super) async fn act(
    world: &World,
    procedure: &Procedure,
    step: &Step,
    limits: &Limits<'_>,
    so_far: &mut Progressed,
) -> Result<(), Ended> {
    let end = Instant::now() + step.deadline;
    match &step.action {
        Action::PauseExporting { request } => {
            pause(world, &procedure.release, request, end, limits, so_far).await
        }
        Action::Start { part, request, first, otherwise, taken, unsure } => {
            // Noted before the request leaves: whatever happens now, there may be something.
            let at = Instant::now();
            let nothing_yet = Started { at, unsure: None, scheduled: Vec::new(), existed: Vec::new() };
            let existed = match first {
                Some(question) => indices(world, question, *part, end, limits).await?,
                None => Vec::new(),
            };
            so_far.started.insert(*part, nothing_yet);
            let order = Order { part: *part, request, otherwise: otherwise.as_deref(), taken, unsure };
            let (started, made) = start(world, &order, end, limits).await?;
            so_far.made_id = made;
            so_far.in_calls(started.at.duration_since(at));
            so_far.started.insert(*part, Started { existed, ..started });
            Ok(())
        }
        Action::Await { watches } => {
            let looks = watches.iter().map(|watch| {
                let started = so_far.started.get(&watch.part).cloned();
                watch::part(world, procedure.backup_id, watch, started, limits)
            });
            // The first that fails ends the step; the looks of the others only read, so they may be dropped.
            let mut looks: FuturesUnordered<_> = looks.collect();
            while let Some(looked) = looks.next().await {
                let (part, finished) = looked?;
                if so_far.paused_since.is_some() {
                    so_far.server_time += finished.server;
                }
                so_far.done.insert(part, finished);
            }
            Ok(())
        }
        Action::AwaitExporters { probes } => {
            let began = Instant::now();
            let waited = exporters::caught_up(world, probes, end, limits).await;
            so_far.waited += began.elapsed();
            waited
        }
        Action::ConfirmPaused => confirm_paused(world, &procedure.release, limits, so_far).await,
        Action::ResumeExporting { .. } => Ok(()),
    }
}

impl Progressed {
    fn in_calls(&mut self, took: Duration) {
        if self.paused_since.is_some() {
            self.server_time += took;
        }
    }
}

async fn pause(
    world: &World,
    order: &ReleaseOrder,
    request: &Request,
    end: Instant,
    limits: &Limits<'_>,
    so_far: &mut Progressed,
) -> Result<(), Ended> {
    so_far.paused_since = Some(Instant::now());
    for attempt in 1.. {
        let called = Instant::now();
        let Some(answer) = limits.hurried(world.http.call(request, EXPORTING_CALL)).await else {
            so_far.pause_unanswered = true;
            return Err(Stop::Cancelled.into());
        };
        so_far.in_calls(called.elapsed());
        let verdict = match answer {
            Ok(response) => exporting_verdict(&response),
            Err(error) => {
                // A proxy's timeout counts as well: behind it the request may go on.
                let unanswered =
                    matches!(error, CallError::NoAnswer { .. }) || error.status().is_some_and(|s| s >= 500);
                so_far.pause_unanswered |= unanswered;
                Err(error.to_string())
            }
        };
        let result = match verdict {
            Ok(()) => seen_paused(world, order, Duration::from_secs(10), limits, so_far).await?,
            Err(cause) => Err(cause),
        };
        let cause = match result {
            Ok(()) => return Ok(()),
            Err(cause) => cause,
        };
        // One failure is no verdict: a cluster that is settling refuses for a while.
        let wait = backoff(attempt);
        if Instant::now() + wait >= end {
            let detail = format!("{attempt} attempts; the last one: {cause}");
            return Err(Ended::Failed(Cause::release(Reason::PauseFailed, Some(request.component), detail)));
        }
        retrying(world, "pause exporting", cause, wait);
        limits.sleep(wait).await?;
    }
    unreachable!("attempts do not run out before the deadline")
}

/// Waits until every leader shows the pause; the inner error says who does not.
async fn seen_paused(
    world: &World,
    order: &ReleaseOrder,
    within: Duration,
    limits: &Limits<'_>,
    so_far: &mut Progressed,
) -> Result<Result<(), String>, Stop> {
    if order.probes.is_empty() {
        world.events.send(Happened::Paused { seen: super::Seen::default() });
        return Ok(Ok(()));
    }
    let give_up = Instant::now() + within;
    loop {
        let called = Instant::now();
        let observed = limits.until(observe(&world.http, &order.probes)).await?;
        so_far.in_calls(called.elapsed());
        match judge_phases(&observed, &order.partitions, true) {
            PhaseVerdict::Yes(seen) if order.sees_all(&seen.unseen) => {
                world.events.send(Happened::Paused { seen });
                return Ok(Ok(()));
            }
            verdict if Instant::now() >= give_up => return Ok(Err(verdict.cause())),
            PhaseVerdict::Yes(_) | PhaseVerdict::No(_) => limits.sleep(Duration::from_millis(100)).await?,
        }
    }
}

async fn confirm_paused(
    world: &World,
    order: &ReleaseOrder,
    limits: &Limits<'_>,
    so_far: &mut Progressed,
) -> Result<(), Ended> {
    let give_up = Instant::now() + Duration::from_secs(15);
    loop {
        if order.probes.is_empty() {
            return Ok(());
        }
        let called = Instant::now();
        let observed = limits.until(observe(&world.http, &order.probes)).await?;
        so_far.in_calls(called.elapsed());
        let unanswered = observed.values().any(Result::is_err);
        match judge_phases(&observed, &order.partitions, true) {
            PhaseVerdict::Yes(seen) if order.sees_all(&seen.unseen) => return Ok(()),
            // Exporting that runs is a fact; only a missing answer, or a leader to come, is worth another look.
            verdict
                if (unanswered || matches!(verdict, PhaseVerdict::Yes(_))) && Instant::now() < give_up =>
            {
                limits.sleep(Duration::from_millis(250)).await?;
            }
            verdict => {
                let detail = format!("at the end of the backup, {}", verdict.cause());
                return Err(Ended::Failed(Cause::release(Reason::PauseLost, None, detail)));
            }
        }
    }
}

async fn indices(
    world: &World,
    question: &Request,
    part: Part,
    end: Instant,
    limits: &Limits<'_>,
) -> Result<Vec<String>, Ended> {
    for attempt in 1.. {
        let asked = limits.until(world.http.call(question, LOOK_CALL)).await?;
        let cause = match asked.map_err(|e| e.to_string()).and_then(|r| index_names(&r)) {
            Ok(names) => return Ok(names),
            Err(cause) => cause,
        };
        let wait = backoff(attempt);
        if Instant::now() + wait >= end {
            return Err(Ended::Failed(Cause::part(
                Reason::StoppedAnswering,
                part,
                question.component,
                cause,
            )));
        }
        retrying(world, "list the records' indices", cause, wait);
        limits.sleep(wait).await?;
    }
    unreachable!("attempts do not run out before the deadline")
}

/// What is asked for, and how its refusals are read.
struct Order<'a> {
    part: Part,
    request: &'a Request,
    otherwise: Option<&'a Request>,
    taken: &'a [u16],
    unsure: &'a [u16],
}

/// Starts a part; with the ID that the cluster made, where it was left to make one.
async fn start(
    world: &World,
    order: &Order<'_>,
    end: Instant,
    limits: &Limits<'_>,
) -> Result<(Started, Option<BackupId>), Ended> {
    let Order { part, mut request, mut otherwise, taken, unsure } = *order;
    let host = request.component;
    for attempt in 1.. {
        let Some(answer) = limits.hurried(world.http.call(request, START_CALL)).await else {
            return Err(Stop::Cancelled.into());
        };
        let error = match answer {
            Ok(response) => {
                let scheduled = scheduled_snapshots(&response);
                let made = made_id(&response).filter(|_| otherwise.is_some());
                if otherwise.is_some() && made.is_none() {
                    let detail = "the answer to the start of a backup does not tell its ID".to_owned();
                    return Err(Ended::Failed(Cause::part(Reason::IdNotTold, part, host, detail)));
                }
                world.events.send(Happened::Accepted { part, snapshots: scheduled.len() });
                let started = Started { at: Instant::now(), unsure: None, scheduled, existed: Vec::new() };
                return Ok((started, made));
            }
            Err(error) => error,
        };
        // The cluster makes no IDs: nothing has happened, and ours is welcome.
        if let (Some(400), Some(with_id)) = (error.status(), otherwise) {
            (request, otherwise) = (with_id, None);
            continue;
        }
        let wait = backoff(attempt);
        let again = Instant::now() + wait < end;
        match &error {
            // Nothing happened: the only starts that are repeated.
            CallError::NotSent { .. } | CallError::Status { status: 429, .. } if again => {
                retrying(world, &format!("start {part}"), error.to_string(), wait);
                limits.sleep(wait).await?;
            }
            CallError::NotSent { .. } => {
                return Err(Ended::Failed(Cause::part(
                    Reason::StoppedAnswering,
                    part,
                    host,
                    error.to_string(),
                )));
            }
            CallError::Status { status, message, .. }
                if taken.contains(status) && says_taken(*status, message.as_deref()) =>
            {
                return Err(Ended::Failed(Cause::part(Reason::IdTaken, part, host, error.to_string())));
            }
            CallError::Status { status, message, .. } if !unsure.contains(status) => {
                // The sentence of Operate, Tasklist and the history endpoint (400; 409 by REST).
                let other = message.as_deref().is_some_and(|m| m.contains("Another backup is running"));
                let reason = if other { Reason::AnotherBackupRunning } else { Reason::StartRefused };
                return Err(Ended::Failed(Cause::part(reason, part, host, error.to_string())));
            }
            // It may have happened, under an ID that nobody has told.
            _ if otherwise.is_some() => {
                return Err(Ended::Failed(Cause::part(Reason::IdNotTold, part, host, error.to_string())));
            }
            // It may have happened. A second request could start a second thing: look instead.
            CallError::NoAnswer { .. } | CallError::Status { .. } | CallError::Unintelligible { .. } => {
                world.events.send(Happened::Unsure { part, cause: error.to_string() });
                let started = Started {
                    at: Instant::now(),
                    unsure: Some(error.to_string()),
                    scheduled: Vec::new(),
                    existed: Vec::new(),
                };
                return Ok((started, None));
            }
        }
    }
    unreachable!("attempts do not run out before the deadline")
}

/// 409 says it by itself. 400 is the answer of Operate, Tasklist and the engines to everything: their text decides
/// (recorded: `already exists`; `snapshot with the same name already exists`).
fn says_taken(status: u16, message: Option<&str>) -> bool {
    let other = message.is_some_and(|m| m.contains("Another backup is running"));
    !other && (status == 409 || message.is_some_and(|m| m.contains("already exists")))
}

fn retrying(world: &World, what: &str, cause: String, wait: Duration) {
    world.events.send(Happened::Retrying { what: what.to_owned(), cause, in_seconds: wait.as_secs_f64() });
}

/// Who a step asks, for causes that have no better place.
pub(super) fn host(step: &Step) -> Option<Component> {
    match &step.action {
        Action::PauseExporting { request }
        | Action::Start { request, .. }
        | Action::ResumeExporting { request } => Some(request.component),
        Action::AwaitExporters { .. } | Action::Await { .. } | Action::ConfirmPaused => None,
    }
}
