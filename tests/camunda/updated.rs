//! A backup that is older than an update: listed, not restorable here, and deleted all the same.
//!
//! Started by `make test-update`, which says in `UPDATE_TO` to which version. The testbed stays updated.

use camunda_backup::model::Component;

use crate::release::{Release, testbed, variable};

const OWNERS: [(&str, Component); 3] =
    [("operate", Component::Operate), ("tasklist", Component::Tasklist), ("zeebe", Component::Gateway)];

#[test]
#[ignore = "make test-update"]
fn what_was_taken_before_an_update_is_judged_and_deleted_after_it() {
    let release = Release::new();
    let versions = || OWNERS.map(|(part, component)| (part, release.version(component)));
    let before = versions();
    let old = release.backup()["backupId"].to_string();
    release.run(&["verify", &old]).expect(0);

    testbed("update.sh", &[&variable("UPDATE_TO")]);
    let updated: Vec<&str> =
        before.iter().zip(versions()).filter(|(b, now)| *b != now).map(|(b, _)| b.0).collect();
    assert!(!updated.is_empty(), "nothing was updated: {before:?}");
    let verdict = release.run(&["verify", &old, "-o", "json"]).json();
    let findings = verdict["items"][0]["findings"].as_array().expect("findings");
    let differing = findings.iter().filter(|f| f["reason"] == "version-differs");
    let differing: Vec<_> =
        differing.map(|f| f["detail"].as_str().unwrap_or_default().split(':').next()).collect();
    assert_eq!(differing, updated.iter().map(|p| Some(*p)).collect::<Vec<_>>(), "{verdict}");
    assert_eq!(verdict["good"], false, "{verdict}");

    release.run(&["check"]).expect(0);
    let new = release.backup()["backupId"].to_string();
    release.run(&["verify", &new]).expect(0);
    release.assert_exporting();

    // The web applications accept the deletion of what another version took, and do nothing.
    release.run(&["delete", &old, "--yes"]).expect(0);
    let left: Vec<_> = release.stored().into_iter().filter(|name| name.contains(&old)).collect();
    assert_eq!(left, Vec::<String>::new());
    release.run(&["verify", &new]).expect(0);
}
