//! Not alone in the repository.

use camunda_backup::client::Method;
use rustix::process::Signal;
use serde_json::json;

use super::container::SNAPSHOTS;
use super::rig::{Rig, snapshot_name};
use crate::lab::until;

/// So slow that it is seen at work: a megabyte a second.
fn slow(rig: &Rig, name: &str) {
    let slow = json!({ "max_snapshot_bytes_per_sec": "1mb" });
    rig.engine.register(&rig.repository, &format!("{SNAPSHOTS}/{name}"), &slow);
}

#[test]
#[ignore = "make test-engines"]
fn somebody_elses_snapshot_at_the_same_time_is_no_trouble() {
    let rig = Rig::new("beside");
    slow(&rig, "beside");
    rig.engine.fill_bytes("somebody-elses-beside", 30_000_000);
    let path = format!("/_snapshot/{}/somebody-elses", rig.repository);
    rig.engine.ask(Method::Put, &path, Some(json!({ "indices": "somebody-elses-beside" })));
    let theirs = rig.engine.stored(&rig.repository, "somebody-elses").expect("begun");
    assert_eq!(theirs["state"], "IN_PROGRESS", "{theirs}");
    let (id, _) = rig.create();
    let ours = rig.records(id).expect("stored");
    let theirs = rig.engine.ended(&rig.repository, "somebody-elses").expect("stored");
    assert_eq!((&ours["state"], &theirs["state"]), (&json!("SUCCESS"), &json!("SUCCESS")));
    // Side by side: by the engine's own clock, theirs was not at its end when ours began.
    let (begun, ended) = (&ours["start_time_in_millis"], &theirs["end_time_in_millis"]);
    assert!(begun.as_u64().expect("a time") < ended.as_u64().expect("a time"), "{ours} {theirs}");
    assert_eq!(rig.listed(id).expect("listed")["state"], "complete");
}

#[test]
#[ignore = "make test-engines"]
fn a_snapshot_that_takes_its_time_is_watched_and_may_be_left() {
    let rig = Rig::new("slow");
    slow(&rig, "slow");
    rig.engine.fill_bytes(&format!("{}_big_8.6.0_2026-11-24", rig.prefix), 8_000_000);
    let report = rig.run(&["create", "--log-format", "json", "-o", "json"]).expect(0);
    let seen = report.err.lines().filter(|l| l.contains("IN_PROGRESS") && l.contains("records")).count();
    assert!(seen > 0, "its progress was told: {}", report.err);
    assert_eq!(report.json()["outcome"], "complete", "{report:?}");
    rig.assert_unharmed();

    // Written anew, else there would be nothing left to copy.
    rig.engine.fill_bytes(&format!("{}_more_8.6.0_2026-11-24", rig.prefix), 8_000_000);
    let running = rig.lab.paused_by(rig.command(&["create", "--backup-id", "1900000000"]));
    let name = snapshot_name(1_900_000_000);
    until("the snapshot is under way", || rig.engine.stored(&rig.repository, &name).is_some());
    // A shell's `&` has everything below it ignore the one of Ctrl-C.
    running.signal(Signal::TERM);
    running.wait().expect(22);
    rig.assert_unharmed();
    let left = rig.engine.ended(&rig.repository, &name).expect("the engine finishes what it has begun");
    assert_eq!(left["state"], "SUCCESS", "{left}");
    let set = rig.listed(1_900_000_000).expect("listed");
    assert_eq!(set["state"], "incomplete", "the partitions are not in it: {set}");
    rig.run(&["verify", "1900000000"]).expect(14);
}
