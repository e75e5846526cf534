//! May this set be deleted? What speaks against it.

use jiff::Timestamp;

use super::drift::{newest_by_time, newest_complete};
use super::entries::{PartEntry, Set, SetState};
use super::retention::{IN_THE_MAKING, is_in_a_range, is_proven_ours};
use crate::model::{Finding, Reason, Severity};

/// Everything that speaks against deleting this set. Empty: it may be deleted.
///
/// `force` lifts what protects a set from a human's mistake: that it is the newest complete one, that it is being taken,
/// that it may be another release's, that the cluster's restore needs it. It never lifts that a component could not be asked: half of the set would stay.
pub fn refusals(set: &Set, sets: &[Set], force: bool, now: Timestamp) -> Vec<Finding> {
    let id = set.id;
    let mut findings = Vec::new();
    for (part, entry) in &set.parts {
        if let PartEntry::Unknown(problem) = entry {
            findings.push(Finding::new(Reason::PartUnknown, None, format!("{id}: {part}: {problem}")));
        }
    }
    if force {
        return findings;
    }
    let newest = [newest_complete(sets), newest_by_time(sets, now)];
    if newest.iter().flatten().any(|newest| newest.id == id) {
        let text = format!("{id} is the newest complete set");
        findings.push(Finding::new(Reason::NewestComplete, None, text));
    }
    if set.state == SetState::Complete && is_in_a_range(set) {
        let text = format!("{id} is one of the backups that the cluster's restore needs without gaps");
        let finding = Finding::new(Reason::RangeWouldBreak, None, text);
        findings.push(Finding { severity: Severity::Error, ..finding });
    }
    // A run of ours left word that it began it and has ended: the same proof, and a better one.
    if set.is_left_by_our_run() {
        return findings;
    }
    let young = set.state == SetState::Incomplete && set.is_younger_than(IN_THE_MAKING, now);
    if set.is_running() {
        findings.push(Finding::new(Reason::SetInProgress, None, format!("{id} is being taken")));
    } else if young {
        let minutes = IN_THE_MAKING.as_secs() / 60;
        let text = format!("{id} began less than {minutes} min ago: another run may be at it");
        findings.push(Finding::new(Reason::SetInProgress, None, text));
    }
    if !is_proven_ours(set) {
        let text = format!("the brokers of this release do not know {id}: it may be another release's");
        findings.push(Finding::new(Reason::OwnerUnknown, None, text));
    }
    findings
}

#[cfg(test)]
#[path = "refuse_tests.rs"]
mod tests;
