//! Releasing the obligation: exporting is resumed, and seen to run.
//!
//! # Contract
//! - **Due** from the moment the journal says so, whether the pause worked, failed, half worked or lost its answer.
//! - **Released** when the resume succeeded by its *body*, and every partition is seen to export on every broker that was
//!   given. Without brokers the gateway's word counts, and the result says that nothing was seen.
//! - **Repeated** with backoff until the budget ends: resuming is idempotent, and it fails while a broker is away.
//! - **Settled**: where a pause may still be under way (its answer never came, or its sender died), exporting is watched for
//!   a while after it runs, and resumed again if that pause arrives late.
//! - **Needs no plan**: `resume` and repairs use the same function, from a gateway URL alone.
//! - Never raced, never cancelled: signals only shorten the pauses between attempts.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::Instant;

use super::cancel::{Cancel, Level};
use super::event::{Events, Happened};
use super::wait::backoff;
use crate::client::{CallError, Http, Request, exporting_verdict, phases};
use crate::model::{Answer, Component, ExporterPhase, PartitionPhase, Problem, ProblemKind, WHOLE_CLUSTER};
use crate::plan::ReleaseOrder;

/// Pausing and resuming answer in milliseconds, also when they fail (recorded); a broker's partitions as well.
pub(super) const EXPORTING_CALL: Duration = Duration::from_secs(20);

/// How long after a good answer the brokers may take to show it before the request is repeated.
const SHOWS_WITHIN: Duration = Duration::from_secs(10);

/// Where a state of exporting was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Partitions on which it was seen.
    pub partitions: BTreeSet<u32>,
    /// Brokers that were asked. Zero: nobody could be asked, and the gateway's word is all there is.
    pub brokers: usize,
    /// Partitions that no given broker leads, although the cluster has them.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unseen: BTreeSet<u32>,
}

/// Outcome of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Attempts made.
    pub attempts: u32,
    /// Where it was seen to run, or why it was not.
    pub result: Result<Seen, String>,
    /// Time that the servers took for answers.
    pub in_calls: Duration,
}

/// Whether exporting is in the wanted state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhaseVerdict {
    /// Yes.
    Yes(Seen),
    /// No, or not known: the sentence says where.
    No(String),
}

impl PhaseVerdict {
    /// Why it does not count as a yes: also that of one for which a leader was not seen.
    pub(super) fn cause(self) -> String {
        match self {
            Self::No(cause) => cause,
            Self::Yes(seen) => {
                let unseen: Vec<_> = seen.unseen.iter().map(ToString::to_string).collect();
                format!("no leader is seen for partition {}", unseen.join(", "))
            }
        }
    }
}

/// Asks every broker.
pub async fn observe(http: &Http, probes: &[Request]) -> BTreeMap<Component, Answer<Vec<PartitionPhase>>> {
    let answers = join_all(probes.iter().map(|probe| async {
        let response = http.call(probe, EXPORTING_CALL).await.map_err(CallError::into_problem)?;
        phases(&response).map_err(|text| Problem {
            kind: ProblemKind::Unintelligible,
            url: http.describe(probe.component, &probe.path),
            text,
        })
    }))
    .await;
    probes.iter().map(|p| p.component).zip(answers).collect()
}

/// Judges what the brokers say. Leaders decide; a replica that is still paused would be, after the next change of leader,
/// so for a running state it counts as well.
///
/// `expected` are the partitions of the cluster; empty when unknown.
pub fn judge_phases(
    observed: &BTreeMap<Component, Answer<Vec<PartitionPhase>>>,
    expected: &BTreeSet<u32>,
    want_paused: bool,
) -> PhaseVerdict {
    let mut seen = Seen { brokers: observed.len(), ..Seen::default() };
    for (broker, answer) in observed {
        let phases = match answer {
            Ok(phases) => phases,
            Err(problem) => return PhaseVerdict::No(format!("{broker} cannot be asked: {problem}")),
        };
        for p in phases {
            let paused = p.phase.as_ref().is_some_and(ExporterPhase::is_paused);
            let told = p.phase.as_ref().map_or("nothing", ExporterPhase::name);
            let good = match (p.leader, want_paused) {
                (true, true) => paused,
                (true, false) => p.phase == Some(ExporterPhase::Exporting),
                (false, true) => true,
                (false, false) => !paused,
            };
            if !good {
                return PhaseVerdict::No(format!("partition {} on {broker} says {told}", p.partition));
            }
            if p.leader && p.partition == WHOLE_CLUSTER && !expected.is_empty() {
                seen.partitions.extend(expected);
            } else if p.leader {
                seen.partitions.insert(p.partition);
            }
        }
    }
    seen.unseen = expected.difference(&seen.partitions).copied().collect();
    if !observed.is_empty() && seen.partitions.is_empty() {
        return PhaseVerdict::No("no broker leads a partition at the moment".to_owned());
    }
    PhaseVerdict::Yes(seen)
}

