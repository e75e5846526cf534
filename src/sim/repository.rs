//! The snapshots in a repository: plans of moments, from which the state at any moment follows.
//!
//! Operate, Tasklist, Optimize and the records all live here, under their names, as in a real repository: whoever
//! deletes a snapshot through the engine has damaged the web application's backup.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::clock::{NEVER, Wall};
use super::fault::Fault;

/// How a snapshot ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Success,
    Partial,
    Failed,
}

/// One snapshot, or the plan of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// What it holds, patterns resolved.
    pub(super) indices: Arc<[String]>,
    pub(super) starts: Wall,
    pub(super) ends: Wall,
    pub(super) fate: Fate,
    pub(super) global_state: bool,
    /// When an accepted deletion takes it away.
    pub(super) gone: Wall,
}

impl Snapshot {
    /// One that runs from here to there and succeeds.
    pub(super) fn planned(indices: &Arc<[String]>, starts: Wall, ends: Wall) -> Self {
        Self {
            indices: Arc::clone(indices),
            starts,
            ends,
            fate: Fate::Success,
            global_state: true,
            gone: NEVER,
        }
    }

    /// Whether the repository shows it.
    pub(super) fn visible(&self, now: Wall) -> bool {
        self.starts <= now && now < self.gone
    }

    /// Whether it is being taken.
    pub(super) fn runs(&self, now: Wall) -> bool {
        self.visible(now) && now < self.ends
    }

    /// The engine's word for its state.
    pub(super) fn state(&self, now: Wall) -> &'static str {
        match self.fate {
            _ if now < self.ends => "IN_PROGRESS",
            Fate::Success => "SUCCESS",
            Fate::Partial => "PARTIAL",
            Fate::Failed => "FAILED",
        }
    }

    /// Shards that are not in it (one shard an index).
    pub(super) fn failed_shards(&self) -> usize {
        match self.fate {
            Fate::Success => 0,
            Fate::Partial => self.indices.len().min(1),
            Fate::Failed => self.indices.len(),
        }
    }

    /// Shards copied so far: evenly over the first nine tenths; the rest goes into the repository's own files.
    pub(super) fn copied_shards(&self, now: Wall) -> usize {
        let all = self.indices.len() - self.failed_shards();
        let copying = self.ends.saturating_sub(self.starts).mul_f64(0.9);
        if self.ends == NEVER {
            return all / 2;
        }
        let past = now.saturating_sub(self.starts);
        if past >= copying {
            return all;
        }
        let done = past.as_nanos() * all as u128 / copying.as_nanos().max(1);
        usize::try_from(done).unwrap_or(all).min(all)
    }
}

/// One repository. Unregistering hides it; its snapshots are there again when it is registered again.
#[derive(Debug, Clone, Default)]
pub(super) struct Repository {
    pub(super) registered: bool,
    /// Nothing can be written or deleted.
    pub(super) read_only: bool,
    /// The engine's own check finds damage.
    pub(super) damaged: bool,
    pub(super) kind: String,
    pub(super) settings: Map<String, Value>,
    pub(super) snapshots: BTreeMap<String, Snapshot>,
}

impl Repository {
    /// What it shows now, by name.
    pub(super) fn visible(&self, now: Wall) -> impl Iterator<Item = (&str, &Snapshot)> {
        self.snapshots
            .iter()
            .filter(move |(_, snapshot)| snapshot.visible(now))
            .map(|(name, s)| (name.as_str(), s))
    }

