//! What a run writes down in Kubernetes, for people and for `list`: Events and the backup's record.
//!
//! Written by a task of its own: whatever the API server does, the run never waits for it before its end, and then only
//! so long. What cannot be written is said once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::console::Console;
use super::reach::InKubernetes;
use super::setup::Setup;
use crate::cluster::{EventLog, Occasion, Record, RecordedPart, holder_identity};
use crate::model::{BackupId, Component, EndedRun, Facts, Reason};
use crate::run::{Armed, Exporting, Happened, Outcome, PartOutcome, Report};

/// How long the end of a run may wait for what is still to be written.
const AT_THE_END: Duration = Duration::from_secs(10);

enum Entry {
    Event(Occasion, String),
    Record(Box<Record>),
    Removed(BackupId),
}

/// Writes down, or does nothing where there is no Kubernetes.
#[derive(Default)]
pub(crate) struct Chronicle {
    sender: Mutex<Option<UnboundedSender<Entry>>>,
    task: Mutex<Option<JoinHandle<()>>>,
    release: String,
}

impl Chronicle {
    /// For one release. `identity`: who writes, as it stands in the Lease.
    pub fn of(setup: &Setup, identity: Option<String>, console: &Console) -> Self {
        let Some(found) = setup.kubernetes.clone() else { return Self::default() };
        let (sender, entries) = unbounded_channel();
        let release = found.release.name.clone();
        let identity = identity.unwrap_or_else(|| holder_identity(None));
        let task = tokio::spawn(write(found, identity, entries, console.clone()));
        Self { sender: Mutex::new(Some(sender)), task: Mutex::new(Some(task)), release }
    }

    fn send(&self, entry: Entry) {
        if let Some(sender) = &*self.sender.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = sender.send(entry);
        }
    }

    /// Tells something on the objects of the release.
    pub fn tell(&self, occasion: Occasion, note: impl Into<String>) {
        self.send(Entry::Event(occasion, note.into()));
    }

    /// Tells what of a run is worth an Event.
    pub fn hear(&self, id: BackupId, happened: &Happened) {
        match happened {
            Happened::Began { parts, .. } => {
                let parts: Vec<_> = parts.iter().map(|p| p.name()).collect();
                self.tell(Occasion::Started, format!("backup {id} begins: {}", parts.join(", ")));
            }
            Happened::Paused { .. } => {
                self.tell(Occasion::Paused, format!("exporting is paused for backup {id}"));
            }
            Happened::Resumed { paused_seconds, .. } => {
                let text = format!("exporting runs again after {paused_seconds:.1} s (backup {id})");
                self.tell(Occasion::Resumed, text);
            }
            _ => {}
        }
    }

    /// Writes the record of a backup that begins.
    pub fn begins(&self, id: BackupId, facts: &Facts) -> Record {
        let version = |(component, found): (&Component, &crate::model::ComponentFacts)| {
            Some((component.to_string(), found.version.as_ref()?.to_string()))
        };
        let partitions = facts.cluster.as_ref().and_then(|c| c.as_ref().ok()).map(|c| c.partitions.len());
        let record = Record {
            versions: facts.components.iter().filter_map(version).collect(),
            partitions: partitions.and_then(|n| u32::try_from(n).ok()),
            ..Record::begun(&self.release, id, super::now())
        };
        self.send(Entry::Record(Box::new(record.clone())));
        record
    }

    /// Completes it, and tells how the backup ended. `repair` is the command that resumes exporting.
    pub fn ended(&self, begun: Record, report: &Report, repair: &str) {
        let id = report.backup_id;
        if begun.backup_id != id {
            // The cluster made the ID: under the one that was planned there is nothing.
            self.deleted(begun.backup_id);
        }
        let record = completed(begun, report);
        let (outcome, reason) = (record.outcome.clone(), record.reason.clone());
        self.send(Entry::Record(Box::new(record)));
        match (&report.exporting, reason) {
            (Exporting::MaybePaused { cause, .. }, _) => self.still_paused(cause, repair),
            (_, None) => {
                let text = format!("backup {id} is complete: {} parts", report.parts.len());
                self.tell(Occasion::Complete, text);
            }
            (_, Some(reason)) => {
                let text = format!("backup {id} ended as {outcome}; exporting runs; {reason}");
                self.tell(Occasion::Failed, text);
            }
        }
    }

    /// What a dead run left is undone.
    pub fn repaired(&self, since: &str) {
        self.tell(
            Occasion::Repaired,
            format!("a run died while exporting was paused (since {since}); it runs again"),
        );
    }

    /// What nobody must overlook.
    pub fn still_paused(&self, cause: &str, repair: &str) {
        // A note is cut at its end: the command comes first.
        let text = format!("EXPORTING MAY STILL BE PAUSED. Resume it with: {repair} ({cause})");
        self.tell(Occasion::StillPaused, text);
    }

    /// A backup was deleted: its record goes, too.
    pub fn deleted(&self, id: BackupId) {
        self.send(Entry::Removed(id));
    }

    /// Waits until everything is written, for a while.
    pub async fn finish(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut task) = task else { return };
        tokio::select! {
            _ = &mut task => {}
            () = tokio::time::sleep(AT_THE_END) => task.abort(),
        }
    }
}

