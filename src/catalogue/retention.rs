//! Which sets are kept, which are deleted, and why: a pure function of sets, policy and time.
//!
//! The rules are those of `restic forget`, whose names people know, with four differences that make a mistake cheaper:
//!
//! - **The newest complete set is always kept**, whatever the policy says; and while no set is complete nothing is deleted.
//! - **Only complete sets count.** A failed one never takes a place, and is deleted by `failed_after` alone. One whose
//!   remaining parts are whole (the release has a part more than then, or its deletion was interrupted) takes no place
//!   either, but is kept as long as it would be if it were complete.
//! - **Only what is ours is deleted.** The brokers of this release must know a set that is not complete: snapshots prove
//!   nothing, as releases may share a repository. `unproven` says that they do not.
//! - **No range is broken.** Where the data is in a relational database, a restore goes by ranges of the brokers' backups
//!   without gaps, most of which the cluster takes on a schedule of its own: none is deleted, unless `broken_ranges` says so.
//! - **A clock is not trusted.** "Newest" is the highest ID, because Zeebe takes no lower one; where the times say otherwise
//!   (a cluster installed anew or restored), what is newest by either is kept. `within` counts back from
//!   the newest complete set and not from now: when backups have stopped, or the clock has jumped ahead, nothing more is
//!   deleted. A set from the future takes no place and is kept by
//!   rules that need the time; so is one of which nobody knows when it was taken.
//!
//! Properties, tested with random sets and policies: the newest complete set is never deleted; deleting and asking again
//! deletes nothing more; a larger number never deletes more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Serialize, Serializer};

use super::drift::newest_by_time;
use super::entries::CLOCKS_APART;
use super::{PartEntry, Set, SetState};
use crate::model::{BackupId, Part, PartState};

/// What to keep. A rule that is not given keeps nothing; without any rule for them all complete sets are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The newest so many.
    pub last: Option<u32>,
    /// All that are at most so much older than the newest.
    pub within: Option<Duration>,
    /// The newest of each of the last so many hours, days, weeks, months, years that have one.
    pub every: BTreeMap<Every, u32>,
    /// Delete sets that are failed or incomplete when they are older than this; without it they are kept.
    pub failed_after: Option<Duration>,
    /// Also delete failed sets that the brokers do not know: no other release keeps snapshots in this repository.
    pub unproven: bool,
    /// Also delete backups that the cluster's own restore needs without gaps.
    pub broken_ranges: bool,
    /// In which an hour, a day, a week, a month, a year begins.
    pub zone: TimeZone,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            last: None,
            within: None,
            every: BTreeMap::new(),
            failed_after: None,
            unproven: false,
            broken_ranges: false,
            zone: TimeZone::UTC,
        }
    }
}

impl Policy {
    /// Whether there is any rule for complete sets.
    pub fn keeps(&self) -> bool {
        self.last.is_some() || self.within.is_some() || !self.every.is_empty()
    }

    /// Whether there is any rule at all.
    pub fn is_empty(&self) -> bool {
        !self.keeps() && self.failed_after.is_none()
    }
}

/// A length of time of which one set is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Every {
    /// One an hour.
    Hour,
    /// One a day.
    Day,
    /// One a week; it begins on Monday.
    Week,
    /// One a month.
    Month,
    /// One a year.
    Year,
}

impl Every {
    /// The rule's name.
    pub fn name(self) -> &'static str {
        match self {
            Every::Hour => "hourly",
            Every::Day => "daily",
            Every::Week => "weekly",
            Every::Month => "monthly",
            Every::Year => "yearly",
        }
    }

    /// In which hour, day, ... a time lies. Comparable among themselves.
    fn slot(self, time: &Zoned) -> String {
        let format = match self {
            // With the offset: the hour that a change of the clock repeats is two hours.
            Every::Hour => "%Y-%m-%dT%H:00%:z",
            Every::Day => "%Y-%m-%d",
            Every::Week => "%G-W%V",
            Every::Month => "%Y-%m",
            Every::Year => "%Y",
        };
        time.strftime(format).to_string()
    }
}

/// Why a set is kept or deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The newest complete one: never deleted.
    NewestComplete,
    /// One of the newest so many.
    Last(u32),
    /// Young enough.
    Within,
    /// The newest of its hour, day, ...
    Every(Every, String),
    /// There is no rule for complete sets.
    NoRule,
    /// It is being taken.
    InProgress,
    /// A component could not be asked.
    Unknown,
    /// Nothing proves that it is this release's, and the repository holds what looks like another's.
    OwnerUnknown,
    /// Failed or incomplete, and there is no rule for those.
    NoFailedRule,
    /// Failed or incomplete, but not for long enough.
    FailedNotLong,
    /// Nobody knows when it was taken.
    TimeUnknown,
    /// It was taken in the future: a clock has jumped.
    Future,
    /// No set is complete: this may be all there is.
    NoneComplete,
    /// No rule keeps it, but the cluster's own restore needs its backups without gaps.
    RangeWouldBreak,
    /// No rule keeps it.
    NotKept,
    /// Failed or incomplete for long enough.
    FailedLong,
}

