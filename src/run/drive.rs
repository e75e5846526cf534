//! The forward loop, and the single closing path.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use super::act::{Ended, Progressed, act, host};
use super::cancel::Cancel;
use super::event::{Events, Happened};
use super::journal::{Armed, Journal};
use super::release::release;
use super::report::{Cause, Exporting, Outcome, PartOutcome, PartReport, Report};
use super::wait::{Limits as Waits, Stop};
use crate::client::Http;
use crate::model::{Component, Part, Reason};
use crate::plan::{Checked, Limits, Procedure, Step};

/// How long after a pause without an answer that pause may still arrive: the request may wait in a queue on its way.
const LATE_PAUSE: Duration = Duration::from_secs(30);

/// Everything that a run touches.
pub struct World {
    /// The release's components.
    pub http: Http,
    /// Lock and journal, held by this run.
    pub journal: Arc<dyn Journal>,
    /// Signals.
    pub cancel: Cancel,
    /// Where events go.
    pub events: Events,
    /// How long things may take.
    pub limits: Limits,
    /// The wall clock in RFC 3339, for the journal. The run itself only measures time.
    pub now: fn() -> String,
}

/// Walks a checked procedure.
///
/// Whatever happens — a step fails or panics, a deadline passes, a signal comes — there is one way out: what was armed is
/// released, then the report is made. The future must not be dropped before it is done; a process that ends all the
/// same leaves the journal armed, and the next run repairs.
pub async fn drive(world: &World, checked: &Checked) -> Report {
    // Its ID may change on the way, where the cluster makes it.
    let mut procedure = checked.procedure().clone();
    let began = Instant::now();
    let mut waits = Waits {
        cancel: &world.cancel,
        journal: &*world.journal,
        run: began + world.limits.total,
        run_flag: "--timeout",
        paused: None,
    };
    let mut so_far = Progressed::default();
    let mut end = None;
    let mut armed = false;
    let of = procedure.steps.len();
    world.events.send(Happened::Began {
        backup_id: procedure.backup_id,
        parts: procedure.parts(),
        steps: of,
    });

    for i in 0..of {
        let step = &procedure.steps[i].clone();
        if step.releases.is_some() {
            continue;
        }
        if let Err(stop) = waits.check() {
            end = Some(ended(step, Ended::Stopped(stop)));
            break;
        }
        world.events.send(Happened::StepStarted { step: step.name.clone(), number: i + 1, of });
        if step.arms.is_some() {
            if let Err(cause) = arm(world, &procedure).await {
                end = Some(ended(step, Ended::Failed(cause)));
                break;
            }
            armed = true;
            waits.paused = Some(Instant::now() + world.limits.paused);
            world.events.send(Happened::Armed);
        }
        let done = AssertUnwindSafe(act(world, &procedure, step, &waits, &mut so_far)).catch_unwind().await;
        if let Err(failed) = done.unwrap_or_else(|panic| Err(Ended::Failed(panicked(step, panic.as_ref())))) {
            end = Some(ended(step, failed));
            break;
        }
        if let Some(id) = so_far.made_id.take() {
            procedure.renumber(id);
            world.events.send(Happened::Numbered { backup_id: id });
        }
        if step.arms.is_some() && !so_far.pause_unanswered {
            // A successor need not wait for a pause that has arrived. When this cannot be written it waits all the same.
            if let Err(error) = world.journal.arm(&intent(world, &procedure, true)).await {
                tracing::warn!(%error, "the journal cannot be told that the pause was answered");
            }
        }
    }
    match &end {
        Some(Outcome::Failed { step, cause }) => {
            world.events.send(Happened::StepFailed { step: step.clone(), cause: cause.clone() });
        }
        Some(Outcome::DeadlinePassed { step, which }) => {
            world.events.send(Happened::DeadlinePassed { step: step.clone(), which: which.clone() });
        }
        Some(Outcome::Cancelled { .. } | Outcome::Complete) | None => {}
    }

    // The closing path: nothing slow and nothing that can fail stands before the release.
    let (exporting, journal_problem) =
        if armed { close(world, &procedure, &so_far).await } else { (Exporting::Untouched, None) };
    let parts = parts(&procedure, &so_far, end.as_ref());
    Report {
        backup_id: procedure.backup_id,
        outcome: end.unwrap_or(Outcome::Complete),
        exporting,
        parts,
        skipped: procedure.skipped.clone(),
        elsewhere: procedure.elsewhere,
        took: began.elapsed(),
        waited_for_exporters: so_far.waited,
        journal_problem,
    }
}

