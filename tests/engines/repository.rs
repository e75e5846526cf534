//! The repository itself: not there, read-only, a name that is taken.

use camunda_backup::client::{Method, Request};
use camunda_backup::dialect::search::checks_integrity;
use camunda_backup::model::Component;
use serde_json::json;

use super::container::SNAPSHOTS;
use super::rig::{Rig, quick, snapshot_name};

#[test]
#[ignore = "make test-engines"]
fn a_repository_that_is_not_there_stops_a_backup_before_it_begins() {
    let rig = Rig::bare("nowhere", quick());
    rig.engine.fill(&rig.indices(1), 1, 20);
    rig.run(&["check"]).expect(14).shows("repository-missing").shows("[camunda-nowhere] missing");
    rig.run(&["create"])
        .expect(13)
        .shows_nothing()
        .says("repository-missing")
        .says("[camunda-nowhere] missing")
        .says("nothing was changed");
    rig.lab.assert_never_paused();
}

#[test]
#[ignore = "make test-engines"]
fn a_read_only_repository_stops_a_backup_and_its_backups_are_listed() {
    let rig = Rig::new("readonly");
    let (id, _) = rig.create();
    let pauses = rig.lab.sim.pauses().len();
    rig.engine.register(&rig.repository, &format!("{SNAPSHOTS}/readonly"), &json!({ "readonly": true }));
    rig.run(&["create"]).expect(13).says("repository-read-only").says("nothing was changed");
    assert_eq!(rig.lab.sim.pauses().len(), pauses, "exporting was paused");
    assert_eq!(rig.listed(id).expect("listed")["state"], "complete");
    // Of the three parts one cannot go; which one, and why, is said.
    let refused = rig.run(&["delete", &id.to_string(), "--yes", "--force"]).expect(50);
    assert!(format!("{}{}", refused.out, refused.err).contains("readonly"), "{refused:?}");
    assert!(rig.records(id).is_some(), "it is still there");
    rig.engine.register(&rig.repository, &format!("{SNAPSHOTS}/readonly"), &json!({}));
    rig.run(&["delete", &id.to_string(), "--yes", "--force"]).expect(0);
    assert_eq!(rig.records(id), None);
}

#[test]
#[ignore = "make test-engines"]
fn a_name_that_is_used_is_never_used_again() {
    let rig = Rig::new("used");
    // Seen before anything begins ...
    rig.engine.snapshot(&rig.repository, &snapshot_name(4000), json!({ "indices": rig.indices(1)[0] }));
    let refused = rig.run(&["create", "--backup-id", "4000"]).expect(13);
    assert!(refused.err.contains("backup-id-not-higher"), "{refused:?}");
    rig.lab.assert_never_paused();
    // ... and when somebody takes it while the backup is under way.
    rig.lab.inject("operate GET /actuator/backups/4001 status:503");
    let running = rig.lab_start(&["create", "--backup-id", "4001"]);
    running.heard("operate");
    crate::lab::until("Operate was asked", || {
        rig.lab.changes().iter().any(|e| e.request.path == "/actuator/backups")
    });
    rig.engine.snapshot(&rig.repository, &snapshot_name(4001), json!({ "indices": rig.indices(1)[0] }));
    let before = rig.records(4001).expect("taken by hand");
    rig.lab.sim.clear_faults();
    running.wait().expect(20).says("id-taken").says("snapshot with the same name already exists");
    rig.assert_unharmed();
    assert_eq!(rig.records(4001), Some(before), "it is not ours to touch");
    // The engine's own word for it.
    let path = format!("/_snapshot/{}/{}", rig.repository, snapshot_name(4001));
    let (status, kind) = rig.engine.refusal(Method::Put, &path, Some(json!({ "indices": "x*" })));
    assert_eq!((status, kind.as_str()), (400, crate::PRODUCT.name_taken));
}

/// The images that are built here lack the check: then that is said, and not that all is well.
#[test]
#[ignore = "make test-engines"]
fn a_deep_look_is_the_engines_own_or_says_that_there_is_none() {
    let rig = Rig::new("deep");
    let (id, _) = rig.create();
    let version = rig.engine.get("/")["version"]["number"].as_str().expect("a version").to_owned();
    let path = format!("/_snapshot/{}/_verify_integrity", rig.repository);
    let offered = rig.engine.answer(&Request::post(Component::Search, path)).status == 200;
    let (code, found): (_, &[&str]) = match (checks_integrity(crate::PRODUCT.engine, &version), offered) {
        (true, true) => (0, &[]),
        (true, false) => (14, &["integrity-unknown"]),
        (false, false) => (0, &["integrity-unsupported"]),
        (false, true) => panic!("{version} has a check that we do not use"),
    };
    let verified = rig.run(&["verify", &id.to_string(), "--deep", "-o", "json"]).expect(code).json();
    let findings = verified["findings"].as_array().expect("findings");
    let reasons: Vec<_> = findings.iter().map(|f| f["reason"].as_str().expect("a reason")).collect();
    assert_eq!((reasons.as_slice(), &verified["good"]), (found, &json!(code == 0)), "{verified}");
}
