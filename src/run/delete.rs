//! Deleting sets: one after the other, part by part, until each is seen to be gone.
//!
//! What the search engine itself is asked to delete goes first, and what it does not take leaves the rest of its set alone:
//! the components have rights of their own, and would leave half of it.
//!
//! Nothing is armed here, and nothing has to be released: what is interrupted is repeated. A request is sent again until it
//! is accepted or its time is up, because every deletion can be repeated; whether the part is gone is judged by looking
//! alone, never by what the request was answered.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use serde::{Serialize, Serializer};
use tokio::time::Instant;

use super::drive::World;
use super::event::Happened;
use super::report::Cause;
use super::wait::{Limits as Waits, Stop, backoff, pace};
use crate::client::{CallError, partitions_gone, snapshots_list, stored_snapshots};
use crate::dialect::search::DELETE_RIGHT;
use crate::model::{BackupId, Component, Part, Reason};
use crate::plan::{Deletion, Gone, PartDeletion};

/// One deletion. The engine answers for one snapshot when it is gone, and waits for other work on the repository before.
const DELETE_CALL: Duration = Duration::from_secs(60);

/// One look.
const LOOK_CALL: Duration = Duration::from_secs(20);

/// How long a part that was accepted for deletion may stay.
const GONE_WITHIN: Duration = Duration::from_secs(10 * 60);

/// How long a deletion that is refused, or not answered, is tried again.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(90);

/// What came of one part.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum PartGone {
    /// Seen to be gone.
    Gone {
        /// Since its deletion was sent.
        #[serde(serialize_with = "seconds", rename = "seconds")]
        took: Duration,
    },
    /// It is, or may be, still there.
    Left {
        /// Why.
        cause: Cause,
        /// What is left by name, as far as it is known.
        names: Vec<String>,
    },
}

/// What came of one set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeletionReport {
    /// Which.
    pub backup_id: BackupId,
    /// Its parts, in the order of the plan.
    pub parts: Vec<PartReportGone>,
    /// Somebody asked us to stop, or the lock was lost, before anything of it was sent.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub untouched: bool,
}

/// What came of one part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartReportGone {
    /// Which.
    pub part: Part,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: PartGone,
}

impl DeletionReport {
    /// Whether nothing of it is left.
    pub fn is_gone(&self) -> bool {
        self.parts.iter().all(|p| matches!(p.outcome, PartGone::Gone { .. }))
    }

    /// Whether the search engine does not let us: trying again does not help.
    pub fn is_not_allowed(&self) -> bool {
        let not_allowed = |outcome: &PartGone| matches!(outcome, PartGone::Left { cause, .. } if cause.reason == Reason::DeletionNotAllowed);
        self.parts.iter().any(|p| not_allowed(&p.outcome))
    }
}

/// Walks deletions, one set after the other.
///
/// A signal, a lost lock or the deadline starts nothing more; a request that is under way runs to its end.
pub async fn delete(world: &World, deletions: &[Deletion]) -> Vec<DeletionReport> {
    let waits = Waits {
        cancel: &world.cancel,
        journal: &*world.journal,
        run: Instant::now() + world.limits.total,
        run_flag: "--delete-timeout",
        paused: None,
    };
    let mut reports = Vec::with_capacity(deletions.len());
    for deletion in deletions {
        let report = set(world, deletion, &waits).await;
        reports.push(report);
    }
    reports
}

