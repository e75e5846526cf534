//! What was found: answers to read-only questions, and why some could not be had.
//!
//! Planning, preflight, `status` and `list` are pure functions of these values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    BackupId, Component, Engine, ExporterPhase, Finding, Name, Part, PartState, Positions, Reason,
    SnapshotName, Version, Word,
};

/// An answer, or why there is none.
pub type Answer<T> = Result<T, Problem>;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind of "no".
    pub kind: ProblemKind,
    /// Where: an URL without credentials.
    pub url: String,
    /// What came back, in one line.
    pub text: String,
}

/// Kinds of "no".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
    /// No connection, or it broke, or no answer in time.
    Unreachable,
    /// It is there, and no way to it was found.
    NotFound,
    /// 401 or 403.
    Unauthorized,
    /// There is no such endpoint here: Spring's own 404, a web page or a redirect instead of an answer.
    EndpointAbsent,
    /// Any other HTTP error.
    Refused(u16),
    /// The answer could not be understood.
    Unintelligible,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.url)
    }
}

/// What a component says about one backup of its part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartBackup {
    /// The ID.
    pub id: BackupId,
    /// State over all pieces, in the component's own words.
    pub state: PartState,
    /// Why it failed, when the component says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Snapshots or partitions begun so far.
    pub pieces: Vec<Piece>,
}

/// One snapshot or one partition of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Piece {
    /// Snapshot name, or partition.
    pub name: Name,
    /// Its state.
    pub state: PartState,
    /// Version of the broker that made it, when it is told. Others have theirs in the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broker: Option<Word>,
    /// When it began, by its owner's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it was last changed, by its owner's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What went wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

impl Piece {
    /// A piece of which nothing more is told.
    pub fn new(name: Name, state: PartState) -> Self {
        Self { name, state, broker: None, started: None, ended: None, failures: Vec::new() }
    }

    /// The partition, for Zeebe.
    pub fn partition(&self) -> Option<u32> {
        match self.name {
            Name::Partition(number) => Some(number),
            Name::Ours(_) | Name::Other(_) => None,
        }
    }

    /// `(i, n)` of `part_i_of_n`, for a snapshot.
    pub fn nth(&self) -> Option<(u32, u32)> {
        self.name.ours().and_then(SnapshotName::nth)
    }

    /// Version that made it, when it is told.
    pub fn version(&self) -> Option<Version> {
        match &self.name {
            Name::Ours(name) => name.version(),
            Name::Partition(_) | Name::Other(_) => self.broker?.text().parse().ok(),
        }
    }
}

/// Exporting on one replica of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PartitionPhase {
    /// From 1; [`WHOLE_CLUSTER`] when the answer is about all of them.
    pub partition: u32,
    /// Whether this replica leads the partition.
    pub leader: bool,
    /// `LEADER`, `FOLLOWER`, ...
    pub role: String,
    /// What its exporters do; a replica may have nothing to say.
    pub phase: Option<ExporterPhase>,
}

/// Stands for every partition in an answer that does not tell them apart.
pub const WHOLE_CLUSTER: u32 = 0;

/// The Zeebe cluster as its gateway describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cluster {
    /// Node IDs and their states (`ACTIVE`, `JOINING`, ...).
    pub brokers: BTreeMap<u32, String>,
    /// Partition numbers.
    pub partitions: BTreeSet<u32>,
    /// A change of the topology is going on.
    pub change_pending: bool,
}

/// The search engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineFacts {
    /// Which one.
    pub engine: Engine,
    /// `8.14.1`.
    pub version: String,
}

/// A registered snapshot repository. Its settings stay out of here: they may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RepositoryFacts {
    /// Name.
    pub name: String,
    /// `fs`, `s3`, `gcs`, `azure`, `hdfs`, `url`.
    pub kind: String,
    /// Registered read-only.
    pub read_only: bool,
}

impl RepositoryFacts {
    /// Whether snapshots can be written to it: not where it is registered read-only, and never by URL.
    pub fn is_writable(&self) -> bool {
        !self.read_only && self.kind != "url"
    }
}

/// One snapshot in the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredSnapshot {
    /// Name.
    pub name: Name,
    /// State.
    pub state: PartState,
    /// Number of indices in it.
    pub indices: usize,
}

/// One snapshot, opened: what the engine tells when it is asked for it by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SnapshotDetail {
    /// The engine's version that took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<Word>,
    /// Names of the indices in it.
    pub indices: Box<[Word]>,
    /// Bytes that a restore brings back; the repository stores files that snapshots share only once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<i64>,
    /// Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<i64>,
    /// Shards that are not in it.
    pub shards_failed: u32,
    /// What could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

/// A snapshot policy of the engine's own that writes to the same repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LifecyclePolicy {
    /// Its name.
    pub name: String,
    /// Where it writes.
    pub repository: String,
}

/// What the engine's own check of a repository found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Integrity {
    /// It came to its end and found nothing.
    pub passed: bool,
    /// What it found, in its own words, the first ones.
    pub anomalies: Vec<String>,
    /// How many it found.
    pub total: u64,
    /// The repository was written to meanwhile, so that what it says may be wrong.
    pub disturbed: bool,
}

/// What one component said of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComponentFacts {
    /// Its base URL without credentials.
    pub url: String,
    /// Its version, from `/actuator/info`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Its health (`UP`, `DEGRADED`, `DOWN`), or why it could not be asked.
    pub health: Answer<String>,
}

