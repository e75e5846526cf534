//! Watching one part until it is complete, has failed, or has used up our patience.

use std::time::Duration;

use tokio::time::Instant;

use super::act::{Ended, Finished, Started};
use super::drive::World;
use super::event::Happened;
use super::judge::{Look, Progress, judge};
use super::report::Cause;
use super::wait::{Limits, Stop, pace};
use crate::client::{CallError, Http, Request, snapshot_progress};
use crate::dialect::Shape;
use crate::model::{BackupId, Part, Reason};
use crate::plan::Watch;

/// One look. Longer than Zeebe's own 15 s, so that its reason is heard.
pub(super) const LOOK_CALL: Duration = Duration::from_secs(20);

/// How long a start of which we do not know whether it arrived is looked for.
const UNSURE_APPEARS: Duration = Duration::from_secs(30);

/// A snapshot that its engine has accepted, and of which it then says that it is not there, does not come: OpenSearch drops
/// one for which the disk has no room (recorded: `snapshot-vanished`). Exporting is paused, so the patience for other doubts
/// is not used up.
const GONE: Duration = Duration::from_secs(10);

/// Watches a part.
pub(super) async fn part(
    world: &World,
    id: BackupId,
    watch: &Watch,
    started: Option<Started>,
    limits: &Limits<'_>,
) -> Result<(Part, Finished), Ended> {
    let part = watch.part;
    let host = watch.request.component;
    let failed = |reason, detail: String| Ended::Failed(Cause::part(reason, part, host, detail));
    let Some(started) = started else {
        return Err(failed(Reason::NeverSeen, "it was never started".to_owned()));
    };
    let mut patience = Patience::new(watch, started.unsure.clone(), Instant::now());
    let mut still_working = started.at;
    loop {
        let asked = Instant::now();
        let answer = limits.until(world.http.call(&watch.request, LOOK_CALL)).await?;
        let (mut look, answer) = match answer {
            Ok(response) => {
                (judge(watch, id, &response, &started.scheduled, &started.existed), Answer::Given)
            }
            Err(error) if watch.shape == Shape::Snapshots && error.says_busy() => {
                (Look::Busy(error.to_string()), Answer::Given)
            }
            // An HTTP error ends nothing.
            Err(error) => (Look::Doubt(error.to_string(), None), Answer::of(watch.shape, &error)),
        };
        if let (Look::Running(progress), Some(question)) = (&mut look, &watch.progress) {
            bytes(&world.http, question, progress, limits).await?;
        }
        let now = Instant::now();
        if let Some(progress) = patience.news(&look, now) {
            observed(world, part, progress);
        }
        match &look {
            Look::Done(pieces, told) => {
                let took = now.duration_since(started.at);
                // What the server tells leaves out its own queue; that it was not done at the look before is certain.
                let at_least = still_working.duration_since(started.at);
                let server = told.unwrap_or_default().max(at_least).min(took);
                let count = pieces.len();
                let seconds = took.as_secs_f64();
                world.events.send(Happened::PartComplete { part, seconds, pieces: count });
                return Ok((part, Finished { took, pieces: pieces.clone(), server }));
            }
            Look::Failed(reason, detail) => {
                let url = world.http.describe(host, &watch.request.path);
                return Err(failed(*reason, format!("{detail} ({url})")));
            }
            Look::Running(_) | Look::Busy(_) | Look::Doubt(..) => {
                if let Some((reason, detail)) = patience.ends(&look, answer, now) {
                    return Err(failed(reason, detail));
                }
            }
        }
        still_working = asked;
        limits.sleep(pace(now.duration_since(started.at), limits.paused.is_some())).await?;
    }
}

/// What kind of answer a look got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    None,
    Given,
    /// The engine's word that its own snapshot is not there.
    NotThere,
}

impl Answer {
    fn of(shape: Shape, error: &CallError) -> Self {
        match error.status() {
            None => Self::None,
            Some(_) if shape == Shape::Records && error.says_no_snapshot() => Self::NotThere,
            Some(_) => Self::Given,
        }
    }
}

/// When to give a part up. Three clocks, each for one thing:
///
/// - not seen yet: from the first look, since other starts may come between ours and that;
/// - in doubt (errors, "not found", `INCOMPLETE`): from the last look that was not, or the last movement;
/// - in progress without movement: from the last movement. A single error in between is no reason to end.
///
/// An owner that is busy is taken to be in progress: the other two clocks begin anew with each such answer, also where the
/// start was never answered, since an unknown ID is called so. That its engine may be gone instead does not matter, not
/// even while exporting is paused: without the engine nothing could be exported anyway.
struct Patience {
    appears: Duration,
    grace: Duration,
    stall: Duration,
    unsure: Option<String>,
    began: Instant,
    moved: Instant,
    sure: Instant,
    last: Option<Progress>,
}

