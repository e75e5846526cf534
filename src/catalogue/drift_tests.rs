use std::collections::BTreeMap;

use super::*;
use crate::dialect::Restores;
use crate::model::{LifecyclePolicy, PartState, Problem};

const NOW: i64 = 1_764_000_000;

fn set(n: u64, zeebe: bool, state: SetState) -> Set {
    let whole = PartEntry::Found { state: PartState::Completed, done: 1, total: Some(1), problem: None };
    let zeebe = if zeebe { whole.clone() } else { PartEntry::Missing };
    Set {
        parts: BTreeMap::from([(Part::Operate, whole), (Part::Zeebe, zeebe)]),
        started: Timestamp::from_second(NOW - 1_000_000 + i64::try_from(n).expect("small") * 1000).ok(),
        ..Set::bare(BackupId::new(n).expect("in range"), state)
    }
}

/// Newest first: whether each has its Zeebe part.
fn history(zeebe: &[bool]) -> Vec<Set> {
    let state = |there: bool| if there { SetState::Complete } else { SetState::Incomplete };
    (1..=zeebe.len()).rev().zip(zeebe).map(|(n, there)| set(n as u64, *there, state(*there))).collect()
}

fn found(sets: &[Set], facts: &Facts) -> Vec<Reason> {
    let now = Timestamp::from_second(NOW).expect("in range");
    let grace = Duration::from_secs(900);
    let measure = Measure {
        facts,
        records_prefix: "zeebe-record",
        version: None,
        restores: Restores::Exact,
        now,
        grace,
    };
    drift(sets, &measure).iter().map(|f| f.reason).collect()
}

#[test]
fn a_store_that_was_moved_shows_in_all_older_sets() {
    let facts = Facts::default();
    assert_eq!(found(&history(&[true, true]), &facts), []);
    let moved = found(&history(&[true, true, false, false, false]), &facts);
    assert!(moved.contains(&Reason::StoreMoved), "{moved:?}");
    assert_eq!(moved.iter().filter(|r| **r == Reason::OrphanedParts).count(), 3);
    // One of several is a failed backup, not a moved store.
    for history in [&[true, false, true][..], &[false, true, true], &[true, true, false]] {
        assert!(!found(&super::tests::history(history), &facts).contains(&Reason::StoreMoved), "{history:?}");
    }
}

#[test]
fn a_repository_that_is_gone_is_named_with_those_that_are_there() {
    let problem = Problem {
        kind: ProblemKind::Refused(404),
        url: "http://search/_snapshot/old".to_owned(),
        text: "repository_missing_exception: [old] missing".to_owned(),
    };
    let facts = Facts {
        repository: Some(Err(problem)),
        repositories: Some(Ok(vec!["new".to_owned()])),
        lifecycle_policies: vec![LifecyclePolicy {
            name: "nightly".to_owned(),
            repository: "new".to_owned(),
        }],
        native_retention: true,
        ..Facts::default()
    };
    assert_eq!(
        found(&[], &facts),
        [Reason::RepositoryMissing, Reason::LifecyclePolicyHere, Reason::NativeRetention]
    );
}

#[test]
fn age_is_that_of_the_newest_complete_set() {
    let now = Timestamp::from_second(NOW).expect("in range");
    let hours = |n: u64| Some(Duration::from_secs(3600 * n));
    let of = |sets: &[Set], max| age(sets, max, now).iter().map(|f| f.reason).collect::<Vec<_>>();
    assert_eq!(of(&[], None), [Reason::NoCompleteSet]);
    assert_eq!(of(&history(&[false]), hours(1)), [Reason::NoCompleteSet]);
    // Set 2 began 998,000 s ago: 277 hours.
    let sets = history(&[false, true, true]);
    assert_eq!(of(&sets, hours(300)), [Reason::NewestNotComplete]);
    assert_eq!(of(&sets, hours(200)), [Reason::TooOld, Reason::NewestNotComplete]);
    assert_eq!(of(&sets[1..], None), []);
    let mut timeless = sets;
    timeless[1].started = None;
    assert_eq!(of(&timeless[1..], hours(300)), [Reason::TooOld], "an age that nobody knows is no young one");
}

#[test]
fn ids_that_contradict_the_times_are_told() {
    assert_eq!(found(&history(&[true, true]), &Facts::default()), []);
    let mut installed_anew = history(&[true, true, true]);
    installed_anew[0].started = Timestamp::from_second(NOW - 9_000_000).ok();
    assert_eq!(found(&installed_anew, &Facts::default()), [Reason::IdsOutOfOrder]);
    // A time that nobody believes, or none, contradicts nothing.
    for started in [None, Timestamp::from_second(NOW + 9_000_000).ok()] {
        installed_anew[0].started = started;
        assert_eq!(found(&installed_anew, &Facts::default()), []);
    }
}
