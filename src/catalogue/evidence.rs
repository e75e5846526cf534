//! What is known of one backup ID, and what it says about each part.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{PartEntry, times};
use crate::model::{Answer, BackupId, Facts, Part, PartBackup, PartState, Piece, StoredSnapshot, Version};

/// Everything that carries one ID.
#[derive(Debug, Default)]
pub(super) struct Evidence<'a> {
    /// What the parts' owners list.
    listed: BTreeMap<Part, &'a PartBackup>,
    /// What lies in the repository under our names.
    stored: BTreeMap<Part, Vec<&'a StoredSnapshot>>,
}

/// Everything that is known, by ID. There may be a hundred thousand snapshots, so it is an index into the facts; the evidence
/// of one ID is made when its turn has come.
pub(super) struct Gathered<'a> {
    listed: Vec<(BackupId, Part, &'a PartBackup)>,
    stored: Vec<(BackupId, Part, &'a StoredSnapshot)>,
}

impl<'a> Gathered<'a> {
    /// One pass over every list.
    pub fn of(facts: &'a Facts) -> Self {
        let listed = facts.backups.iter().flat_map(|(part, answer)| {
            // A list may go on telling of what is gone.
            let there = |b: &&PartBackup| !matches!(b.state, PartState::DoesNotExist | PartState::Deleted);
            answer.iter().flatten().filter(there).map(|backup| (backup.id, *part, backup))
        });
        let stored = facts.snapshots.iter().flatten().flatten();
        let stored = stored.filter_map(|s| s.name.ours().map(|name| (name.id, name.part, s)));
        let (mut listed, mut stored): (Vec<_>, Vec<_>) = (listed.collect(), stored.collect());
        // Stable: what is told twice stays in the order in which it was told.
        listed.sort_by_key(|(id, ..)| *id);
        stored.sort_by_key(|(id, ..)| *id);
        Self { listed, stored }
    }

    /// Every ID that anything carries.
    pub fn ids(&self) -> BTreeSet<BackupId> {
        let mut ids = BTreeSet::new();
        // One by one: collecting would sort all of them first.
        ids.extend(self.listed.iter().map(|(id, ..)| *id));
        ids.extend(self.stored.iter().map(|(id, ..)| *id));
        ids
    }

    /// What carries this ID.
    pub fn evidence(&self, id: BackupId) -> Evidence<'a> {
        let mut evidence = Evidence::default();
        for (_, part, backup) in of(&self.listed, id) {
            evidence.listed.insert(*part, backup);
        }
        for (_, part, snapshot) in of(&self.stored, id) {
            evidence.stored.entry(*part).or_default().push(snapshot);
        }
        evidence
    }
}

/// What has this ID, of what is sorted by ID.
fn of<T>(all: &[(BackupId, Part, T)], id: BackupId) -> &[(BackupId, Part, T)] {
    let from = all.partition_point(|(i, ..)| *i < id);
    &all[from..from + all[from..].partition_point(|(i, ..)| *i == id)]
}

impl<'a> Evidence<'a> {
    /// Whether anything of this part is there.
    pub fn names(&self, part: Part) -> bool {
        self.listed.contains_key(&part) || self.stored.contains_key(&part)
    }

