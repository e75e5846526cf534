//! Sets, and how their state follows from their parts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::evidence::{Evidence, Gathered};
use super::retention::IN_THE_MAKING;
use super::times;
use crate::model::{BackupId, EndedRun, Facts, Part, PartState, Version};

/// One backup, joined over everything that knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Set {
    /// The ID that all its parts carry.
    pub id: BackupId,
    /// What it is worth.
    pub state: SetState,
    /// Its parts: those that are expected, and those that are there all the same.
    pub parts: BTreeMap<Part, PartEntry>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// No component tells when it began: `started` was read from the ID.
    #[serde(rename = "startedFromId", skip_serializing_if = "is_false")]
    pub started_from_id: bool,
    /// When its last partition was done; known only for a set that has come to an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// From the one to the other, when both were told by a component.
    #[serde(rename = "durationSeconds", serialize_with = "seconds", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// Versions of the components that made it, in order, each once. A set of the library would take half a kilobyte for one.
    pub versions: Vec<Version>,
    /// Bytes of its snapshots, where they were opened and the engine tells; the backup store tells none. What a restore
    /// brings back: the repository stores files that snapshots share only once.
    #[serde(rename = "sizeBytes", skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What belongs to a restore and is in no part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<&'static str>,
    /// The run that took it ended before it was complete, and left word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Box<EndedRun>>,
}

impl Set {
    /// A set of which nothing else is known.
    #[cfg(test)]
    pub(super) fn bare(id: BackupId, state: SetState) -> Self {
        Self {
            id,
            state,
            parts: BTreeMap::new(),
            started: None,
            started_from_id: false,
            ended: None,
            duration: None,
            versions: Vec::new(),
            bytes: None,
            elsewhere: None,
            run: None,
        }
    }

    /// Whether it began less than this ago, or in a future that clocks apart can explain. What lies further ahead is no
    /// age: it would be young for years.
    pub fn is_younger_than(&self, age: Duration, now: Timestamp) -> bool {
        self.started.is_some_and(|t| match Duration::try_from(now.duration_since(t)) {
            Ok(past) => past < age,
            Err(_) => !self.is_from_the_future(now),
        })
    }

    /// Whether it says that it began later than clocks apart can explain.
    pub fn is_from_the_future(&self, now: Timestamp) -> bool {
        let horizon = now.checked_add(CLOCKS_APART).unwrap_or(now);
        self.started.is_some_and(|t| t > horizon)
    }

    /// Whether somebody may be at it at this moment: a part is being taken, and has not been for so long that it hangs. A
    /// time in the future says nothing about how long.
    pub fn may_be_running(&self, hangs: Duration, now: Timestamp) -> bool {
        let old =
            self.started.is_some() && !self.is_younger_than(hangs, now) && !self.is_from_the_future(now);
        self.is_running() && !old
    }

    /// Whether all that is there of it was begun by a run of ours that has ended: it is nobody else's, and nobody is at it.
    pub fn is_left_by_our_run(&self) -> bool {
        let begun = |run: &EndedRun| {
            let mut found = self.parts.iter().filter(|(_, p)| matches!(p, PartEntry::Found { .. }));
            found.all(|(part, _)| run.begun.contains(part))
        };
        self.run.as_deref().is_some_and(begun)
    }

    /// Whether exporting went on before it was complete. Every part may be whole; together they may lack records.
    pub fn is_spoiled(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.paused)
    }

    /// Whether somebody may be at it: between two parts nothing is in progress.
    pub fn may_be_in_the_making(&self, now: Timestamp) -> bool {
        let open = matches!(self.state, SetState::Incomplete | SetState::Failed);
        self.is_running() || open && self.is_younger_than(IN_THE_MAKING, now)
    }

    /// Whether a part of it is being taken, whatever its other parts are.
    pub fn is_running(&self) -> bool {
        let running = |p: &PartEntry| matches!(p, PartEntry::Found { state: PartState::InProgress, .. });
        self.parts.values().any(running)
    }
}

/// A clock may be this much ahead of another one before a set counts as coming from the future.
pub(super) const CLOCKS_APART: Duration = Duration::from_secs(3600);

/// What a set is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SetState {
    /// Every expected part is there and whole.
    Complete,
    /// A part is missing or unfinished, and nobody works on it.
    Incomplete,
    /// A part is being taken.
    InProgress,
    /// A part failed, or exporting went on before it was complete: it will never be.
    Failed,
    /// A component could not be asked, or said something that no known server says.
    Unknown,
}

impl SetState {
    /// All of them, in the order of their names' worth.
    pub const ALL: [SetState; 5] =
        [SetState::Complete, SetState::Incomplete, SetState::InProgress, SetState::Failed, SetState::Unknown];

    /// The word used in output.
    pub fn name(self) -> &'static str {
        match self {
            SetState::Complete => "complete",
            SetState::Incomplete => "incomplete",
            SetState::InProgress => "in-progress",
            SetState::Failed => "failed",
            SetState::Unknown => "unknown",
        }
    }
}

