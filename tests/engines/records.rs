//! What the records snapshot holds: all indices of a prefix, too many, none, two hundred.

use camunda_backup::client::{Method, Request, index_names, records_snapshot};
use camunda_backup::dialect::search::record_indices;
use camunda_backup::model::{Component, PartState};
use camunda_backup::sim::{Layout, Profile};
use serde_json::json;

use super::container::SNAPSHOTS;
use super::rig::{Rig, part, quick, snapshot_name};

#[test]
#[ignore = "make test-engines"]
fn two_hundred_indices_are_all_in_it() {
    let rig = Rig::new("many");
    let indices = rig.indices(200);
    rig.engine.fill(&indices, 1, 20);
    let (id, report) = rig.create();
    let records = part(&report, "records");
    assert_eq!(records["pieces"].as_array().map(Vec::len), Some(200), "{records}");
    let stored = rig.records(id).expect("stored");
    assert_eq!(stored["state"], "SUCCESS", "{stored}");
    assert_eq!(stored["indices"].as_array().map(Vec::len), Some(200), "{stored}");
    rig.run(&["verify", &id.to_string()]).expect(0);
    let listed = rig.run(&["list", "--sizes", "-o", "json"]).expect(0).json();
    assert!(listed["items"][0]["sizeBytes"].as_u64().is_some_and(|n| n > 0), "{listed}");
    rig.run(&["delete", &id.to_string(), "--yes", "--force"]).expect(0);
    assert_eq!(rig.records(id), None);
    rig.engine.delete_indices(&indices);
}

#[test]
#[ignore = "make test-engines"]
fn a_prefix_that_is_too_wide_is_refused() {
    let rig = Rig::new("wide");
    let other = format!("{}ing_kind_8.6.0_2026-11-24", rig.prefix);
    rig.engine.fill(std::slice::from_ref(&other), 1, 20);
    rig.run(&["create"]).expect(13).says("records-match-too-wide").says(&other);
    for pattern in ["wide*", "wide-record,other", "_all"] {
        let mut command = rig.command(&["check"]);
        command.env("CAMUNDA_BACKUP_RECORDS_PREFIX", pattern);
        crate::lab::run(command).expect(2);
    }
    rig.lab.assert_never_paused();
    // No prefix of an exporter leaves the other one's out: it has to go, or to get another name.
    rig.engine.delete_indices(std::slice::from_ref(&other));
    let (id, _) = rig.create();
    assert_eq!(rig.indices_of(id), rig.indices(3));
}

/// The other way round: what has the longer prefix takes what is its own, and leaves the other's.
#[test]
#[ignore = "make test-engines"]
fn a_longer_prefix_takes_its_own_indices_and_no_others() {
    let mut rig = Rig::new("narrow");
    rig.prefix += "_blue";
    rig.run(&["create"]).expect(13).says("records-match-nothing");
    rig.engine.fill(&rig.indices(2), 1, 20);
    let (id, _) = rig.create();
    assert_eq!(rig.indices_of(id), rig.indices(2));
}

#[test]
#[ignore = "make test-engines"]
fn without_an_index_there_is_no_backup_that_only_looks_good() {
    let rig = Rig::bare("empty", quick());
    rig.engine.register(&rig.repository, &format!("{SNAPSHOTS}/empty"), &json!({}));
    rig.run(&["create"]).expect(13).says("records-match-nothing").says("empty-record*");
    rig.lab.assert_never_paused();
    // The engine itself has nothing against it.
    let name = snapshot_name(1);
    rig.engine.snapshot(&rig.repository, &name, json!({ "indices": format!("{}*", rig.prefix) }));
    let path = format!("/_snapshot/{}/{name}", rig.repository);
    let read =
        records_snapshot(&rig.engine.answer(&Request::get(Component::Search, path))).expect("understood");
    assert_eq!((read.state, read.shards_total), (PartState::Completed, 0));
    assert_eq!(read.indices, [""; 0]);
    let asked = rig.engine.answer(&Request::get(Component::Search, record_indices(&rig.prefix)));
    assert_eq!(index_names(&asked), Ok(Vec::new()));
}

