//! The value that a run walks, and what must be true of it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::backup::ReleaseOrder;
use crate::client::Request;
use crate::dialect::Shape;
use crate::model::{BackupId, Component, Engine, Part, Topology, Version};

/// What must be released whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obligation {
    /// Exporting was, or may have been, paused: resume it.
    ResumeExporting,
}

/// A whole backup, step by step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Procedure {
    /// The ID of every part.
    pub backup_id: BackupId,
    /// The row of the version table that was used.
    pub dialect: &'static str,
    /// Camunda version, found or given.
    pub version: Version,
    /// It was given, and not found out.
    pub version_given: bool,
    /// How the processes are cut.
    pub topology: Topology,
    /// The search engine, when it is part of this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<Engine>,
    /// Where the records snapshot goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Brokers on which pausing and resuming are seen.
    pub seen_on: Vec<Component>,
    /// Partitions that must be seen and backed up; empty when unknown.
    pub partitions: BTreeSet<u32>,
    /// How exporting is resumed and where it is seen; the last step's request is this one's.
    #[serde(skip)]
    pub release: ReleaseOrder,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// Parts that are not in this backup, and why.
    pub skipped: Vec<Skipped>,
    /// What belongs to a restore and is in no part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<&'static str>,
}

/// A part that is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Which.
    pub part: Part,
    /// Why.
    pub reason: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// `pause-exporting`, `start-operate`, `await-optimize-operate-tasklist`, ...
    pub name: String,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
    /// How long it may take.
    #[serde(serialize_with = "seconds", rename = "deadline_seconds")]
    pub deadline: Duration,
    /// What is due from before this step's request leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arms: Option<Obligation>,
    /// What this step settles. Such a step is the last, and runs whatever happened before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub releases: Option<Obligation>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// Wait until every exporter has exported what was processed when the wait began. What it has not, it exports again
    /// after a restore.
    AwaitExporters {
        /// What each broker is asked.
        probes: Vec<Request>,
    },
    /// Soft-pause exporting and see that it is.
    PauseExporting {
        /// The pause.
        request: Request,
    },
    /// Start one part.
    Start {
        /// Which.
        part: Part,
        /// The start.
        request: Request,
        /// Asked right before: the indices that the records snapshot must hold.
        #[serde(skip_serializing_if = "Option::is_none")]
        first: Option<Request>,
        /// The request has no ID, and the answer tells the one that the cluster made. This is sent where the cluster
        /// refuses to make one.
        #[serde(skip_serializing_if = "Option::is_none")]
        otherwise: Option<Box<Request>>,
        /// Statuses that say that the ID is taken.
        #[serde(skip)]
        taken: &'static [u16],
        /// Statuses after which it may have happened all the same.
        #[serde(skip)]
        unsure: &'static [u16],
    },
    /// Wait until parts are complete, all at once.
    Await {
        /// One a part.
        watches: Vec<Watch>,
    },
    /// See that exporting is still paused: otherwise the snapshots and partitions do not fit together.
    ConfirmPaused,
    /// Resume exporting and see that it runs.
    ResumeExporting {
        /// The resume.
        request: Request,
    },
}

/// How one part is watched.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Watch {
    /// Which.
    pub part: Part,
    /// The question that gives the verdict.
    pub request: Request,
    /// A question that tells how far it is, and nothing more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Request>,
    /// How the answer is read.
    #[serde(skip)]
    pub shape: Shape,
    /// What "complete" means.
    pub expect: Expect,
    /// How long it may stay unseen after an accepted start.
    #[serde(serialize_with = "seconds", rename = "appears_within_seconds")]
    pub appears_within: Duration,
    /// How long it may be in doubt without anything moving.
    #[serde(serialize_with = "seconds", rename = "grace_seconds")]
    pub grace: Duration,
    /// How long it may be in progress without anything moving.
    #[serde(serialize_with = "seconds", rename = "stall_seconds")]
    pub stall: Duration,
}

/// What must be there for a part to be complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Expect {
    /// As many snapshots as their names say (`part_1_of_6`), each `SUCCESS`.
    AllSnapshots,
    /// These partitions, each `COMPLETED`, all by one broker version. Empty: 1 to the highest that is there.
    Partitions {
        /// Numbers from 1.
        partitions: BTreeSet<u32>,
    },
    /// At least one index, every index that existed when it began, no failed shard.
    RecordIndices,
}

fn seconds<S: Serializer>(d: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Sub-second deadlines exist in tests only.
    serializer.serialize_u64(d.as_secs())
}

