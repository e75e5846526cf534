//! What an answer means for a part: done, failed, moving, or in doubt. Pure.

use std::collections::BTreeSet;

use crate::client::{RecordsSnapshot, Response, partitions_backup, records_snapshot, snapshots_backup};
use crate::dialect::Shape;
use crate::model::{BackupId, Name, PartBackup, PartState, Piece, Reason};
use crate::plan::{Expect, Watch};

/// What one look at a part says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Look {
    /// Complete, and everything that must be there is there.
    Done(Vec<Piece>, Option<std::time::Duration>),
    /// It will never be complete.
    Failed(Reason, String),
    /// The owner says that it works on it.
    Running(Progress),
    /// The owner cannot tell, because it works on it; or because its engine is gone.
    Busy(String),
    /// Not known at the moment: right after a start, between two parts, or for ever.
    Doubt(String, Option<Progress>),
}

/// How far a part is. Two equal values mean that nothing moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub state: String,
    pub done: u64,
    pub total: Option<u64>,
    /// States of the pieces, in order: a piece that begins is movement too.
    pub pieces: Vec<String>,
    pub bytes: Option<u64>,
    pub bytes_total: Option<u64>,
}

impl Progress {
    /// Whether nothing moved between the two, whatever the state is called.
    pub fn same_place(&self, other: &Self) -> bool {
        let place = |p: &Self| Self { state: String::new(), ..p.clone() };
        place(self) == place(other)
    }
}

/// Judges a 2xx answer to `watch.request`. `scheduled` are the snapshots that the owner announced, `existed` the indices
/// that the records snapshot must hold.
pub(super) fn judge(
    watch: &Watch,
    id: BackupId,
    response: &Response,
    scheduled: &[String],
    existed: &[String],
) -> Look {
    let read = match watch.shape {
        Shape::Records => {
            return match records_snapshot(response) {
                Ok(snapshot) => records(&snapshot, existed),
                Err(text) => Look::Doubt(text, None),
            };
        }
        Shape::Snapshots => snapshots_backup(response),
        Shape::Partitions => partitions_backup(response),
    };
    match read {
        Err(text) => Look::Doubt(text, None),
        Ok(backup) if backup.id != id => {
            Look::Doubt(format!("the answer is about backup {}", backup.id), None)
        }
        Ok(backup) => match &watch.expect {
            Expect::Partitions { partitions } => zeebe(&backup, partitions),
            Expect::AllSnapshots | Expect::RecordIndices => snapshots(&backup, scheduled),
        },
    }
}

fn progress(backup: &PartBackup, total: Option<u64>) -> Progress {
    Progress {
        state: backup.state.to_string(),
        done: backup.pieces.iter().filter(|p| p.state == PartState::Completed).count() as u64,
        total,
        pieces: backup.pieces.iter().map(|p| p.state.to_string()).collect(),
        bytes: None,
        bytes_total: None,
    }
}

fn describe(piece: &Piece) -> String {
    let why =
        if piece.failures.is_empty() { String::new() } else { format!(": {}", piece.failures.join("; ")) };
    format!("{} is {}{why}", piece.name, piece.state)
}

fn snapshots(backup: &PartBackup, scheduled: &[String]) -> Look {
    // A snapshot that failed or lacks shards does not get better: no need to wait for the owner's verdict.
    for piece in &backup.pieces {
        match piece.state {
            PartState::Partial => return Look::Failed(Reason::SnapshotPartial, describe(piece)),
            PartState::Failed => return Look::Failed(Reason::SnapshotFailed, describe(piece)),
            _ => {}
        }
    }
    let named = backup.pieces.iter().find_map(Piece::nth).map(|(_, n)| u64::from(n));
    let total = named.or((!scheduled.is_empty()).then_some(scheduled.len() as u64));
    let moving = progress(backup, total);
    match &backup.state {
        PartState::Completed => {
            if let Some(piece) = backup.pieces.iter().find(|p| p.state != PartState::Completed) {
                return Look::Failed(Reason::SnapshotFailed, describe(piece));
            }
            let there: BTreeSet<_> = backup.pieces.iter().map(|p| &p.name).collect();
            if let Some(missing) = scheduled.iter().find(|s| !there.contains(&Name::from(s.as_str()))) {
                return Look::Failed(
                    Reason::SnapshotsMissing,
                    format!("snapshot {missing} was announced but is not there"),
                );
            }
            match total {
                Some(n) if there.len() as u64 == n => Look::Done(backup.pieces.clone(), None),
                Some(n) => Look::Failed(
                    Reason::SnapshotsMissing,
                    format!("{} of {n} snapshots are there", there.len()),
                ),
                None if there.is_empty() => {
                    Look::Failed(Reason::SnapshotsMissing, "no snapshot is there".to_owned())
                }
                None => Look::Done(backup.pieces.clone(), None),
            }
        }
        PartState::Failed => Look::Failed(Reason::PartFailed, failure(backup)),
        PartState::Partial => Look::Failed(Reason::SnapshotPartial, failure(backup)),
        PartState::Incompatible => Look::Failed(Reason::PartFailed, format!("its state is {}", backup.state)),
        PartState::InProgress => Look::Running(moving),
        PartState::Incomplete | PartState::DoesNotExist | PartState::Deleted | PartState::Unknown(_) => {
            Look::Doubt(format!("its state is {}", backup.state), Some(moving))
        }
    }
}