    /// Every piece whose owner tells something about it.
    pub fn pieces(&self) -> impl Iterator<Item = &'a Piece> {
        self.listed.values().flat_map(|b| &b.pieces)
    }

    /// Versions that made it.
    pub fn versions(&self) -> BTreeSet<Version> {
        let listed = self.pieces().filter_map(Piece::version);
        let stored = self.stored.values().flatten().filter_map(|s| s.name.ours()?.version());
        listed.chain(stored).collect()
    }

    /// First beginning, last end and all bytes of the snapshots that were opened.
    pub fn opened(&self, facts: &Facts) -> (Option<Timestamp>, Option<Timestamp>, Option<u64>) {
        let (mut begun, mut ended, mut bytes) = (None::<Timestamp>, None, None);
        let mut all_told = true;
        for snapshot in self.stored.values().flatten() {
            let detail = facts.details.get(&snapshot.name);
            let told = detail.and_then(|d| d.bytes);
            all_told &= told.is_some();
            bytes = told.map(|b| b + bytes.unwrap_or_default()).or(bytes);
            begun = begun.into_iter().chain(times::from_millis(detail.and_then(|d| d.started))).min();
            ended = ended.max(times::from_millis(detail.and_then(|d| d.ended)));
        }
        // A sum of some is no size.
        (begun, ended, bytes.filter(|_| all_told))
    }

    /// What the part's owner lists.
    pub fn listed(&self, part: Part) -> Option<&'a PartBackup> {
        self.listed.get(&part).copied()
    }

    /// What lies in the repository under this part's names.
    pub fn stored(&self, part: Part) -> &[&'a StoredSnapshot] {
        self.stored.get(&part).map_or(&[], Vec::as_slice)
    }

    /// What is known of one part.
    pub fn entry(&self, part: Part, facts: &Facts) -> PartEntry {
        let stored = self.stored.get(&part).map(Vec::as_slice);
        match part {
            Part::Records => match stored {
                Some(snapshots) => records(snapshots),
                None => absent(facts.snapshots.as_ref()),
            },
            Part::Zeebe => match self.listed.get(&part) {
                Some(backup) => partitions(backup, facts),
                None => absent(facts.backups.get(&part)),
            },
            Part::Operate | Part::Tasklist | Part::History | Part::Optimize => {
                match (self.listed.get(&part), absent(facts.backups.get(&part)), stored) {
                    // A list in brief: the repository knows what it leaves out.
                    (Some(backup), _, Some(stored)) if !backup.state.is_told() => orphaned(stored),
                    (Some(backup), _, Some(stored)) => worse(snapshots(backup), stored),
                    (Some(backup), _, None) => snapshots(backup),
                    (None, unasked_or_missing, None) => unasked_or_missing,
                    // The owner does not list it, but its snapshots are there: they are what a restore needs.
                    (None, PartEntry::Missing, Some(orphans)) => orphaned(orphans),
                    // The release has no such component (any more): the repository is all there is to ask.
                    (None, _, Some(orphans)) if !facts.backups.contains_key(&part) => orphaned(orphans),
                    // Without its owner's word a part is never called complete; what is broken is broken all the same.
                    (None, unasked, Some(orphans)) => match orphaned(orphans) {
                        PartEntry::Found { state: PartState::Completed | PartState::Incomplete, .. } => {
                            unasked
                        }
                        broken_or_running => broken_or_running,
                    },
                }
            }
        }
    }
}

fn absent<T>(asked: Option<&Answer<T>>) -> PartEntry {
    match asked {
        Some(Ok(_)) => PartEntry::Missing,
        Some(Err(problem)) => PartEntry::Unknown(problem.to_string()),
        None => PartEntry::Unknown("it was not asked".to_owned()),
    }
}

pub(super) fn is_bad(state: &PartState) -> bool {
    matches!(state, PartState::Failed | PartState::Partial | PartState::Incompatible)
}

/// A state that is not better than what is there.
fn judged(said: &PartState, done: u64, total: Option<u64>, what: &str) -> (PartState, Option<String>) {
    if *said != PartState::Completed {
        return (said.clone(), None);
    }
    match total {
        Some(total) if done == total && total > 0 => (PartState::Completed, None),
        Some(total) => (PartState::Incomplete, Some(format!("{done} of {total} {what} are there and whole"))),
        None if done > 0 => (PartState::Completed, None),
        None => (PartState::Incomplete, Some(format!("no {what} are there"))),
    }
}

/// A part that its web application lists.
fn snapshots(backup: &PartBackup) -> PartEntry {
    let whole: BTreeSet<_> =
        backup.pieces.iter().filter(|p| p.state == PartState::Completed).map(|p| &p.name).collect();
    let named = backup.pieces.iter().filter_map(Piece::nth);
    let (done, total) = (whole.len() as u64, named.map(|(_, n)| u64::from(n)).max());
    let total = total.or_else(|| (!backup.pieces.is_empty()).then_some(backup.pieces.len() as u64));
    let (state, problem) = match backup.pieces.iter().find(|p| is_bad(&p.state)) {
        Some(bad) if !is_bad(&backup.state) => (bad.state.clone(), Some(describe(bad))),
        bad => {
            let (state, problem) = judged(&backup.state, done, total, "snapshots");
            (state, problem.or_else(|| backup.failure.clone()).or_else(|| bad.map(describe)))
        }
    };
    PartEntry::Found { state, done, total, problem }
}

