//! What Operate and Tasklist know, by their own public APIs.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use crate::release::{PATIENCE, testbed, until};

fn counts() -> Value {
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

/// Completes user tasks, until it is imported: on a busy machine later than two looks that agree.
pub fn complete(tasks: u64) {
    let completed = || counts()["tasklist"]["tasks"]["completed"].as_u64().expect("a number");
    let before = completed();
    testbed("work.sh", &["complete", &tasks.to_string()]);
    until("what was completed is imported", || completed() == before + tasks);
}

/// Process instances that are in every state, with variables, incidents and user tasks, some of them completed.
pub fn data_in_every_state() -> (Value, BTreeMap<String, String>) {
    testbed("seed.sh", &["40"]);
    complete(3);
    let canceled = || counts()["operate"]["processInstances"]["canceled"].as_u64().expect("a number");
    let before = canceled();
    let order = instances().into_iter().find(|(_, v)| v == "order ACTIVE").expect("an active one").0;
    assert_eq!(testbed("work.sh", &["cancel", &order]).trim(), format!("{order} 204"));
    until("what was canceled is imported", || canceled() == before + 1);
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
    let begun = Instant::now();
    let mut now = settled();
    while now != *before && begun.elapsed() < PATIENCE {
        now = settled();
    }
    assert_eq!(now.0, before.0, "the counts differ from those at the backup");
    assert_eq!(now.1, before.1, "the process instances differ from those at the backup");
}
