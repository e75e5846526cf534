use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::model::{BackupId, EndedRun, Part, PartState};

const NOW: i64 = 1_764_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).expect("in range")
}

fn set(id: u64, state: SetState, parts: &[(Part, PartEntry)]) -> Set {
    Set {
        parts: parts.iter().cloned().collect::<BTreeMap<_, _>>(),
        started: now().checked_sub(Duration::from_secs(60)).ok(),
        ..Set::bare(BackupId::new(id).expect("in range"), state)
    }
}

fn found(state: PartState) -> PartEntry {
    PartEntry::Found { state, done: 1, total: Some(1), problem: None }
}

fn reasons(set: &Set, force: bool) -> Vec<Reason> {
    refusals(set, std::slice::from_ref(set), force, now()).iter().map(|f| f.reason).collect()
}

fn ended(begun: &[Part]) -> EndedRun {
    let begun = begun.iter().copied().collect();
    EndedRun { outcome: "failed".to_owned(), reason: None, begun, paused: false }
}

#[test]
fn what_an_ended_run_of_ours_began_is_nobody_elses_and_nobody_is_at_it() {
    let parts = [
        (Part::Operate, found(PartState::Completed)),
        (Part::Tasklist, found(PartState::InProgress)),
        (Part::Zeebe, PartEntry::Missing),
    ];
    let mut left = set(17, SetState::InProgress, &parts);
    assert_eq!(reasons(&left, false), [Reason::SetInProgress, Reason::OwnerUnknown]);
    left.run = Some(Box::new(ended(&[Part::Operate, Part::Tasklist, Part::Records])));
    assert_eq!(reasons(&left, false), []);
    // Its word goes as far as what it began.
    for begun in [&[][..], &[Part::Operate], &[Part::Records, Part::Zeebe]] {
        left.run = Some(Box::new(ended(begun)));
        assert_eq!(reasons(&left, false), [Reason::SetInProgress, Reason::OwnerUnknown], "{begun:?}");
    }
    left.state = SetState::Incomplete;
    left.parts.remove(&Part::Tasklist);
    left.run = Some(Box::new(ended(&[Part::Tasklist])));
    assert_eq!(reasons(&left, false), [Reason::SetInProgress, Reason::OwnerUnknown], "it is young");
}

#[test]
fn a_runs_word_lifts_nothing_else() {
    let parts = [(Part::Operate, found(PartState::Completed)), (Part::Zeebe, found(PartState::Completed))];
    // It became complete after its run had ended, and exporting was never paused.
    let mut complete = set(17, SetState::Complete, &parts);
    complete.run = Some(Box::new(ended(&[Part::Operate, Part::Zeebe])));
    assert_eq!(reasons(&complete, false), [Reason::NewestComplete]);
    assert_eq!(reasons(&complete, true), []);
    let away = [(Part::Operate, PartEntry::Unknown("away".to_owned())), (Part::Zeebe, PartEntry::Missing)];
    let mut unknown = set(18, SetState::Unknown, &away);
    unknown.run = Some(Box::new(ended(&[Part::Operate])));
    for force in [false, true] {
        assert_eq!(reasons(&unknown, force), [Reason::PartUnknown]);
    }
}