async fn set(world: &World, deletion: &Deletion, waits: &Waits<'_>) -> DeletionReport {
    let id = deletion.backup_id;
    let untouched = waits.check().is_err();
    if !untouched && !deletion.is_empty() {
        let parts = deletion.parts.iter().map(|p| p.part).collect();
        world.events.send(Happened::DeletionBegan { backup_id: id, parts });
    }
    // All but Zeebe's at once, so that the engine works while the others are sent; then each is waited for.
    let zeebe = deletion.parts.iter().position(|p| p.part == Part::Zeebe).unwrap_or(deletion.parts.len());
    let (first, last) = deletion.parts.split_at(zeebe);
    let mut sent = Vec::new();
    let mut refused = None;
    for part in first {
        let at = Instant::now();
        let accepted = match refused {
            None => guarded(part, send(world, part, waits)).await,
            Some(engines) => Err(not_tried(part, &format!("{engines} goes first, and was not deleted"))),
        };
        // Who was stopped before it was asked says so by himself.
        if part.asks_engine() && accepted.as_ref().is_err_and(|cause| cause.reason != Reason::NotTried) {
            refused = refused.or(Some(part.part));
        }
        sent.push((part, at, accepted));
    }
    let mut parts = Vec::with_capacity(deletion.parts.len());
    for (part, at, accepted) in sent {
        let outcome = guarded(part, see(world, id, part, at, accepted, waits)).await.unwrap_or_else(left);
        parts.push(told(world, id, part.part, outcome, untouched));
    }
    let others_gone = parts.iter().all(|p| matches!(p.outcome, PartGone::Gone { .. }));
    for part in last {
        let at = Instant::now();
        let outcome = if others_gone {
            let accepted = guarded(part, send(world, part, waits)).await;
            guarded(part, see(world, id, part, at, accepted, waits)).await.unwrap_or_else(left)
        } else {
            left(not_tried(part, "it goes last, and another part is still there"))
        };
        parts.push(told(world, id, part.part, outcome, untouched));
    }
    DeletionReport { backup_id: id, parts, untouched }
}

fn told(world: &World, id: BackupId, part: Part, outcome: PartGone, quiet: bool) -> PartReportGone {
    match &outcome {
        _ if quiet => {}
        PartGone::Gone { took } => {
            world.events.send(Happened::PartGone { backup_id: id, part, seconds: took.as_secs_f64() });
        }
        PartGone::Left { cause, .. } => {
            world.events.send(Happened::PartLeft { backup_id: id, part, cause: cause.clone() });
        }
    }
    PartReportGone { part, outcome }
}

/// A panic is a bug, but not one that may hide what is left.
async fn guarded<T>(part: &PartDeletion, work: impl Future<Output = Result<T, Cause>>) -> Result<T, Cause> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.unwrap_or_else(|_| Err(Cause::part(Reason::Panicked, part.part, host(part), "internal error")))
}

fn host(part: &PartDeletion) -> Component {
    let look = match &part.gone {
        Gone::Snapshots { request, .. } | Gone::Listed { request } | Gone::Partitions { request } => request,
    };
    part.requests.first().unwrap_or(look).component
}

fn left(cause: Cause) -> PartGone {
    PartGone::Left { cause, names: Vec::new() }
}

fn not_tried(part: &PartDeletion, why: &str) -> Cause {
    Cause::part(Reason::NotTried, part.part, host(part), why)
}

fn stopped(part: &PartDeletion, stop: &Stop) -> Cause {
    not_tried(part, &why(stop))
}

fn why(stop: &Stop) -> String {
    match stop {
        Stop::Cancelled => "cancelled".to_owned(),
        Stop::Deadline(which) => format!("{which} passed"),
        Stop::LockLost => "another run has taken over this release".to_owned(),
    }
}