/// What is known of one part of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartEntry {
    /// It is there.
    Found {
        /// In its owner's words, but never better than what is there: `COMPLETED` means whole.
        state: PartState,
        /// Snapshots or partitions that are done; indices of the records.
        done: u64,
        /// Of how many, when known.
        total: Option<u64>,
        /// What is wrong with it.
        problem: Option<String>,
    },
    /// Its owner was asked, and has no such backup.
    Missing,
    /// Its owner could not be asked: why.
    Unknown(String),
}

impl PartEntry {
    /// Whether it is there and whole.
    pub fn is_complete(&self) -> bool {
        matches!(self, PartEntry::Found { state: PartState::Completed, .. })
    }

    /// The word used in output: a server's in capitals, ours (`missing`, `unknown`) in small letters.
    pub fn word(&self) -> &str {
        match self {
            PartEntry::Found { state, .. } => state.name(),
            PartEntry::Missing => "missing",
            PartEntry::Unknown(_) => "unknown",
        }
    }

    /// What is wrong with it, when there is something to say.
    pub fn problem(&self) -> Option<&str> {
        match self {
            PartEntry::Found { problem, .. } => problem.as_deref(),
            PartEntry::Missing => None,
            PartEntry::Unknown(problem) => Some(problem),
        }
    }
}

/// Joins what the components list by backup ID; newest first.
///
/// `expected` are the parts that a backup of this release has. IDs only ever rise on a cluster (Zeebe refuses all others),
/// so the order of the IDs is the order in time.
pub fn sets(facts: &Facts, expected: &BTreeSet<Part>) -> Vec<Set> {
    let all = Gathered::of(facts);
    all.ids().into_iter().rev().filter_map(|id| set(id, &all.evidence(id), facts, expected)).collect()
}

pub(super) fn set(
    id: BackupId,
    evidence: &Evidence<'_>,
    facts: &Facts,
    expected: &BTreeSet<Part>,
) -> Option<Set> {
    let parts: BTreeMap<_, _> = Part::ALL
        .into_iter()
        .filter_map(|part| {
            let entry = evidence.entry(part, facts);
            // What nobody expects is shown when it is there, and not missed when it is not.
            let shown = expected.contains(&part) || evidence.names(part);
            shown.then_some((part, entry))
        })
        .collect();
    // A list may still tell of what was deleted.
    if !parts.keys().any(|part| evidence.names(*part)) {
        return None;
    }
    let run = facts.runs.get(&id).cloned().map(Box::new);
    let state = match state(&parts) {
        SetState::Complete if run.as_ref().is_some_and(|r| r.paused) => SetState::Failed,
        as_its_parts => as_its_parts,
    };
    let (begun, last) = times::span(evidence.pieces());
    let (opened, closed, bytes) = evidence.opened(facts);
    let (begun, last) = (begun.into_iter().chain(opened).min(), last.max(closed));
    let ended = last.filter(|_| matches!(state, SetState::Complete | SetState::Failed));
    let duration = begun.zip(ended).and_then(|(a, b)| Duration::try_from(b.duration_since(a)).ok());
    let started = begun.or_else(|| times::from_id(id));
    let started_from_id = begun.is_none() && started.is_some();
    let versions = evidence.versions().into_iter().collect();
    let elsewhere = facts.elsewhere;
    Some(Set { id, state, parts, started, started_from_id, ended, duration, versions, bytes, elsewhere, run })
}

/// Certainty first: a failure is final whatever else could not be asked; a running part is a fact as well; only then
/// does what is not known count, and last what is known to be missing.
pub(super) fn state(parts: &BTreeMap<Part, PartEntry>) -> SetState {
    let of = |entry: &PartEntry| match entry {
        PartEntry::Missing => SetState::Incomplete,
        PartEntry::Unknown(_) => SetState::Unknown,
        PartEntry::Found { state, .. } => match state {
            PartState::Completed => SetState::Complete,
            PartState::InProgress => SetState::InProgress,
            PartState::Failed | PartState::Partial | PartState::Incompatible => SetState::Failed,
            PartState::Incomplete | PartState::DoesNotExist | PartState::Deleted => SetState::Incomplete,
            PartState::Unknown(_) => SetState::Unknown,
        },
    };
    let states: BTreeSet<_> = parts.values().map(of).collect();
    let first = [SetState::Failed, SetState::InProgress, SetState::Unknown, SetState::Incomplete];
    first.into_iter().find(|s| states.contains(s)).unwrap_or(SetState::Complete)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(b: &bool) -> bool {
    !b
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn seconds<S: Serializer>(d: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    d.map(|d| (d.as_secs_f64() * 1000.0).round() / 1000.0).serialize(serializer)
}

impl Serialize for PartEntry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("PartEntry", 4)?;
        entry.serialize_field("state", self.word())?;
        if let PartEntry::Found { done, total, .. } = self {
            entry.serialize_field("done", done)?;
            if let Some(total) = total {
                entry.serialize_field("total", total)?;
            }
        }
        if let Some(problem) = self.problem() {
            entry.serialize_field("problem", problem)?;
        }
        entry.end()
    }
}

#[cfg(test)]
#[path = "entries_tests.rs"]
mod tests;