#[test]
#[ignore = "make test-engines"]
fn from_8_8_on_records_may_be_left_out() {
    let profile = Profile { camunda_version: "8.8.9".to_owned(), layout: Layout::CLUSTER, ..quick() };
    let rig = Rig::bare("later", profile);
    rig.engine.register(&rig.repository, &format!("{SNAPSHOTS}/later"), &json!({}));
    let (id, report) = rig.create();
    let parts: Vec<_> = report["parts"].as_array().expect("parts").iter().map(|p| &p["part"]).collect();
    assert_eq!(parts, ["history", "zeebe"], "{report}");
    assert_eq!(rig.records(id), None);
    // With the first index they are part of it.
    rig.engine.fill(&rig.indices(1), 1, 20);
    let (id, _) = rig.create();
    assert_eq!(rig.records(id).expect("stored")["state"], "SUCCESS");
}

/// With a shard that nobody has there is no snapshot; who insists gets one that is no backup.
#[test]
#[ignore = "make test-engines"]
fn a_shard_without_a_home_is_no_backup() {
    let rig = Rig::new("homeless");
    let (good, _) = rig.create();
    let stuck = format!("{}_stuck_8.6.0_2026-11-24", rig.prefix);
    let nobody = json!({ "settings": { "number_of_replicas": 0, "index.routing.allocation.require._name": "nobody" } });
    rig.engine.ask(Method::Put, &format!("/{stuck}?wait_for_active_shards=0"), Some(nobody));
    let failed = rig.run(&["create", "--retries", "0"]).expect(20).says("start-refused").says(&stuck);
    assert!(failed.err.contains("primary"), "{failed:?}");
    rig.assert_unharmed();
    let listed = rig.run(&["list", "-o", "json"]).expect(0).json();
    let failed = listed["items"][0].clone();
    assert!(failed["id"].as_u64() > Some(good) && failed["state"] == "incomplete", "{listed}");
    let id = failed["id"].as_u64().expect("an ID");
    assert_eq!(rig.records(id), None, "nothing is stored");

    // By hand, and then it is looked at: whole backups but for the snapshot of the records.
    rig.engine.delete_indices(std::slice::from_ref(&stuck));
    let (id, _) = rig.create();
    let name = snapshot_name(id);
    rig.engine.ask(Method::Delete, &format!("/_snapshot/{}/{name}", rig.repository), None);
    let nobody = json!({ "settings": { "number_of_replicas": 0, "index.routing.allocation.require._name": "nobody" } });
    rig.engine.ask(Method::Put, &format!("/{stuck}?wait_for_active_shards=0"), Some(nobody));
    let body = json!({ "indices": format!("{}*", rig.prefix), "partial": true });
    rig.engine.snapshot(&rig.repository, &name, body);
    let path = format!("/_snapshot/{}/{name}", rig.repository);
    let read =
        records_snapshot(&rig.engine.answer(&Request::get(Component::Search, path.clone()))).expect("read");
    assert_eq!((read.state, read.shards_failed), (PartState::Partial, 1));
    assert!(read.failures[0].contains("primary shard is not allocated"), "{:?}", read.failures);
    let status = rig.engine.get(&format!("{path}/_status"));
    assert_eq!(status["snapshots"][0]["state"], crate::PRODUCT.status_of_partial, "{status}");
    assert_ne!(rig.listed(id).expect("listed")["state"], "complete");
    let verified = rig.run(&["verify", &id.to_string()]).expect(14);
    let verified = verified.shows("snapshot-partial").shows("primary shard is not allocated");
    assert!(verified.out.contains(&stuck), "{verified:?}");
    let described = rig.run(&["describe", &id.to_string()]);
    assert!(described.out.contains("primary shard is not allocated"), "{described:?}");
}
