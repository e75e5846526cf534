//! What is wrong with the release's backups as a whole: no good one, too old a one, parts that lie around, stores and
//! repositories that moved, and who else deletes there.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::entries::{PartEntry, Set, SetState};
use super::verify::Measure;
use crate::model::{BackupId, Component, Facts, Finding, Part, ProblemKind, Reason};

/// The newest complete set: the highest ID, because Zeebe takes no lower one.
pub fn newest_complete(sets: &[Set]) -> Option<&Set> {
    sets.iter().filter(|s| s.state == SetState::Complete).max_by_key(|s| s.id)
}

/// The complete set that was taken last by the clock. IDs contradict it when a cluster was installed anew or restored: an
/// old one in milliseconds outranks every new one in seconds.
pub(super) fn newest_by_time(sets: &[Set], now: Timestamp) -> Option<&Set> {
    let complete = sets.iter().filter(|s| s.state == SetState::Complete && !s.is_from_the_future(now));
    complete.filter(|s| s.started.is_some()).max_by_key(|s| (s.started, s.id))
}

/// That the newest complete set is another one by the clock than by the ID.
pub fn out_of_order(sets: &[Set], now: Timestamp) -> Option<Finding> {
    let (by_id, by_time) = (newest_complete(sets)?, newest_by_time(sets, now)?);
    let text = format!("{} is the highest ID of a complete set, but {} began later", by_id.id, by_time.id);
    // Without a time, or with one that nobody believes, nothing is contradicted.
    let told = by_id.started.is_some() && !by_id.is_from_the_future(now);
    (told && by_id.id != by_time.id).then(|| Finding::new(Reason::IdsOutOfOrder, None, text))
}

/// Is there a complete set, and is it young enough?
pub fn age(sets: &[Set], max_age: Option<Duration>, now: Timestamp) -> Vec<Finding> {
    let Some(newest) = newest_complete(sets) else {
        let unknown = sets.iter().any(|s| s.state == SetState::Unknown);
        let text = match (sets.is_empty(), unknown) {
            (true, _) => "there is no backup at all",
            (false, true) => "no set is known to be complete: a component could not be asked",
            (false, false) => "no set is complete",
        };
        return vec![Finding::new(Reason::NoCompleteSet, None, text)];
    };
    let mut findings = Vec::new();
    if let Some(max_age) = max_age {
        let age = newest.started.map(|t| Duration::try_from(now.duration_since(t)).unwrap_or_default());
        let text = match age {
            // The next years would all be young enough.
            Some(_) if newest.is_from_the_future(now) => Some(format!(
                "the newest complete set, {}, says that it began in the future: its age is not known",
                newest.id
            )),
            Some(age) if age <= max_age => None,
            Some(age) => Some(format!(
                "the newest complete set, {}, began {} ago, {} is the limit",
                newest.id,
                in_words(age),
                in_words(max_age)
            )),
            None => Some(format!("nobody knows when the newest complete set, {}, was taken", newest.id)),
        };
        findings.extend(text.map(|text| Finding::new(Reason::TooOld, None, text)));
    }
    if let Some(newer) =
        sets.iter().filter(|s| s.id > newest.id && s.state != SetState::InProgress).max_by_key(|s| s.id)
    {
        let text =
            format!("{} is {}; the newest complete set is {}", newer.id, newer.state.name(), newest.id);
        findings.push(Finding::new(Reason::NewestNotComplete, None, text));
    }
    findings
}