fn intent(world: &World, procedure: &Procedure, answered: bool) -> Armed {
    Armed { backup_id: Some(procedure.backup_id), since: (world.now)(), answered }
}

async fn arm(world: &World, procedure: &Procedure) -> Result<(), Cause> {
    match world.journal.arm(&intent(world, procedure, false)).await {
        Ok(()) => Ok(()),
        Err(error) => {
            // Half a write must not make a successor resume what we never paused.
            let _ = world.journal.disarm().await;
            let detail =
                format!("exporting was not paused, because this could not be written down first: {error}");
            Err(Cause::release(Reason::JournalFailed, None, detail))
        }
    }
}

async fn close(world: &World, procedure: &Procedure, so_far: &Progressed) -> (Exporting, Option<String>) {
    let budget = world.limits.release;
    let settle = if so_far.pause_unanswered { LATE_PAUSE } else { Duration::ZERO };
    let released =
        release(&world.http, &procedure.release, budget, settle, &world.cancel, &world.events).await;
    match released.result {
        Ok(seen) => {
            let paused = so_far.paused_since.map_or(Duration::ZERO, |since| since.elapsed());
            let journal_problem = world.journal.disarm().await.err().map(|e| e.to_string());
            world.events.send(Happened::Resumed { seen: seen.clone(), paused_seconds: paused.as_secs_f64() });
            let servers = (so_far.server_time + released.in_calls).min(paused);
            (Exporting::Resumed { paused, servers: Some(servers), seen }, journal_problem)
        }
        Err(cause) => {
            world.events.send(Happened::MaybePaused { cause: cause.clone() });
            (Exporting::MaybePaused { attempts: released.attempts, cause }, None)
        }
    }
}

fn ended(step: &Step, ended: Ended) -> Outcome {
    let step_name = step.name.clone();
    match ended {
        Ended::Failed(cause) => Outcome::Failed { step: step_name, cause },
        Ended::Stopped(Stop::Cancelled) => Outcome::Cancelled { step: step_name },
        Ended::Stopped(Stop::Deadline(which)) => {
            Outcome::DeadlinePassed { step: step_name, which: which.to_owned() }
        }
        Ended::Stopped(Stop::LockLost) => {
            let detail = "another run has taken over this release, or its Lease could not be renewed in time";
            Outcome::Failed { step: step_name, cause: Cause::release(Reason::LockLost, None, detail) }
        }
    }
}

fn panicked(step: &Step, panic: &(dyn std::any::Any + Send)) -> Cause {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_owned());
    let component: Option<Component> = host(step);
    Cause::release(Reason::Panicked, component, text)
}

fn parts(procedure: &Procedure, so_far: &Progressed, end: Option<&Outcome>) -> Vec<PartReport> {
    let failed = match end {
        Some(Outcome::Failed { cause, .. }) => cause.part,
        _ => None,
    };
    let outcome = |part: &Part| match (so_far.done.get(part), so_far.started.contains_key(part)) {
        (Some(done), _) => PartOutcome::Complete {
            took: done.took,
            pieces: done.pieces.iter().map(|p| p.name.to_string()).collect(),
            server: Some(done.server),
        },
        (None, true) if failed == Some(*part) => PartOutcome::Failed,
        (None, true) => PartOutcome::Unfinished,
        (None, false) => PartOutcome::NotStarted,
    };
    procedure.parts().iter().map(|part| PartReport { part: *part, outcome: outcome(part) }).collect()
}