    /// What it shows now under this prefix, by name.
    pub(super) fn under<'a>(
        &'a self,
        prefix: &'a str,
        now: Wall,
    ) -> impl Iterator<Item = (&'a str, &'a Snapshot)> {
        self.snapshots
            .range::<str, _>(from(prefix))
            .take_while(move |(name, _)| name.starts_with(prefix))
            .filter(move |(_, snapshot)| snapshot.visible(now))
            .map(|(name, snapshot)| (name.as_str(), snapshot))
    }

    /// Whether anything is planned, running or kept under this prefix.
    pub(super) fn knows(&self, prefix: &str, now: Wall) -> bool {
        self.snapshots
            .range::<str, _>(from(prefix))
            .take_while(|(name, _)| name.starts_with(prefix))
            .any(|(_, snapshot)| now < snapshot.gone)
    }

    /// Plans snapshots one after the other and returns when the last one ends.
    pub(super) fn plan(
        &mut self,
        parts: Vec<(String, Arc<[String]>)>,
        pace: &Pace,
        shape: Option<&Fault>,
    ) -> Wall {
        if shape == Some(&Fault::NotVisible) {
            return pace.starts;
        }
        let mut starts = pace.starts;
        let mut ends = starts;
        // the second one, or the only one
        let fateful = parts.len().min(2) - 1;
        for (i, (name, indices)) in parts.into_iter().enumerate() {
            ends = starts.saturating_add(pace.each);
            let mut snapshot = Snapshot::planned(&indices, starts, ends);
            let last = i == fateful
                && match shape {
                    Some(Fault::SnapshotPartial) => {
                        snapshot.fate = Fate::Partial;
                        true
                    }
                    Some(Fault::SnapshotFailed) => {
                        snapshot.fate = Fate::Failed;
                        true
                    }
                    Some(Fault::StuckInProgress) => {
                        snapshot.ends = NEVER;
                        ends = NEVER;
                        true
                    }
                    _ => false,
                };
            self.snapshots.insert(name, snapshot);
            if last || shape == Some(&Fault::StuckIncomplete) {
                break;
            }
            starts = ends.saturating_add(pace.gap);
        }
        ends
    }

    /// Takes away what is under this prefix, at that moment. Says whether there was anything. Of a read-only repository
    /// nothing goes, and the application, which only notes in its log what the engine said, never tells.
    pub(super) fn delete(&mut self, prefix: &str, now: Wall, gone: Wall) -> bool {
        let mut found = false;
        if self.read_only {
            return false;
        }
        for (_, snapshot) in self
            .snapshots
            .range_mut::<str, _>(from(prefix))
            .take_while(|(name, _)| name.starts_with(prefix))
            .filter(|(_, snapshot)| snapshot.visible(now))
        {
            snapshot.gone = snapshot.gone.min(gone);
            found = true;
        }
        found
    }

    /// The engine died: what runs is lost and what is planned never begins (recorded: `esup-0-operate-state`).
    pub(super) fn cut(&mut self, now: Wall) {
        self.snapshots.retain(|_, snapshot| snapshot.ends <= now && now < snapshot.gone);
    }

    /// The process that would have asked for them died: what is planned under this prefix never begins.
    pub(super) fn forget_plans(&mut self, prefix: &str, now: Wall) {
        self.snapshots.retain(|name, snapshot| snapshot.starts <= now || !name.starts_with(prefix));
    }
}

/// Names from this one on.
fn from(name: &str) -> (Bound<&str>, Bound<&str>) {
    (Bound::Included(name), Bound::Unbounded)
}

/// When a series of snapshots starts, and how fast it goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) starts: Wall,
    pub(super) each: Duration,
    pub(super) gap: Duration,
}

/// An identifier as the engine makes them: 22 characters, the same for the same snapshot.
pub(super) fn uuid(name: &str, starts: Wall) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = mix(starts.as_nanos() ^ 0x6c62_272e_07bb_0142);
    for byte in name.bytes() {
        state = mix(state ^ u128::from(byte));
    }
    (0..22).map(|i| char::from(LETTERS[(state >> (i * 5) & 63) as usize])).collect()
}

/// FNV's step for 128 bits: spreads well enough to look random.
pub(super) fn mix(state: u128) -> u128 {
    let state = state.wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    state ^ (state >> 61)
}
