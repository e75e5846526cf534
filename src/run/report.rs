//! How a run ended.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::release::Seen;
use crate::model::{BackupId, Component, Part, Reason};
use crate::plan::Skipped;

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// What kind.
    pub reason: Reason,
    /// Which part, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Who was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<Component>,
    /// What exactly, with URL and the server's own words.
    pub detail: String,
}

impl Cause {
    /// A cause that concerns one part.
    pub fn part(reason: Reason, part: Part, component: Component, detail: impl Into<String>) -> Self {
        Self { reason, part: Some(part), component: Some(component), detail: detail.into() }
    }

    /// A cause that concerns the whole release.
    pub fn release(reason: Reason, component: Option<Component>, detail: impl Into<String>) -> Self {
        Self { reason, part: None, component, detail: detail.into() }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Every part was read back as complete.
    Complete,
    /// A step failed.
    Failed {
        /// Which.
        step: String,
        /// Why.
        cause: Cause,
    },
    /// A deadline passed.
    DeadlinePassed {
        /// During which step.
        step: String,
        /// Which deadline.
        which: String,
    },
    /// Somebody asked us to stop.
    Cancelled {
        /// During which step.
        step: String,
    },
}

/// What the run leaves of exporting.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Exporting {
    /// It was never paused.
    Untouched,
    /// It was paused, and runs again.
    Resumed {
        /// From before the pause was sent until it was seen to run again.
        #[serde(serialize_with = "seconds", rename = "paused_seconds")]
        paused: Duration,
        /// How much of that the servers took for themselves: the calls, the records snapshot and the partitions; for
        /// each what the server tells, or the time up to the last look at which it was not done.
        #[serde(serialize_with = "optional_seconds", rename = "server_seconds")]
        servers: Option<Duration>,
        /// Where it was seen.
        seen: Seen,
    },
    /// It may still be paused.
    MaybePaused {
        /// Attempts to resume.
        attempts: u32,
        /// Why the last one failed.
        cause: String,
    },
}

/// How far one part came.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PartReport {
    /// Which.
    pub part: Part,
    /// How far.
    #[serde(flatten)]
    pub outcome: PartOutcome,
}

/// How far one part came.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum PartOutcome {
    /// Not begun.
    NotStarted,
    /// Begun, and left unfinished or unjudged: a leftover that can be deleted.
    Unfinished,
    /// Failed.
    Failed,
    /// Read back as complete.
    Complete {
        /// From its start until it was seen complete.
        #[serde(serialize_with = "seconds", rename = "seconds")]
        took: Duration,
        /// Snapshots, partitions or indices, by name.
        pieces: Vec<String>,
        /// The server's own time for it, when it tells.
        #[serde(serialize_with = "optional_seconds", rename = "server_seconds")]
        server: Option<Duration>,
    },
}

/// The whole story of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The ID.
    pub backup_id: BackupId,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What it leaves of exporting.
    pub exporting: Exporting,
    /// Its parts, in the order of the plan.
    pub parts: Vec<PartReport>,
    /// Parts that were left out.
    pub skipped: Vec<Skipped>,
    /// What belongs to a restore and is in no part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<&'static str>,
    /// Start to end.
    #[serde(serialize_with = "seconds", rename = "seconds")]
    pub took: Duration,
    /// How long exporters were waited for before exporting was paused.
    #[serde(serialize_with = "seconds", rename = "waited_for_exporters_seconds")]
    pub waited_for_exporters: Duration,
    /// The journal could not be cleared although exporting runs; the next run will resume once more, harmlessly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journal_problem: Option<String>,
}

impl Report {
    /// Parts that were begun but are not complete: they take space until the backup is deleted.
    pub fn leftovers(&self) -> Vec<Part> {
        if self.outcome == Outcome::Complete {
            return Vec::new();
        }
        let begun = |p: &&PartReport| p.outcome != PartOutcome::NotStarted;
        self.parts.iter().filter(begun).map(|p| p.part).collect()
    }
}

fn seconds<S: Serializer>(d: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((d.as_secs_f64() * 1000.0).round() / 1000.0)
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn optional_seconds<S: Serializer>(d: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match d {
        Some(d) => seconds(d, serializer),
        None => serializer.serialize_none(),
    }
}