/// Resumes exporting and sees that it runs. See the contract above.
///
/// `settle`: how long a pause may still arrive; zero when every pause was answered. The budget is never less than what it
/// takes to see that pause, and to resume again.
pub async fn release(
    http: &Http,
    order: &ReleaseOrder,
    budget: Duration,
    settle: Duration,
    cancel: &Cancel,
    events: &Events,
) -> Release {
    let end = Instant::now() + budget.max(settle * 2);
    let settled_at = Instant::now() + settle;
    let mut in_calls = Duration::ZERO;
    let mut attempts = 0;
    loop {
        attempts += 1;
        // A panic is a bug, but not one for which a cluster should stay paused: it counts as a failed attempt.
        let result = AssertUnwindSafe(attempt(http, order, end, &mut in_calls)).catch_unwind().await;
        let result = result.unwrap_or_else(|_| Err("internal error".to_owned()));
        let cause = match result {
            Ok(seen) => match settled(http, order, settled_at, events).await {
                Ok(()) => return Release { attempts, result: Ok(seen), in_calls },
                Err(cause) => cause,
            },
            Err(cause) => cause,
        };
        let pause = if cancel.level() >= Level::Insisted { backoff(1) } else { backoff(attempts) };
        if Instant::now() + pause >= end {
            return Release { attempts, result: Err(cause), in_calls };
        }
        let what = "resume exporting".to_owned();
        events.send(Happened::Retrying { what, cause, in_seconds: pause.as_secs_f64() });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // Hurry: try again at once, then with the shortest pause.
            () = cancel.reached(Level::Insisted), if cancel.level() < Level::Insisted => {}
        }
    }
}

/// Watches until the moment from which on no pause can arrive any more. `Err`: one did. A second signal does not shorten
/// this: what arrives after we have gone would stay. A third one leaves, with the journal armed.
async fn settled(http: &Http, order: &ReleaseOrder, at: Instant, events: &Events) -> Result<(), String> {
    let watched = Instant::now() < at;
    if watched {
        let seconds = (at - Instant::now()).as_secs();
        let text =
            format!("exporting runs; a pause may still be on its way, so it is watched for {seconds} s");
        events.send(Happened::Warning { text });
    }
    while Instant::now() < at {
        tokio::time::sleep(Duration::from_secs(1).min(at - Instant::now())).await;
        for (broker, answer) in observe(http, &order.probes).await {
            let paused =
                answer.iter().flatten().find(|p| p.phase.as_ref().is_some_and(ExporterPhase::is_paused));
            if let Some(p) = paused {
                return Err(format!(
                    "a pause arrived late: partition {} on {broker} is paused again",
                    p.partition
                ));
            }
        }
    }
    if watched && order.probes.is_empty() {
        // Nobody to ask: once more, blindly. It costs nothing where nothing is paused.
        let answer = http.call(&order.request, EXPORTING_CALL).await.map_err(|e| e.to_string())?;
        return exporting_verdict(&answer);
    }
    Ok(())
}

async fn attempt(
    http: &Http,
    order: &ReleaseOrder,
    end: Instant,
    in_calls: &mut Duration,
) -> Result<Seen, String> {
    let cause = match resume(http, &order.request, in_calls).await {
        Ok(()) => return shown(http, order, end, in_calls).await,
        Err(cause) => cause,
    };
    if order.probes.is_empty() {
        return Err(cause);
    }
    // A gateway that is away is no reason to leave exporting paused: the brokers answer the same request (recorded on
    // 8.6.0). What counts afterwards is what is seen.
    for probe in &order.probes {
        let same = Request { component: probe.component, ..order.request.clone() };
        if let Err(error) = resume(http, &same, in_calls).await {
            tracing::debug!(%error, "nor does this broker resume");
        }
    }
    match judge_phases(&observe(http, &order.probes).await, &order.partitions, false) {
        // Nobody has said that it runs, so every partition has to be seen.
        PhaseVerdict::Yes(seen) if order.all_brokers && seen.unseen.is_empty() => Ok(seen),
        PhaseVerdict::Yes(_) | PhaseVerdict::No(_) => Err(cause),
    }
}

/// Sends one resume, and judges its answer.
async fn resume(http: &Http, request: &Request, in_calls: &mut Duration) -> Result<(), String> {
    let called = Instant::now();
    let answer = http.call(request, EXPORTING_CALL).await;
    *in_calls += called.elapsed();
    let verdict = exporting_verdict(&answer.map_err(|e| e.to_string())?);
    verdict.map_err(|cause| format!("{}: {cause}", http.describe(request.component, &request.path)))
}

/// Waits until the brokers show what the gateway said.
async fn shown(
    http: &Http,
    order: &ReleaseOrder,
    end: Instant,
    in_calls: &mut Duration,
) -> Result<Seen, String> {
    if order.probes.is_empty() {
        return Ok(Seen { unseen: order.partitions.clone(), ..Seen::default() });
    }
    let give_up = end.min(Instant::now() + SHOWS_WITHIN);
    loop {
        let called = Instant::now();
        let verdict = judge_phases(&observe(http, &order.probes).await, &order.partitions, false);
        *in_calls += called.elapsed();
        let cause = match verdict {
            PhaseVerdict::Yes(seen) if order.sees_all(&seen.unseen) => return Ok(seen),
            verdict => verdict.cause(),
        };
        if Instant::now() >= give_up {
            return Err(format!("the gateway says that exporting is resumed, but {cause}"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