impl Why {
    /// The stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Why::NewestComplete => "newest-complete",
            Why::Last(_) => "last",
            Why::Within => "within",
            Why::Every(every, _) => every.name(),
            Why::NoRule => "no-keep-rule",
            Why::InProgress => "in-progress",
            Why::Unknown => "unknown",
            Why::OwnerUnknown => "owner-unknown",
            Why::NoFailedRule => "no-failed-rule",
            Why::FailedNotLong => "failed-not-long",
            Why::TimeUnknown => "time-unknown",
            Why::Future => "from-the-future",
            Why::NoneComplete => "none-complete",
            Why::RangeWouldBreak => "range-would-break",
            Why::NotKept => "not-kept",
            Why::FailedLong => "failed-long",
        }
    }

    /// The same with what belongs to it: `last 3`, `daily 2026-11-23`.
    pub fn text(&self) -> String {
        match self {
            Why::Last(nth) => format!("last {nth}"),
            Why::Every(every, slot) => format!("{} {slot}", every.name()),
            other => other.code().to_owned(),
        }
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// What is to become of one set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Which.
    pub id: BackupId,
    /// What it is worth.
    pub state: SetState,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// Keep it, or delete it.
    pub keep: bool,
    /// Why; never empty.
    pub reasons: Vec<Why>,
}

/// A set without a failed part may still be in the making for so long, by somebody who does not know our lock.
pub const IN_THE_MAKING: Duration = Duration::from_secs(15 * 60);

/// Decides on every set, in their order.
pub fn retention(sets: &[Set], policy: &Policy, now: Timestamp) -> Vec<Decision> {
    let complete: Vec<&Set> = sets.iter().filter(|s| s.state == SetState::Complete).collect();
    let newest = complete.iter().map(|s| s.id).max();
    let mut kept = held(&complete, policy, now);
    let by_time = newest_by_time(sets, now).map(|s| s.id).filter(|id| Some(*id) != newest);
    for id in newest.into_iter().chain(by_time) {
        kept.entry(id).or_default().insert(0, Why::NewestComplete);
    }
    let remains: Vec<&Set> = sets.iter().filter(|s| s.state == SetState::Complete || is_rest(s)).collect();
    let mut held_rests = held(&remains, policy, now);
    let time_counts = policy.within.is_some() || !policy.every.is_empty();
    let shared = sets.iter().any(looks_foreign);
    // For sets that are complete, and for what is left of such.
    let by_rules = |set: &Set, reasons: Option<Vec<Why>>| match reasons {
        Some(reasons) => (true, reasons),
        None if !policy.keeps() => (true, vec![Why::NoRule]),
        None if time_counts && set.started.is_none() => (true, vec![Why::TimeUnknown]),
        None if time_counts && set.is_from_the_future(now) => (true, vec![Why::Future]),
        None => (false, vec![Why::NotKept]),
    };
    sets.iter()
        .map(|set| {
            let (keep, reasons) = match set.state {
                SetState::Complete => by_rules(set, kept.remove(&set.id)),
                SetState::InProgress => (true, vec![Why::InProgress]),
                SetState::Unknown => (true, vec![Why::Unknown]),
                _ if set.is_running() => (true, vec![Why::InProgress]),
                _ if newest.is_some() && is_rest(set) && !set.is_younger_than(IN_THE_MAKING, now) => {
                    by_rules(set, held_rests.remove(&set.id))
                }
                SetState::Failed | SetState::Incomplete => broken(set, policy, now, newest, shared),
            };
            let (keep, reasons) = match keep {
                false if is_in_a_range(set) && !policy.broken_ranges => (true, vec![Why::RangeWouldBreak]),
                decided => (decided, reasons),
            };
            Decision { id: set.id, state: set.state, started: set.started, keep, reasons }
        })
        .collect()
}