impl Patience {
    fn new(watch: &Watch, unsure: Option<String>, now: Instant) -> Self {
        let appears =
            if unsure.is_some() { UNSURE_APPEARS.min(watch.appears_within) } else { watch.appears_within };
        let (grace, stall) = (watch.grace, watch.stall);
        Self { appears, grace, stall, unsure, began: now, moved: now, sure: now, last: None }
    }

    /// Takes a look in. What is worth telling, if anything.
    fn news(&mut self, look: &Look, now: Instant) -> Option<&Progress> {
        match look {
            Look::Running(_) => self.sure = now,
            Look::Busy(_) => (self.began, self.sure) = (now, now),
            Look::Done(..) | Look::Failed(..) | Look::Doubt(..) => {}
        }
        let (Look::Running(progress) | Look::Doubt(_, Some(progress))) = look else { return None };
        if self.last.as_ref() == Some(progress) {
            return None;
        }
        // The state itself is no movement: a backup that was cut off can alternate between two states for ever.
        if self.last.as_ref().is_none_or(|last| !last.same_place(progress)) {
            (self.moved, self.sure) = (now, now);
        }
        self.last = Some(progress.clone());
        self.last.as_ref()
    }

    /// Why the part is given up now, if it is.
    fn ends(&self, look: &Look, answer: Answer, now: Instant) -> Option<(Reason, String)> {
        let still = now.duration_since(self.moved);
        let text = match look {
            Look::Running(_) if still >= self.stall => {
                let text = format!("in progress, but nothing moved for {} s", still.as_secs());
                return Some((Reason::NoProgress, text));
            }
            Look::Busy(text) if still >= self.stall => {
                let text = format!("for {} s it could not tell how far it is: {text}", still.as_secs());
                return Some((Reason::NoProgress, text));
            }
            Look::Doubt(text, _) => text,
            Look::Running(_) | Look::Busy(_) | Look::Done(..) | Look::Failed(..) => return None,
        };
        let seen = self.last.is_some();
        let since = if seen { self.sure } else { self.began };
        let doubted = now.duration_since(since);
        let gone = answer == Answer::NotThere && (seen || self.unsure.is_none());
        let patience = if seen { self.grace } else { self.appears };
        let patience = if gone { patience.min(GONE) } else { patience };
        if doubted < patience {
            return None;
        }
        let waited = doubted.as_secs();
        Some(match (seen, &self.unsure) {
            (true, _) if gone => (
                Reason::SnapshotsMissing,
                format!(
                    "it was in progress, and for {waited} s the engine has not known it any more: {text}"
                ),
            ),
            (false, Some(cause)) => (
                Reason::NeverSeen,
                format!("the start may not have arrived ({cause}), and after {waited} s: {text}"),
            ),
            (false, None) => (Reason::NeverSeen, format!("accepted, but {waited} s later still: {text}")),
            (true, _) if answer == Answer::None => {
                (Reason::StoppedAnswering, format!("no good answer for {waited} s; the last: {text}"))
            }
            (true, _) => {
                (Reason::NoProgress, format!("nothing moved for {waited} s; the last answer: {text}"))
            }
        })
    }
}

/// Adds bytes to the progress; whatever goes wrong here changes nothing.
async fn bytes(
    http: &Http,
    question: &Request,
    progress: &mut Progress,
    limits: &Limits<'_>,
) -> Result<(), Stop> {
    let answer = limits.until(http.call(question, LOOK_CALL)).await?;
    if let Some(found) = answer.ok().as_ref().and_then(snapshot_progress) {
        progress.bytes = Some(found.bytes_done);
        progress.bytes_total = found.bytes_total;
        progress.done = progress.done.max(u64::from(found.shards_done));
        progress.total = Some(u64::from(found.shards_total)).filter(|n| *n > 0).or(progress.total);
    }
    Ok(())
}