fn failure(backup: &PartBackup) -> String {
    let pieces = backup.pieces.iter().filter(|p| p.state == PartState::Failed).map(describe);
    let said = backup.failure.clone().filter(|f| !f.is_empty());
    let all: Vec<_> = said.into_iter().chain(pieces).collect();
    if all.is_empty() { format!("its state is {}; no reason is given", backup.state) } else { all.join("; ") }
}

fn zeebe(backup: &PartBackup, expected: &BTreeSet<u32>) -> Look {
    if let Some(failed) = backup.pieces.iter().find(|p| p.state == PartState::Failed) {
        return Look::Failed(Reason::PartFailed, describe(failed));
    }
    let there: BTreeSet<u32> = backup.pieces.iter().filter_map(Piece::partition).collect();
    // Without a topology, the highest that took part tells how many there are. A server's number sizes nothing of ours.
    let highest = there.last().copied().unwrap_or(1);
    let count = if expected.is_empty() { highest as usize } else { expected.len() };
    let moving = progress(backup, Some(count as u64));
    match &backup.state {
        PartState::Completed => {
            if let Some(piece) = backup.pieces.iter().find(|p| p.state != PartState::Completed) {
                return Look::Failed(Reason::PartFailed, describe(piece));
            }
            let missing: Vec<_> = expected.difference(&there).map(ToString::to_string).collect();
            if !missing.is_empty() {
                let text = format!("partition {} of {count} is not in it", missing.join(", "));
                return Look::Failed(Reason::PartitionsMissing, text);
            }
            if there.len() < count {
                let text =
                    format!("only {} partitions are in it, but one of them is number {highest}", there.len());
                return Look::Failed(Reason::PartitionsMissing, text);
            }
            let versions: BTreeSet<_> = backup.pieces.iter().filter_map(Piece::version).collect();
            if versions.len() > 1 {
                let text: Vec<_> = versions.iter().map(ToString::to_string).collect();
                return Look::Failed(
                    Reason::BrokerVersionsDiffer,
                    format!("made by brokers {}", text.join(" and ")),
                );
            }
            Look::Done(backup.pieces.clone(), server_time(&backup.pieces))
        }
        PartState::Failed | PartState::Partial => Look::Failed(Reason::PartFailed, failure(backup)),
        PartState::Incompatible | PartState::Deleted => {
            Look::Failed(Reason::PartFailed, format!("its state is {}", backup.state))
        }
        PartState::InProgress => Look::Running(moving),
        PartState::Incomplete | PartState::DoesNotExist | PartState::Unknown(_) => {
            Look::Doubt(format!("its state is {}", backup.state), Some(moving))
        }
    }
}

/// From the first creation to the last update, by the brokers' clocks.
fn server_time(pieces: &[Piece]) -> Option<std::time::Duration> {
    let first = pieces.iter().map(|p| p.started).collect::<Option<Vec<_>>>()?.into_iter().min()?;
    let last = pieces.iter().map(|p| p.ended).collect::<Option<Vec<_>>>()?.into_iter().max()?;
    std::time::Duration::try_from(last.duration_since(first)).ok()
}

fn records(snapshot: &RecordsSnapshot, existed: &[String]) -> Look {
    let why = || {
        if snapshot.failures.is_empty() {
            String::new()
        } else {
            format!(": {}", snapshot.failures.join("; "))
        }
    };
    match &snapshot.state {
        PartState::Completed if snapshot.shards_failed > 0 => Look::Failed(
            Reason::SnapshotPartial,
            format!("{} of {} shards failed{}", snapshot.shards_failed, snapshot.shards_total, why()),
        ),
        PartState::Completed if snapshot.indices.is_empty() => {
            Look::Failed(Reason::RecordsEmpty, "the snapshot holds no index".to_owned())
        }
        PartState::Completed => {
            let there: BTreeSet<_> = snapshot.indices.iter().collect();
            if let Some(missing) = existed.iter().find(|i| !there.contains(i)) {
                return Look::Failed(
                    Reason::RecordsIndicesMissing,
                    format!("index {missing} is not in the snapshot"),
                );
            }
            let piece = |name: &String| Piece::new(Name::Other(name.as_str().into()), PartState::Completed);
            let took = snapshot.took_ms.map(std::time::Duration::from_millis);
            Look::Done(snapshot.indices.iter().map(piece).collect(), took)
        }
        PartState::Partial => {
            Look::Failed(Reason::SnapshotPartial, format!("the snapshot is PARTIAL{}", why()))
        }
        PartState::Failed | PartState::Incompatible => {
            Look::Failed(Reason::SnapshotFailed, format!("the snapshot is {}{}", snapshot.state, why()))
        }
        PartState::InProgress => Look::Running(Progress {
            state: snapshot.state.to_string(),
            done: u64::from(snapshot.shards_done),
            total: (snapshot.shards_total > 0).then_some(u64::from(snapshot.shards_total)),
            ..Progress::default()
        }),
        PartState::Incomplete | PartState::DoesNotExist | PartState::Deleted | PartState::Unknown(_) => {
            Look::Doubt(format!("its state is {}", snapshot.state), None)
        }
    }
}