/// What the engine says of the same snapshots counts where it is worse: it is what a restore reads.
fn worse(listed: PartEntry, stored: &[&StoredSnapshot]) -> PartEntry {
    let Some(bad) = stored.iter().find(|s| is_bad(&s.state)) else { return listed };
    match listed {
        PartEntry::Found { state, done, total, .. } if !is_bad(&state) => PartEntry::Found {
            state: bad.state.clone(),
            done,
            total,
            problem: Some(format!("{} is {} in the repository", bad.name, bad.state)),
        },
        other => other,
    }
}

/// Snapshots that no owner lists.
fn orphaned(snapshots: &[&StoredSnapshot]) -> PartEntry {
    let done = snapshots.iter().filter(|s| s.state == PartState::Completed).count() as u64;
    let total = snapshots.iter().filter_map(|s| s.name.ours()?.nth()).map(|(_, n)| u64::from(n)).max();
    let worst = |wanted: fn(&PartState) -> bool| snapshots.iter().find(|s| wanted(&s.state));
    let worst = worst(is_bad)
        .or_else(|| worst(|s| *s == PartState::InProgress))
        .or_else(|| worst(|s| *s != PartState::Completed));
    let (state, problem) = match worst {
        Some(snapshot) => (snapshot.state.clone(), Some(format!("{} is {}", snapshot.name, snapshot.state))),
        None => judged(&PartState::Completed, done, total, "snapshots"),
    };
    PartEntry::Found { state, done, total, problem }
}

fn records(snapshots: &[&StoredSnapshot]) -> PartEntry {
    // Names are unique in a repository, and the records are one snapshot.
    let Some(snapshot) = snapshots.first() else { return PartEntry::Missing };
    let done = snapshot.indices as u64;
    let (state, problem) = judged(&snapshot.state, done, None, "indices");
    PartEntry::Found { state, done, total: None, problem }
}

/// As many as Zeebe can have: a partition is 13 bits of a key. What a server sends beyond that is not counted up to.
const MOST_PARTITIONS: u32 = 1 << 13;

fn partitions(backup: &PartBackup, facts: &Facts) -> PartEntry {
    let there = |whole: bool| {
        let wanted = backup.pieces.iter().filter(move |p| !whole || p.state == PartState::Completed);
        wanted.filter_map(Piece::partition).collect::<BTreeSet<u32>>()
    };
    let (named, whole) = (there(false), there(true));
    // What was whole when it was taken stays so when the cluster grows: then, and without a topology, from 1 to the highest
    // that took part. That the number differs from the cluster's is for `verify` to say.
    let all = match &facts.cluster {
        Some(Ok(cluster)) if !cluster.partitions.is_empty() && backup.state != PartState::Completed => {
            cluster.partitions.clone()
        }
        _ => (1..=named.last().copied().unwrap_or_default().min(MOST_PARTITIONS)).collect(),
    };
    let (done, total) = (whole.len() as u64, all.len() as u64);
    let total = (total > 0).then_some(total);
    if named.is_empty() {
        // A list without details: the word for the whole is all there is.
        return PartEntry::Found {
            state: backup.state.clone(),
            done,
            total,
            problem: backup.failure.clone(),
        };
    }
    let missing: Vec<_> = all.difference(&whole).map(ToString::to_string).collect();
    let bad = backup.pieces.iter().find(|p| is_bad(&p.state));
    let (state, problem) = match (&backup.state, bad) {
        (state, Some(bad)) if !is_bad(state) => (bad.state.clone(), Some(describe(bad))),
        (PartState::Completed, _) if !missing.is_empty() => {
            let text = format!("partition {} is not in it, or not whole", missing.join(", "));
            (PartState::Incomplete, Some(text))
        }
        (state, bad) => (state.clone(), backup.failure.clone().or_else(|| bad.map(describe))),
    };
    PartEntry::Found { state, done, total, problem }
}

fn describe(piece: &Piece) -> String {
    let why =
        if piece.failures.is_empty() { String::new() } else { format!(": {}", piece.failures.join("; ")) };
    format!("{} is {}{why}", piece.name, piece.state)
}