fn observed(world: &World, part: Part, progress: &Progress) {
    world.events.send(Happened::Observed {
        part,
        state: progress.state.clone(),
        done: progress.done,
        total: progress.total,
        bytes: progress.bytes,
        bytes_total: progress.bytes_total,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Component;
    use crate::plan::Expect;

    const SECOND: Duration = Duration::from_secs(1);

    fn patience(began: Instant) -> Patience {
        let watch = Watch {
            part: Part::Zeebe,
            request: Request::get(Component::Gateway, "/actuator/backups/1"),
            progress: None,
            shape: Shape::Partitions,
            expect: Expect::AllSnapshots,
            appears_within: 10 * SECOND,
            grace: 20 * SECOND,
            stall: 100 * SECOND,
        };
        Patience::new(&watch, None, began)
    }

    fn running(done: u64) -> Look {
        Look::Running(Progress { state: "IN_PROGRESS".to_owned(), done, ..Progress::default() })
    }

    fn blip() -> Look {
        Look::Doubt("HTTP 503".to_owned(), None)
    }

    fn step(patience: &mut Patience, look: &Look, now: Instant) -> Option<Reason> {
        patience.news(look, now);
        patience.ends(look, Answer::Given, now).map(|(reason, _)| reason)
    }

    #[tokio::test(start_paused = true)]
    async fn one_error_after_a_long_quiet_stretch_ends_nothing() {
        let began = Instant::now();
        let mut patience = patience(began);
        assert_eq!(step(&mut patience, &running(0), began), None);
        // Uploading for longer than the grace, with nothing to be seen but the state.
        for second in (5..90).step_by(5) {
            assert_eq!(step(&mut patience, &running(0), began + second * SECOND), None);
        }
        assert_eq!(step(&mut patience, &blip(), began + 91 * SECOND), None);
        assert_eq!(step(&mut patience, &running(0), began + 95 * SECOND), None);
        assert_eq!(step(&mut patience, &running(0), began + 100 * SECOND), Some(Reason::NoProgress));
    }

    #[tokio::test(start_paused = true)]
    async fn errors_that_last_end_it() {
        let began = Instant::now();
        let mut patience = patience(began);
        assert_eq!(step(&mut patience, &running(1), began + 50 * SECOND), None);
        assert_eq!(step(&mut patience, &blip(), began + 69 * SECOND), None);
        assert_eq!(step(&mut patience, &blip(), began + 70 * SECOND), Some(Reason::NoProgress));
    }

    #[tokio::test(start_paused = true)]
    async fn two_doubtful_states_that_alternate_are_no_movement() {
        let began = Instant::now();
        let mut patience = patience(began);
        let incomplete = Look::Doubt(
            "INCOMPLETE".to_owned(),
            Some(Progress { state: "INCOMPLETE".to_owned(), done: 1, ..Progress::default() }),
        );
        assert_eq!(step(&mut patience, &incomplete, began), None);
        assert_eq!(step(&mut patience, &blip(), began + 10 * SECOND), None);
        assert_eq!(step(&mut patience, &incomplete, began + 15 * SECOND), None);
        assert_eq!(step(&mut patience, &incomplete, began + 20 * SECOND), Some(Reason::NoProgress));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_appears_is_given_up() {
        let began = Instant::now();
        let mut patience = patience(began);
        assert_eq!(step(&mut patience, &blip(), began + 9 * SECOND), None);
        assert_eq!(step(&mut patience, &blip(), began + 10 * SECOND), Some(Reason::NeverSeen));
    }

    #[tokio::test(start_paused = true)]
    async fn an_owner_that_is_busy_is_in_progress() {
        let began = Instant::now();
        let busy = Look::Busy("HTTP 400".to_owned());
        for unsure in [None, Some("no answer".to_owned())] {
            let mut patience = Patience { unsure, ..patience(began) };
            for second in (5..90).step_by(5) {
                assert_eq!(step(&mut patience, &busy, began + second * SECOND), None);
            }
            // What it never knew of is doubted from the last such answer on: then its engine was gone.
            assert_eq!(step(&mut patience, &blip(), began + 94 * SECOND), None);
            assert_eq!(step(&mut patience, &blip(), began + 95 * SECOND), Some(Reason::NeverSeen));
            assert_eq!(step(&mut patience, &busy, began + 100 * SECOND), Some(Reason::NoProgress));
        }
        // A snapshot that has ended is movement.
        let mut patience = patience(began);
        let done = |done| {
            let progress = Progress { state: "INCOMPLETE".to_owned(), done, ..Progress::default() };
            Look::Doubt("INCOMPLETE".to_owned(), Some(progress))
        };
        assert_eq!(step(&mut patience, &done(1), began + 90 * SECOND), None);
        assert_eq!(step(&mut patience, &busy, began + 91 * SECOND), None);
        assert_eq!(step(&mut patience, &busy, began + 189 * SECOND), None);
        assert_eq!(step(&mut patience, &busy, began + 190 * SECOND), Some(Reason::NoProgress));
    }

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_that_is_gone_is_not_waited_for_like_one_that_cannot_be_seen() {
        let began = Instant::now();
        let mut known = Patience { appears: 60 * SECOND, grace: 60 * SECOND, ..patience(began) };
        let mut unsure = Patience { unsure: Some("no answer".to_owned()), ..patience(began) };
        unsure.appears = 30 * SECOND;
        let gone = |patience: &mut Patience, at: Instant| {
            let look = Look::Doubt("HTTP 404: snapshot_missing_exception".to_owned(), None);
            patience.news(&look, at);
            patience.ends(&look, Answer::NotThere, at).map(|(reason, _)| reason)
        };
        assert_eq!(gone(&mut known, began + 9 * SECOND), None);
        assert_eq!(gone(&mut known, began + 10 * SECOND), Some(Reason::NeverSeen));
        assert_eq!(gone(&mut unsure, began + 29 * SECOND), None, "its start may be on its way");
        assert_eq!(step(&mut known, &running(1), began + 19 * SECOND), None, "it was there all the time");
        assert_eq!(gone(&mut known, began + 28 * SECOND), None);
        assert_eq!(step(&mut known, &blip(), began + 40 * SECOND), None);
        assert_eq!(gone(&mut known, began + 41 * SECOND), Some(Reason::SnapshotsMissing));
    }
}