/// Notes in Kubernetes that a run died in its pause (the journal in files has done so when it was opened). Not by the task
/// that writes the rest: whoever judges backups next must find it.
pub(crate) async fn note_death(found: Option<&InKubernetes>, armed: &Armed, console: &Console) {
    let (Some(found), Some(id)) = (found, armed.backup_id) else { return };
    let records = found.records();
    for attempt in 1.. {
        let Some(problem) = records.died(id, &armed.since, super::now()).await else { return };
        if attempt == 3 {
            console.warn(&format!(
                "{problem}; its run died in its pause, so it must not count as complete, whatever its parts become: delete it"
            ));
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The word for how a run ended, and why.
fn in_words(outcome: &Outcome) -> (&'static str, Option<String>) {
    match outcome {
        Outcome::Complete => ("complete", None),
        Outcome::Failed { step, cause } => {
            ("failed", Some(format!("{}: {}: {}", step, cause.reason, cause.detail)))
        }
        Outcome::DeadlinePassed { step, which } => ("deadline", Some(format!("{which} passed in {step}"))),
        Outcome::Cancelled { step } => ("cancelled", Some(format!("in {step}"))),
    }
}

/// What a run leaves word of when its backup is not complete.
pub(crate) fn ended_run(report: &Report) -> Option<EndedRun> {
    let (outcome, reason) = in_words(&report.outcome);
    // Somebody else has used this very ID: its parts may not be ours.
    let taken = matches!(&report.outcome, Outcome::Failed { cause, .. } if cause.reason == Reason::IdTaken);
    (report.outcome != Outcome::Complete).then(|| EndedRun {
        outcome: outcome.to_owned(),
        reason,
        begun: if taken { BTreeSet::new() } else { report.leftovers().into_iter().collect() },
        paused: report.exporting != Exporting::Untouched,
    })
}

/// Says the first thing that cannot be written of each kind; the others are the same.
struct Once {
    console: Console,
    said: bool,
}

impl Once {
    fn say(&mut self, problem: Option<String>) {
        let Some(problem) = problem else { return };
        if self.said {
            tracing::debug!(problem);
        } else {
            self.console.warn(&format!("{problem}; the backup does not depend on it"));
        }
        self.said = true;
    }
}

/// A record with how its backup ended: under the ID that it has in the end, with what is in it and what is not.
fn completed(begun: Record, report: &Report) -> Record {
    let (outcome, reason) = in_words(&report.outcome);
    let paused = match &report.exporting {
        Exporting::Resumed { paused, .. } => Some((paused.as_secs_f64() * 1000.0).round() / 1000.0),
        Exporting::Untouched | Exporting::MaybePaused { .. } => None,
    };
    let parts = report.parts.iter().map(|p| {
        let (state, pieces) = match &p.outcome {
            PartOutcome::NotStarted => ("not-started", Vec::new()),
            PartOutcome::Unfinished => ("unfinished", Vec::new()),
            PartOutcome::Failed => ("failed", Vec::new()),
            PartOutcome::Complete { pieces, .. } => ("complete", pieces.clone()),
        };
        (p.part, RecordedPart { state: state.to_owned(), pieces })
    });
    Record {
        backup_id: report.backup_id,
        outcome: outcome.to_owned(),
        finished: Some(super::now()),
        reason,
        paused_seconds: paused,
        exporting_paused: report.exporting != Exporting::Untouched,
        parts: parts.collect(),
        skipped: report.skipped.iter().map(|s| (s.part, s.reason.clone())).collect(),
        elsewhere: report.elsewhere.map(str::to_owned),
        ..begun
    }
}

async fn write(
    found: InKubernetes,
    identity: String,
    mut entries: UnboundedReceiver<Entry>,
    console: Console,
) {
    let (namespace, release) = (&found.release.namespace, &found.release.name);
    let records = found.records();
    let mut log: Option<EventLog> = None;
    let once = || Once { console: console.clone(), said: false };
    let (mut about_events, mut about_cron_jobs, mut about_records) = (once(), once(), once());
    while let Some(entry) = entries.recv().await {
        match entry {
            Entry::Event(occasion, note) => {
                if log.is_none() {
                    let new = EventLog::new(&found.cluster, &identity, super::timestamp);
                    let gateway = found.release.components.get(&Component::Gateway);
                    let new = match gateway.and_then(|g| g.service.as_ref().map(|(name, _)| (g, name))) {
                        Some((gateway, name)) => new.on_service(&gateway.namespace, name).await,
                        None => new,
                    };
                    let (new, problem) = new.on_cron_jobs(namespace, release).await;
                    about_cron_jobs.say(problem);
                    log = Some(new);
                }
                if let Some(log) = &log {
                    about_events.say(log.tell(occasion, &note).await);
                }
            }
            Entry::Record(record) => about_records.say(records.write(&record).await),
            Entry::Removed(id) => about_records.say(records.remove(id).await),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::Part;
    use crate::plan::Skipped;
    use crate::run::PartReport;

    #[test]
    fn a_record_has_the_id_that_the_cluster_made_and_says_what_is_not_in_it() {
        let id = |n| BackupId::new(n).expect("in range");
        let begun = Chronicle::default().begins(id(17), &Facts::default());
        let complete = PartOutcome::Complete {
            took: Duration::ZERO,
            pieces: vec!["partition 1".to_owned()],
            server: None,
        };
        let report = Report {
            backup_id: id(1_795_392_000_123),
            outcome: Outcome::Complete,
            exporting: Exporting::Untouched,
            parts: vec![PartReport { part: Part::Zeebe, outcome: complete }],
            skipped: vec![Skipped { part: Part::Records, reason: "no index".to_owned() }],
            elsewhere: Some("the database"),
            took: Duration::ZERO,
            waited_for_exporters: Duration::ZERO,
            journal_problem: None,
        };
        let record = completed(begun, &report);
        assert_eq!((record.backup_id, record.outcome.as_str()), (id(1_795_392_000_123), "complete"));
        assert_eq!(record.skipped, BTreeMap::from([(Part::Records, "no index".to_owned())]));
        assert_eq!(record.elsewhere.as_deref(), Some("the database"));
    }
}
