//! The whole life of a backup: taken, looked at, restored, deleted.

use camunda_backup::client::Method;
use serde_json::json;

use super::rig::{Rig, part, snapshot_name};

#[test]
#[ignore = "make test-engines"]
fn restoring_gives_the_documents_back() {
    let rig = Rig::new("whole");
    let indices = rig.indices(3);
    let text = |index: &str| rig.engine.get(&format!("/{index}/_doc/1"))["_source"]["text"].clone();
    let texts: Vec<_> = indices.iter().map(|i| text(i)).collect();
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
    rig.engine.delete_indices(&indices);
    let path =
        format!("/_snapshot/{}/{}/_restore?wait_for_completion=true", rig.repository, snapshot_name(id));
    let body = json!({ "indices": "*", "include_global_state": false });
    let restored = rig.engine.ask(Method::Post, &path, Some(body));
    assert_eq!(restored["snapshot"]["shards"]["failed"], 0, "{restored}");
    assert_eq!(rig.engine.count(&format!("{}*", rig.prefix)), 6);
    assert_eq!(indices.iter().map(|i| text(i)).collect::<Vec<_>>(), texts);
}

#[test]
#[ignore = "make test-engines"]
fn what_is_deleted_is_gone_and_the_rest_can_be_restored() {
    let rig = Rig::new("deleted");
    let ids: Vec<_> = (0..3).map(|_| rig.create().0).collect();
    rig.run(&["delete", &ids[0].to_string(), "--yes"]).expect(0);
    assert_eq!((rig.records(ids[0]), rig.listed(ids[0])), (None, None));
    // Of the engine's snapshots, only those of backups.
    rig.engine.snapshot(&rig.repository, "somebody-elses", json!({ "indices": rig.indices(1)[0] }));
    rig.run(&["prune", "--keep-last", "1"]).expect(0);
    assert_eq!((rig.records(ids[1]), rig.listed(ids[1])), (None, None));
    assert!(rig.engine.stored(&rig.repository, "somebody-elses").is_some());
    assert_eq!(rig.listed(ids[2]).expect("listed")["state"], "complete");
    rig.run(&["verify", &ids[2].to_string()]).expect(0);
    let indices = rig.indices(3);
    rig.engine.delete_indices(&indices);
    let name = snapshot_name(ids[2]);
    let path = format!("/_snapshot/{}/{name}/_restore?wait_for_completion=true", rig.repository);
    rig.engine.ask(Method::Post, &path, Some(json!({ "indices": "*", "include_global_state": false })));
    assert_eq!(rig.engine.count(&format!("{}*", rig.prefix)), 6);
}