/// All that was found about a release. A question that was not asked has no entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Every component that was given.
    pub components: BTreeMap<Component, ComponentFacts>,
    /// The backups each part's owner lists.
    pub backups: BTreeMap<Part, Answer<Vec<PartBackup>>>,
    /// Paths of the gateway that tell versions and topologies apart: whether each is there. What could not be asked is not
    /// in it.
    pub paths: BTreeMap<&'static str, bool>,
    /// Exporters of the brokers, by ID; empty when nobody told, or it does not matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exporters: Vec<String>,
    /// What belongs to a restore and is in no part of any backup of this release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<&'static str>,
    /// The cluster as the gateway describes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Answer<Cluster>>,
    /// Exporting, by broker.
    pub exporting: BTreeMap<Component, Answer<Vec<PartitionPhase>>>,
    /// How far processing and exporting have come, by broker, when that was asked.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub positions: BTreeMap<Component, Answer<Positions>>,
    /// The same a moment later, all brokers together, when exporters were behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positions_later: Option<Positions>,
    /// The search engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<Answer<EngineFacts>>,
    /// The repository for the records snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<Answer<RepositoryFacts>>,
    /// How many of the engine's nodes could write to it, when that was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository_verified: Option<Answer<usize>>,
    /// The repositories that other parts use, by name, and how many nodes could write to each, when that was tried.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other_repositories: BTreeMap<String, (Answer<RepositoryFacts>, Option<Answer<usize>>)>,
    /// The indices with exported records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_indices: Option<Answer<Vec<String>>>,
    /// The snapshots in the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<Answer<Vec<StoredSnapshot>>>,
    /// The same snapshots, opened: those that were asked for, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<Name, SnapshotDetail>,
    /// Every registered repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repositories: Option<Answer<Vec<String>>>,
    /// Every index of the engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indices: Option<Answer<Vec<String>>>,
    /// Snapshot policies of the engine; not every build has them, so no answer means nothing.
    pub lifecycle_policies: Vec<LifecyclePolicy>,
    /// Zeebe deletes backups by itself, where that can be seen.
    pub native_retention: bool,
    /// Runs of this tool that ended before their backup was complete, as far as they left word.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub runs: BTreeMap<BackupId, super::EndedRun>,
    /// The engine's check of the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity: Option<Answer<Integrity>>,
}

impl Facts {
    /// How far processing and exporting have come, all brokers together. `None`: no broker tells.
    pub fn all_positions(&self) -> Option<Positions> {
        let told: Vec<_> = self.positions.values().flatten().cloned().collect();
        (!told.is_empty()).then(|| Positions::merged(told))
    }

    /// The release's version: the gateway's, which every release has; else any other component's.
    pub fn version(&self) -> Option<&Version> {
        let of = |c: &Component| self.components.get(c).and_then(|f| f.version.as_ref());
        of(&Component::Gateway).or_else(|| self.components.keys().find_map(of))
    }

    /// Snapshots that an application may be mistaking for its own: told where its list failed.
    pub fn foreign_snapshots(&self) -> Vec<Finding> {
        let failed = |part: &Part| matches!(self.backups.get(part), Some(Err(_)));
        let names = self.snapshots.iter().flatten().flatten().filter_map(|s| match &s.name {
            Name::Other(name) => Some(&**name),
            Name::Ours(_) | Name::Partition(_) => None,
        });
        let mut mistaken = BTreeMap::<Part, Vec<&str>>::new();
        for (part, name) in names.filter_map(|n| Some((super::mistaken_for(n)?, n))) {
            mistaken.entry(part).or_default().push(name);
        }
        let findings = mistaken.into_iter().filter(|(part, _)| failed(part)).map(|(part, names)| {
            let text = format!(
                "the list of {part} fails, and {} begins like a snapshot of its own",
                names.join(", ")
            );
            Finding::new(Reason::ForeignSnapshot, Component::Search, text)
        });
        findings.collect()
    }

    /// The highest backup ID that anything knows of: the components' lists and the names of snapshots.
    pub fn highest_id(&self) -> Option<BackupId> {
        self.highest_id_and_source().map(|(id, _)| id)
    }

    /// The highest backup ID, and where it is.
    pub fn highest_id_and_source(&self) -> Option<(BackupId, String)> {
        self.highest_listed().into_iter().chain(self.highest_stored()).max_by_key(|(id, _)| *id)
    }

    /// The highest backup ID that a component lists, and where.
    pub fn highest_listed(&self) -> Option<(BackupId, String)> {
        let listed = self.backups.iter().filter_map(|(part, answer)| Some((part, answer.as_ref().ok()?)));
        let listed = listed.flat_map(|(part, backups)| backups.iter().map(move |b| (b.id, part)));
        listed.max_by_key(|(id, _)| *id).map(|(id, part)| (id, format!("the list of backups of {part}")))
    }

    fn highest_stored(&self) -> Option<(BackupId, String)> {
        let stored = self.snapshots.iter().flatten().flatten();
        let stored = stored.filter_map(|s| Some((s.name.ours()?.id, &s.name)));
        stored.max_by_key(|(id, _)| *id).map(|(id, name)| (id, format!("snapshot {name} in the repository")))
    }
}
