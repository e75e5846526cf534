//! The whole life of a backup: taken, looked at, restored, deleted.

use camunda_backup::client::Method;
use serde_json::json;

use super::rig::{Rig, part, snapshot_name};

#[test]
#[ignore = "make test-engines"]
fn restoring_gives_the_documents_back() {
    let rig = Rig::new("whole");
    let indices = rig.indices(3);
    let all = || rig.engine.documents(&format!("{}*", rig.prefix));
    let before = all();
    assert_eq!(before.len(), 6, "{before:?}");
    rig.run(&["check"]).expect(0);
    let (id, report) = rig.create();
    let parts: Vec<_> = report["parts"].as_array().expect("parts").iter().map(|p| &p["part"]).collect();
    assert_eq!(parts, ["operate", "tasklist", "records", "zeebe"], "{report}");
    assert_eq!(part(&report, "records")["pieces"].as_array().map(Vec::len), Some(3), "{report}");
    let stored = rig.records(id).expect("stored");
    assert_eq!((&stored["state"], &stored["shards"]["failed"]), (&json!("SUCCESS"), &json!(0)), "{stored}");

    let listed = rig.listed(id).expect("listed");
    assert_eq!(listed["state"], "complete", "{listed}");
    let described = rig.run(&["describe", &id.to_string(), "-o", "json"]).expect(0).json().to_string();
    assert!(indices.iter().all(|i| described.contains(i.as_str())), "{described}");
    rig.run(&["verify", &id.to_string()]).expect(0);

    // What was written since is not in it, what was in it comes back.
    rig.engine.fill(&indices[..1], 5, 30);
    assert_ne!(all(), before);
    rig.engine.delete_indices(&indices);
    let path =
        format!("/_snapshot/{}/{}/_restore?wait_for_completion=true", rig.repository, snapshot_name(id));
    let body = json!({ "indices": "*", "include_global_state": false });
    let restored = rig.engine.ask(Method::Post, &path, Some(body));
    assert_eq!(restored["snapshot"]["shards"]["failed"], 0, "{restored}");
    assert_eq!(all(), before);
}

#[test]
#[ignore = "make test-engines"]
fn what_is_deleted_is_gone_and_the_rest_can_be_restored() {
    let rig = Rig::new("deleted");
    let indices = rig.indices(3);
    let all = || rig.engine.documents(&format!("{}*", rig.prefix));
    // Each has documents of its own, so that none is whole only by what another one has.
    let ids = [(); 3].map(|()| {
        rig.engine.fill(&indices, 2, 20);
        rig.create().0
    });
    let before = all();
    assert_eq!(before.len(), 6, "{before:?}");
    rig.run(&["delete", &ids[0].to_string(), "--yes"]).expect(0);
    assert_eq!((rig.records(ids[0]), rig.listed(ids[0])), (None, None));
    // Of the engine's snapshots, only those of backups.
    rig.engine.snapshot(&rig.repository, "somebody-elses", json!({ "indices": rig.indices(1)[0] }));
    rig.run(&["prune", "--keep-last", "1"]).expect(0);
    assert_eq!((rig.records(ids[1]), rig.listed(ids[1])), (None, None));
    assert!(rig.engine.stored(&rig.repository, "somebody-elses").is_some());
    assert_eq!(rig.listed(ids[2]).expect("listed")["state"], "complete");
    rig.run(&["verify", &ids[2].to_string()]).expect(0);
    rig.engine.delete_indices(&indices);
    let name = snapshot_name(ids[2]);
    let path = format!("/_snapshot/{}/{name}/_restore?wait_for_completion=true", rig.repository);
    rig.engine.ask(Method::Post, &path, Some(json!({ "indices": "*", "include_global_state": false })));
    assert_eq!(all(), before);
}