impl Procedure {
    /// What is wrong with the value, if anything: rules that hold for every procedure whatever the version.
    ///
    /// 1. Every obligation armed is released once, after it, by the last step; nothing is released that was not armed.
    /// 2. Every start has one await after it; every await has one start before it.
    /// 3. No part is started twice.
    /// 4. Exporters are waited for only before the pause.
    /// 5. Records and partitions are taken while exporting is paused, if it is paused at all.
    pub fn violations(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let armed: Vec<_> = self.steps.iter().enumerate().filter(|(_, s)| s.arms.is_some()).collect();
        let released: Vec<_> = self.steps.iter().enumerate().filter(|(_, s)| s.releases.is_some()).collect();
        match (armed.as_slice(), released.as_slice()) {
            ([], []) => {}
            ([(a, arm)], [(r, release)]) => {
                if arm.arms != release.releases {
                    wrong.push("what is released is not what was armed".to_owned());
                }
                if r <= a {
                    wrong.push("the release comes before the arm".to_owned());
                }
                if *r + 1 != self.steps.len() {
                    wrong.push("the release is not the last step".to_owned());
                }
            }
            _ => wrong.push(format!("{} arms and {} releases", armed.len(), released.len())),
        }
        let pause = armed.first().map(|(i, _)| *i);
        let (mut started, mut awaited) = (BTreeSet::new(), BTreeSet::new());
        for (i, step) in self.steps.iter().enumerate() {
            match &step.action {
                Action::Start { part, .. } => {
                    if !started.insert(*part) {
                        wrong.push(format!("{part} is started twice"));
                    }
                    let inside = pause.is_none_or(|p| i > p);
                    if matches!(part, Part::Records | Part::Zeebe) && !inside {
                        wrong.push(format!("{part} is taken before exporting is paused"));
                    }
                }
                Action::Await { watches } => {
                    for watch in watches {
                        if !started.contains(&watch.part) {
                            wrong.push(format!("{} is awaited before it is started", watch.part));
                        }
                        if !awaited.insert(watch.part) {
                            wrong.push(format!("{} is awaited twice", watch.part));
                        }
                    }
                }
                Action::PauseExporting { .. } if step.arms.is_none() => {
                    wrong.push("a pause that arms nothing".to_owned());
                }
                Action::ResumeExporting { .. } if step.releases.is_none() => {
                    wrong.push("a resume that releases nothing".to_owned());
                }
                Action::ResumeExporting { request } if *request != self.release.request => {
                    wrong.push("the last step is not the release".to_owned());
                }
                Action::AwaitExporters { .. } if pause.is_some_and(|p| i > p) => {
                    wrong.push("exporters are waited for while exporting is paused".to_owned());
                }
                Action::AwaitExporters { .. }
                | Action::PauseExporting { .. }
                | Action::ConfirmPaused
                | Action::ResumeExporting { .. } => {}
            }
        }
        for part in started.difference(&awaited) {
            wrong.push(format!("{part} is started but never awaited"));
        }
        wrong
    }

    /// Whether the cluster may make the ID: the one in here is then only what we would take.
    pub fn id_may_change(&self) -> bool {
        self.steps.iter().any(|s| matches!(s.action, Action::Start { otherwise: Some(_), .. }))
    }

    /// Gives the rest of it another ID: the one that the cluster made.
    pub fn renumber(&mut self, id: BackupId) {
        let old = std::mem::replace(&mut self.backup_id, id);
        for step in &mut self.steps {
            match &mut step.action {
                Action::Start { request, .. } => renumber(request, old, id),
                Action::Await { watches } => {
                    for watch in watches {
                        renumber(&mut watch.request, old, id);
                        if let Some(progress) = &mut watch.progress {
                            renumber(progress, old, id);
                        }
                    }
                }
                Action::PauseExporting { .. }
                | Action::AwaitExporters { .. }
                | Action::ConfirmPaused
                | Action::ResumeExporting { .. } => {}
            }
        }
    }

    /// The parts in this backup, in the order of their start.
    pub fn parts(&self) -> Vec<Part> {
        let start = |s: &Step| match &s.action {
            Action::Start { part, .. } => Some(*part),
            _ => None,
        };
        self.steps.iter().filter_map(start).collect()
    }
}

/// An ID is a segment of a path, the end of a snapshot's name, or a field of the body.
fn renumber(request: &mut Request, old: BackupId, new: BackupId) {
    let old_text = old.to_string();
    let segments = request.path.split('/').map(|segment| match segment.strip_suffix(&old_text) {
        Some(head) if head.is_empty() || head.ends_with('_') => format!("{head}{new}"),
        _ => segment.to_owned(),
    });
    request.path = segments.collect::<Vec<_>>().join("/");
    if let Some(id) = request.body.as_mut().and_then(|b| b.get_mut("backupId")) {
        *id = new.get().into();
    }
}
