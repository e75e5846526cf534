//! One set with everything that is known of it: what `describe` shows and `verify` judges.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::entries::{Set, set};
use super::evidence::{Evidence, Gathered, is_bad};
use super::times;
use crate::model::{BackupId, Facts, Name, Part, PartState, Piece, SnapshotDetail, SnapshotName, Version};

/// One set, opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// What `list` shows of it.
    #[serde(flatten)]
    pub set: Set,
    /// Its snapshots and partitions.
    pub pieces: BTreeMap<Part, Vec<PieceDetail>>,
}

/// One snapshot or one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PieceDetail {
    /// Snapshot name, or `partition 1`.
    pub name: String,
    /// The partition, for Zeebe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    /// `(i, n)` of `part_i_of_n`.
    #[serde(skip)]
    pub nth: Option<(u32, u32)>,
    /// Its state.
    pub state: PartState,
    /// Its owner lists it.
    pub listed: bool,
    /// It lies in the repository that we look at; `None` for what does not live in one, or when that could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<bool>,
    /// Version of the component that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// Version of the search engine that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<String>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended, or was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What a restore of it brings back.
    #[serde(rename = "sizeBytes", skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Names of the indices in it, when it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indices: Option<Vec<String>>,
    /// Shards that are not in it.
    pub shards_failed: u32,
    /// What went wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

/// The details of these sets, newest first, one after the other. An ID of which nothing is there has none.
pub fn details<'a>(
    facts: &'a Facts,
    expected: &'a BTreeSet<Part>,
    ids: &'a BTreeSet<BackupId>,
) -> impl Iterator<Item = Detail> + 'a {
    let all = Gathered::of(facts);
    ids.iter().rev().filter_map(move |id| {
        let evidence = all.evidence(*id);
        let set = set(*id, &evidence, facts, expected)?;
        let pieces = |part: &Part| (*part, pieces(*part, &evidence, facts));
        let pieces = set.parts.keys().map(pieces).filter(|(_, p)| !p.is_empty()).collect();
        Some(Detail { set, pieces })
    })
}

/// What the owner lists and what lies in the repository, joined by name.
fn pieces(part: Part, evidence: &Evidence<'_>, facts: &Facts) -> Vec<PieceDetail> {
    let asked = part != Part::Zeebe && matches!(facts.snapshots, Some(Ok(_)));
    let mut all: BTreeMap<&Name, PieceDetail> = BTreeMap::new();
    for piece in evidence.listed(part).into_iter().flat_map(|b| &b.pieces) {
        all.insert(&piece.name, listed(piece, asked));
    }
    for snapshot in evidence.stored(part) {
        let piece = all.entry(&snapshot.name).or_insert_with(|| unlisted(&snapshot.name));
        piece.stored = Some(true);
        // The engine's word is nearer to the thing, and a list in brief has none.
        if !piece.listed || !piece.state.is_told() || is_bad(&snapshot.state) {
            piece.state = snapshot.state.clone();
        }
        if let Some(detail) = facts.details.get(&snapshot.name) {
            open(piece, detail);
        }
    }
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by(|a, b| (a.partition, a.nth, &a.name).cmp(&(b.partition, b.nth, &b.name)));
    all
}

fn listed(piece: &Piece, repository_asked: bool) -> PieceDetail {
    PieceDetail {
        partition: piece.partition(),
        nth: piece.nth(),
        state: piece.state.clone(),
        listed: true,
        stored: repository_asked.then_some(false),
        version: piece.version(),
        started: piece.started,
        ended: piece.ended,
        failures: piece.failures.clone(),
        ..empty(&piece.name)
    }
}

fn unlisted(name: &Name) -> PieceDetail {
    let ours = name.ours();
    PieceDetail {
        nth: ours.and_then(SnapshotName::nth),
        version: ours.and_then(SnapshotName::version),
        ..empty(name)
    }
}

fn empty(name: &Name) -> PieceDetail {
    PieceDetail {
        name: name.to_string(),
        partition: None,
        nth: None,
        state: PartState::default(),
        listed: false,
        stored: None,
        version: None,
        engine_version: None,
        started: None,
        ended: None,
        bytes: None,
        indices: None,
        shards_failed: 0,
        failures: Vec::new(),
    }
}

fn open(piece: &mut PieceDetail, detail: &SnapshotDetail) {
    piece.engine_version = detail.engine.map(|version| version.to_string());
    piece.started = times::from_millis(detail.started).or(piece.started);
    piece.ended = times::from_millis(detail.ended).or(piece.ended);
    piece.bytes = detail.bytes;
    piece.indices = Some(detail.indices.iter().map(ToString::to_string).collect());
    piece.shards_failed = detail.shards_failed;
    for failure in &detail.failures {
        if !piece.failures.contains(failure) {
            piece.failures.push(failure.clone());
        }
    }
}