fn in_words(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Parts without the others, stores that moved, and other hands in the same places.
pub fn drift(sets: &[Set], measure: &Measure<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(repository(measure.facts));
    findings.extend(measure.facts.foreign_snapshots());
    for set in sets.iter().filter(|s| !s.is_younger_than(measure.grace, measure.now)) {
        findings.extend(orphans(set));
    }
    findings.extend(moved(sets, measure.grace, measure.now));
    findings.extend(out_of_order(sets, measure.now));
    findings.extend(other_hands(measure.facts));
    findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    findings
}

/// The repository is gone: the others that there are may be what it is called now.
fn repository(facts: &Facts) -> Option<Finding> {
    let problem = facts.repository.as_ref()?.as_ref().err()?;
    if problem.kind != ProblemKind::Refused(404) {
        return None;
    }
    let others = match &facts.repositories {
        Some(Ok(names)) if !names.is_empty() => format!("; registered are {}", names.join(", ")),
        Some(Ok(_)) => "; none is registered".to_owned(),
        Some(Err(_)) | None => String::new(),
    };
    Some(Finding::new(Reason::RepositoryMissing, Component::Search, format!("{problem}{others}")))
}

fn orphans(set: &Set) -> Option<Finding> {
    if !matches!(set.state, SetState::Incomplete | SetState::Failed) {
        return None;
    }
    let names = |wanted: fn(&PartEntry) -> bool| {
        let parts = set.parts.iter().filter(|(_, entry)| wanted(entry)).map(|(part, _)| part.name());
        parts.collect::<Vec<_>>().join(", ")
    };
    let missing = names(|entry| matches!(entry, PartEntry::Missing));
    let there = names(|entry| matches!(entry, PartEntry::Found { .. }));
    let text = format!("{}: {there} without {missing}", set.id);
    (!missing.is_empty()).then(|| Finding::new(Reason::OrphanedParts, None, text))
}

/// Parts that all older sets lack: a store or a repository that moved. Sets younger than `grace` may still get them.
pub fn moved(sets: &[Set], grace: Duration, now: Timestamp) -> Vec<Finding> {
    let settled: Vec<&Set> = sets.iter().filter(|s| !s.is_younger_than(grace, now)).collect();
    let parts: BTreeSet<Part> = settled.iter().flat_map(|s| s.parts.keys().copied()).collect();
    parts.into_iter().filter_map(|part| lacking(part, &settled)).collect()
}

/// A part that is in no set up to some moment, and in every set after it; or in none of several.
fn lacking(part: Part, settled: &[&Set]) -> Option<Finding> {
    // Newest first. A set that broke before this part was begun says nothing about the part.
    let telling = settled.iter().filter(|s| {
        s.parts.iter().filter(|(p, _)| **p != part).all(|(_, entry)| entry.is_complete())
            && !matches!(s.parts.get(&part), Some(PartEntry::Unknown(_)))
    });
    let there: Vec<(BackupId, bool)> =
        telling.map(|s| (s.id, matches!(s.parts.get(&part), Some(PartEntry::Found { .. })))).collect();
    let first_gone = there.iter().position(|(_, there)| !there)?;
    let (without, all_lack) = (&there[first_gone..], there[first_gone..].iter().all(|(_, there)| !there));
    if !all_lack || without.len() < 2 {
        return None;
    }
    let reason = if part == Part::Zeebe { Reason::StoreMoved } else { Reason::RepositoryChanged };
    let (newest, count) = (without.first()?.0, without.len());
    let text = format!("{part} is in none of the {count} otherwise complete sets up to {newest}");
    Some(Finding::new(reason, None, text))
}

/// Who else deletes, or writes to the same repository.
pub fn other_hands(facts: &Facts) -> Vec<Finding> {
    let policy = |p: &crate::model::LifecyclePolicy| {
        let text = format!("policy {} writes to repository {}", p.name, p.repository);
        Finding::new(Reason::LifecyclePolicyHere, Component::Search, text)
    };
    let mut findings: Vec<_> = facts.lifecycle_policies.iter().map(policy).collect();
    // Where the data is in a database, Zeebe's part is the whole backup.
    if facts.native_retention && facts.elsewhere.is_none() {
        let text = "the brokers are configured with a retention of their own";
        findings.push(Finding::new(Reason::NativeRetention, Component::Gateway, text));
    }
    findings
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
