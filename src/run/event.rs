//! What happens during a run, as one vocabulary: the live view, the log lines and the tests read the same events.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::cancel::Level;
use super::release::Seen;
use super::report::Cause;
use crate::model::{BackupId, Part};

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Since the beginning of the run.
    #[serde(skip)]
    pub at: Duration,
    /// What.
    #[serde(flatten)]
    pub happened: Happened,
}

/// Everything that can happen.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Happened {
    /// The run begins.
    Began {
        /// The ID.
        backup_id: BackupId,
        /// Its parts.
        parts: Vec<Part>,
        /// Number of steps.
        steps: usize,
    },
    /// A step begins.
    StepStarted {
        /// Name.
        step: String,
        /// From 1.
        number: usize,
        /// Of how many.
        of: usize,
    },
    /// Exporters are behind, and waited for.
    AwaitingExporters {
        /// How many records are missing; `None` when nobody tells at the moment.
        #[serde(skip_serializing_if = "Option::is_none")]
        records: Option<u64>,
        /// On which partitions, or why that is not known.
        state: String,
    },
    /// The cluster made the ID: from now on the backup is called so.
    Numbered {
        /// The ID.
        backup_id: BackupId,
    },
    /// A part's owner accepted the start.
    Accepted {
        /// Which.
        part: Part,
        /// Snapshots that it announced.
        snapshots: usize,
    },
    /// A start may or may not have arrived; its part is looked for.
    Unsure {
        /// Which.
        part: Part,
        /// What came back.
        cause: String,
    },
    /// A part changed visibly.
    Observed {
        /// Which.
        part: Part,
        /// In its owner's words, or why nothing is known at the moment.
        state: String,
        /// Snapshots, partitions or shards done.
        done: u64,
        /// Of how many, when known.
        #[serde(skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// Bytes copied, when known.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        /// Bytes to copy, when known.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes_total: Option<u64>,
    },
    /// A part is complete.
    PartComplete {
        /// Which.
        part: Part,
        /// Since its start.
        seconds: f64,
        /// How many snapshots, partitions or indices.
        pieces: usize,
    },
    /// The pause is about to be sent: from now on a resume is due.
    Armed,
    /// Exporting is paused.
    Paused {
        /// Where it was seen.
        seen: Seen,
    },
    /// Something failed that is tried again.
    Retrying {
        /// What.
        what: String,
        /// Why.
        cause: String,
        /// Until the next attempt.
        in_seconds: f64,
    },
    /// A step failed; the run closes.
    StepFailed {
        /// Name.
        step: String,
        /// Why.
        cause: Cause,
    },
    /// A deadline passed; the run closes.
    DeadlinePassed {
        /// Name.
        step: String,
        /// Which one.
        which: String,
    },
    /// Somebody wants us to stop.
    CancelAsked {
        /// How much.
        level: Level,
    },
    /// Exporting runs again.
    Resumed {
        /// Where it was seen.
        seen: Seen,
        /// How long it was paused at most.
        paused_seconds: f64,
    },
    /// Exporting may still be paused, and we have given up.
    MaybePaused {
        /// Why.
        cause: String,
    },
    /// The deletion of a set begins.
    DeletionBegan {
        /// The ID.
        backup_id: BackupId,
        /// Its parts that are there.
        parts: Vec<Part>,
    },
    /// A part of a set is seen to be gone.
    PartGone {
        /// The ID.
        backup_id: BackupId,
        /// Which.
        part: Part,
        /// Since its deletion was sent.
        seconds: f64,
    },
    /// A part of a set is, or may be, still there.
    PartLeft {
        /// The ID.
        backup_id: BackupId,
        /// Which.
        part: Part,
        /// Why.
        cause: Cause,
    },
    /// Something to know that changes nothing.
    Warning {
        /// What.
        text: String,
    },
}

/// Where events go. Sending never fails, blocks or panics, whatever the reader does: the closing path relies on that.
#[derive(Debug, Clone)]
pub struct Events {
    began: Instant,
    sender: UnboundedSender<Event>,
}

impl Events {
    /// A channel of events; the clock of the run starts now.
    pub fn channel() -> (Self, UnboundedReceiver<Event>) {
        let (sender, receiver) = unbounded_channel();
        (Self { began: Instant::now(), sender }, receiver)
    }

    /// Tells.
    pub fn send(&self, happened: Happened) {
        // A reader that has gone away changes nothing for the run.
        let _ = self.sender.send(Event { at: self.began.elapsed(), happened });
    }
}
