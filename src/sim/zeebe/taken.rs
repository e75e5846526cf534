//! What the partitions put into the backup store, and the state that follows.

use super::{Profile, Wall};
use crate::model::PartState;
use crate::sim::clock::nanos_time;
use crate::wire::{PartitionDetail, PartitionsBackup};

/// What one partition puts into the store for one backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) begins: Wall,
    pub(super) ends: Wall,
    /// Why it fails at its end.
    pub(super) failed: Option<&'static str>,
    /// The checkpoint's position in the log.
    pub(super) position: i64,
}

impl Taken {
    /// The leader died: what was being taken failed, what was to come never comes. (procedure 3.5; not recorded)
    pub(super) fn interrupt(slot: &mut Option<Self>, now: Wall) {
        match slot {
            Some(taken) if now < taken.begins => *slot = None,
            Some(taken) if now < taken.ends => {
                *taken =
                    Self { ends: now, failed: Some("Backup is cancelled due to leader change."), ..*taken };
            }
            _ => {}
        }
    }

    fn state(slot: Option<&Self>, now: Wall) -> PartState {
        match slot {
            None => PartState::DoesNotExist,
            Some(taken) if now < taken.begins => PartState::DoesNotExist,
            Some(taken) if now < taken.ends => PartState::InProgress,
            Some(Self { failed: Some(_), .. }) => PartState::Failed,
            Some(_) => PartState::Completed,
        }
    }
}

/// All completed, else one failed, else one that does not exist, else one in progress. `None`: no partition has any.
pub(super) fn aggregate(taken: &[Option<Taken>], now: Wall) -> Option<PartState> {
    let states: Vec<PartState> = taken.iter().map(|slot| Taken::state(slot.as_ref(), now)).collect();
    if states.iter().all(|state| *state == PartState::DoesNotExist) {
        return None;
    }
    let order = [(PartState::Failed, PartState::Failed), (PartState::DoesNotExist, PartState::Incomplete)];
    let found = order.into_iter().find(|(state, _)| states.contains(state)).map(|(_, whole)| whole);
    Some(found.unwrap_or_else(|| {
        if states.contains(&PartState::InProgress) { PartState::InProgress } else { PartState::Completed }
    }))
}

pub(super) fn describe(
    id: u64,
    taken: &[Option<Taken>],
    state: PartState,
    full: bool,
    profile: &Profile,
    now: Wall,
) -> PartitionsBackup {
    let details: Vec<PartitionDetail> = (1..)
        .zip(taken)
        .map(|(number, slot)| {
            let state = Taken::state(slot.as_ref(), now);
            let known = slot.as_ref().filter(|_| state != PartState::DoesNotExist);
            let detailed = known.filter(|_| full);
            let failed = known.filter(|_| state == PartState::Failed).and_then(|taken| taken.failed);
            PartitionDetail {
                partition_id: number,
                state,
                failure_reason: failed.map(str::to_owned),
                created_at: known.map(|taken| nanos_time(taken.begins)),
                last_updated_at: detailed.map(|t| nanos_time(if now < t.ends { t.begins } else { t.ends })),
                snapshot_id: detailed
                    .map(|taken| format!("{}-1-{}-{0}-0", taken.position / 9, taken.position)),
                checkpoint_position: detailed.map(|taken| taken.position),
                broker_version: known.map(|_| profile.camunda_version.clone()),
            }
        })
        .collect();
    let failed = details
        .iter()
        .find_map(|detail| detail.failure_reason.as_ref().map(|why| (detail.partition_id, why)));
    let failure_reason =
        failed.map(|(number, why)| format!("Backup on partition {number} failed due to {why}"));
    PartitionsBackup { backup_id: id, state, failure_reason, details }
}
