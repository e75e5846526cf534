//! What Operate and Tasklist know, by their own public APIs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::release::{testbed, until};

/// Longer than an importer on a busy machine rests or works at one batch.
const STALLED: Duration = Duration::from_secs(90);

pub fn counts() -> Value {
    serde_json::from_str(&testbed("count.sh", &[])).expect("JSON")
}

/// Process and state of every process instance that Operate knows, by key.
pub fn instances() -> BTreeMap<String, String> {
    let lines = testbed("work.sh", &["instances"]);
    lines.lines().filter_map(|l| l.split_once(' ')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

pub fn settled() -> (Value, BTreeMap<String, String>) {
    // Imported one after the other: two looks that agree.
    let mut last = (counts(), instances());
    until("the import settles", || {
        std::thread::sleep(std::time::Duration::from_secs(2));
        let now = (counts(), instances());
        let same = now == last;
        last = now;
        same
    });
    last
}

/// Waits until something is imported, and helps an importer on that forgot a batch: those of 8.6 may miss a batch that is
/// handed over in the moment in which the one before it ends, and then it lies until the next of its kind comes. A
/// restart reads it again (camunda/camunda#28484). That is nothing of ours, and said when it happens.
pub fn imported(what: &str, holds: impl FnMut() -> bool) {
    assert!(catches_up(what, holds), "{what}: not imported in spite of restarts");
}

fn catches_up(what: &str, mut holds: impl FnMut() -> bool) -> bool {
    for left in (0..3).rev() {
        let begun = Instant::now();
        while begun.elapsed() < STALLED {
            if holds() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        if left == 0 {
            break;
        }
        println!("{what}: not imported within {STALLED:?}, Operate and Tasklist are restarted");
        testbed("component.sh", &["restart", "operate", "tasklist"]);
    }
    false
}

/// Completes user tasks, until it is imported: on a busy machine later than two looks that agree.
pub fn complete(tasks: u64) {
    let completed = || counts()["tasklist"]["tasks"]["completed"].as_u64().expect("a number");
    let before = completed();
    testbed("work.sh", &["complete", &tasks.to_string()]);
    imported("what was completed", || completed() == before + tasks);
}

/// Process instances that are in every state, with variables, incidents and user tasks, some of them completed.
pub fn data_in_every_state() -> (Value, BTreeMap<String, String>) {
    testbed("seed.sh", &["40"]);
    complete(3);
    let canceled = || counts()["operate"]["processInstances"]["canceled"].as_u64().expect("a number");
    let before = canceled();
    let order = instances().into_iter().find(|(_, v)| v == "order ACTIVE").expect("an active one").0;
    assert_eq!(testbed("work.sh", &["cancel", &order]).trim(), format!("{order} 204"));
    imported("what was canceled", || canceled() == before + 1);
    let (counts, instances) = settled();
    let operate = &counts["operate"];
    for number in [
        &operate["processInstances"]["active"],
        &operate["processInstances"]["completed"],
        &operate["processInstances"]["canceled"],
        &operate["incidents"],
        &operate["variables"],
        &counts["tasklist"]["tasks"]["created"],
        &counts["tasklist"]["tasks"]["completed"],
    ] {
        assert!(number.as_u64().is_some_and(|n| n > 0), "{counts}");
    }
    (counts, instances)
}

/// What was imported after a restart comes a little later; what never comes fails.
pub fn assert_restored(before: &(Value, BTreeMap<String, String>)) {
    let mut now = settled();
    catches_up("what was restored", || {
        if now != *before {
            now = settled();
        }
        now == *before
    });
    assert_eq!(now.0, before.0, "the counts differ from those at the backup");
    assert_eq!(now.1, before.1, "the process instances differ from those at the backup");
}