/// What the rules keep of these sets.
fn held(sets: &[&Set], policy: &Policy, now: Timestamp) -> BTreeMap<BackupId, Vec<Why>> {
    let mut kept: BTreeMap<BackupId, Vec<Why>> = BTreeMap::new();
    let mut keep = |id, why| kept.entry(id).or_default().push(why);
    let mut by_id = BTreeMap::new();
    if let Some(last) = policy.last {
        let mut ids: Vec<_> = sets.iter().map(|s| s.id).collect();
        ids.sort_unstable_by(|a, b| b.cmp(a));
        by_id = ids.into_iter().zip(1..=last).collect();
    }
    // Those whose time can be relied on.
    let horizon = now.checked_add(CLOCKS_APART).unwrap_or(now);
    let timed: BTreeSet<(Timestamp, BackupId)> =
        sets.iter().filter_map(|s| Some((s.started.filter(|t| *t <= horizon)?, s.id))).collect();
    let youngest = timed.last().map(|(t, _)| *t);
    // By either order where they contradict each other: deleting the wrong ones cannot be undone.
    let by_time = timed.iter().rev().map(|(_, id)| *id).zip(1..=policy.last.unwrap_or_default());
    let mut last: BTreeMap<BackupId, u32> = by_time.collect();
    last.extend(by_id);
    for (id, nth) in last {
        keep(id, Why::Last(nth));
    }
    if let (Some(within), Some(youngest)) = (policy.within, youngest) {
        for (time, id) in &timed {
            if Duration::try_from(youngest.duration_since(*time)).is_ok_and(|age| age <= within) {
                keep(*id, Why::Within);
            }
        }
    }
    for (every, count) in &policy.every {
        let mut slots: Vec<(String, BackupId)> = Vec::new();
        // From the newest back: the first of a slot is its newest. Times only fall, so a slot is not met again.
        for (time, id) in timed.iter().rev() {
            let slot = every.slot(&time.to_zoned(policy.zone.clone()));
            if slots.last().is_none_or(|(last, _)| *last != slot) {
                slots.push((slot, *id));
            }
        }
        for (slot, id) in slots.into_iter().take(*count as usize) {
            keep(id, Why::Every(*every, slot));
        }
    }
    kept
}

/// Whether it is what remains of a complete set of ours: the brokers know it, and nothing of it is broken. Then parts are
/// missing because the release has more of them by now (or more partitions), or because its deletion was interrupted.
fn is_rest(set: &Set) -> bool {
    let found = |p: &PartEntry| !matches!(p, PartEntry::Missing);
    is_proven_ours(set)
        && set.state == SetState::Incomplete
        && set.parts.iter().filter(|(_, p)| found(p)).all(|(part, p)| {
            p.is_complete()
                || (*part == Part::Zeebe
                    && matches!(p, PartEntry::Found { state: PartState::Incomplete, .. }))
        })
}

fn broken(
    set: &Set,
    policy: &Policy,
    now: Timestamp,
    newest_complete: Option<BackupId>,
    shared: bool,
) -> (bool, Vec<Why>) {
    let keep = |why| (true, vec![why]);
    let Some(limit) = policy.failed_after else { return keep(Why::NoFailedRule) };
    if set.parts.values().any(|p| matches!(p, PartEntry::Unknown(_))) {
        return keep(Why::Unknown);
    }
    if !is_proven_ours(set) && (!policy.unproven || shared || looks_foreign(set)) {
        return keep(Why::OwnerUnknown);
    }
    if newest_complete.is_none() {
        return keep(Why::NoneComplete);
    }
    match set.started {
        None => keep(Why::TimeUnknown),
        Some(_) if set.is_from_the_future(now) => keep(Why::Future),
        Some(_) if set.is_younger_than(limit, now) => keep(Why::FailedNotLong),
        Some(_) if set.state == SetState::Incomplete && set.is_younger_than(IN_THE_MAKING, now) => {
            keep(Why::FailedNotLong)
        }
        Some(_) => (false, vec![Why::FailedLong]),
    }
}

/// Whether the brokers of this very release know it. Snapshots prove nothing: releases that share a repository see each
/// other's, and only the brokers' store belongs to one release alone.
pub fn is_proven_ours(set: &Set) -> bool {
    set.parts.get(&Part::Zeebe).is_some_and(|p| matches!(p, PartEntry::Found { .. }))
}

/// Whether the brokers know it, and a restore goes by ranges of their backups: where the data is in a relational database,
/// which is what is elsewhere (camunda/camunda#43797: a deletion by hand makes the whole range untrusted; #44588: a restore
/// verifies that there is no gap).
pub fn is_in_a_range(set: &Set) -> bool {
    set.elsewhere.is_some() && is_proven_ours(set)
}

/// Whether it looks like a whole backup of another release: the brokers do not know it, and every part that is there is
/// whole. Which parts another release has is not known: it may do without Optimize.
pub fn looks_foreign(set: &Set) -> bool {
    let mut there = set.parts.values().filter(|p| matches!(p, PartEntry::Found { .. })).peekable();
    set.parts.get(&Part::Zeebe).is_some_and(|p| matches!(p, PartEntry::Missing))
        && there.peek().is_some()
        && there.all(PartEntry::is_complete)
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