/// Sends every request of a part until it is accepted. `Err`: it was not, and why.
async fn send(world: &World, part: &PartDeletion, waits: &Waits<'_>) -> Result<(), Cause> {
    let end = Instant::now() + ACCEPTED_WITHIN;
    for request in &part.requests {
        let refused = |text: String| Cause::part(Reason::DeleteFailed, part.part, request.component, text);
        let not_allowed = |text: String| Cause { reason: Reason::DeletionNotAllowed, ..refused(text) };
        let mut last = None;
        // What was answered says more than that the time is up.
        let ended = |stop: &Stop, last: Option<&CallError>| match last {
            Some(error) => refused(format!("{error}; {}", why(stop))),
            None => stopped(part, stop),
        };
        for attempt in 1.. {
            waits.check().map_err(|stop| ended(&stop, last.as_ref()))?;
            let began = Instant::now();
            let error = match world.http.call(request, DELETE_CALL).await {
                Ok(_) => break,
                // An engine at work on a big repository takes longer than we wait for an answer: looking tells.
                Err(CallError::NoAnswer { .. }) if began.elapsed() >= DELETE_CALL => break,
                // Gone already: that is what was wanted. (A 404 of something else at this address proves nothing.)
                Err(error) if error.says_no_backup() || error.says_no_snapshot() => break,
                Err(error) => error,
            };
            if request.component == Component::Search && error.status() == Some(403) {
                return Err(not_allowed(format!(
                    "{error}; to delete snapshots, its user needs {DELETE_RIGHT}"
                )));
            }
            let wait = backoff(attempt);
            // Operate answers 400 to everything, to a search engine that is away as well: only these are final.
            if matches!(error.status(), Some(401 | 403 | 405)) || Instant::now() + wait >= end {
                return Err(refused(error.to_string()));
            }
            let what = format!("delete {}", part.part);
            world.events.send(Happened::Retrying {
                what,
                cause: error.to_string(),
                in_seconds: wait.as_secs_f64(),
            });
            last = Some(error);
            waits.sleep(wait).await.map_err(|stop| ended(&stop, last.as_ref()))?;
        }
    }
    Ok(())
}

/// Looks until a part is gone.
async fn see(
    world: &World,
    id: BackupId,
    part: &PartDeletion,
    at: Instant,
    accepted: Result<(), Cause>,
    waits: &Waits<'_>,
) -> Result<PartGone, Cause> {
    // What was refused is looked at all the same, once: it may be gone.
    let (patience, refused) = match accepted {
        Ok(()) => (GONE_WITHIN, None),
        Err(cause) => (Duration::ZERO, Some(cause)),
    };
    let mut last = (Reason::StillThere, String::new(), Vec::new());
    loop {
        if let Err(stop) = waits.check() {
            return Ok(PartGone::Left {
                cause: refused.unwrap_or_else(|| stopped(part, &stop)),
                names: last.2,
            });
        }
        match look(world, id, &part.gone).await {
            Ok(names) if names.is_empty() => return Ok(PartGone::Gone { took: at.elapsed() }),
            Ok(names) => last = (Reason::StillThere, format!("{} still there", names.join(", ")), names),
            Err(error) => last.1 = error,
        }
        if at.elapsed() >= patience {
            let cause = refused.unwrap_or_else(|| Cause::part(last.0, part.part, host(part), last.1));
            return Ok(PartGone::Left { cause, names: last.2 });
        }
        if let Err(stop) = waits.sleep(pace(at.elapsed(), false)).await {
            return Ok(PartGone::Left { cause: stopped(part, &stop), names: last.2 });
        }
    }
}

/// What is left of a part by name; empty: it is gone. `Err`: that is not known.
async fn look(world: &World, id: BackupId, gone: &Gone) -> Result<Vec<String>, String> {
    let id_left = |there: bool| if there { vec![id.to_string()] } else { Vec::new() };
    match gone {
        Gone::Snapshots { request, names } => {
            let answer = match world.http.call(request, LOOK_CALL).await {
                Ok(response) => response,
                // OpenSearch says so of names that are all gone.
                Err(error) if error.says_no_snapshot() => return Ok(Vec::new()),
                Err(error) => return Err(error.to_string()),
            };
            let found = stored_snapshots().whole(&answer)?;
            Ok(found.into_iter().map(|s| s.name.to_string()).filter(|name| names.contains(name)).collect())
        }
        Gone::Listed { request } => {
            let answer = match world.http.call(request, LOOK_CALL).await {
                Ok(response) => response,
                // A component without any backup may answer so.
                Err(error) if error.says_no_backup() => return Ok(Vec::new()),
                Err(error) => return Err(error.to_string()),
            };
            Ok(id_left(snapshots_list().whole(&answer)?.iter().any(|b| b.id == id)))
        }
        Gone::Partitions { request } => {
            let answer = world.http.call(request, LOOK_CALL).await;
            partitions_gone(answer.as_ref()).map(|gone| id_left(!gone))
        }
    }
}

fn seconds<S: Serializer>(d: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((d.as_secs_f64() * 1000.0).round() / 1000.0)
}
