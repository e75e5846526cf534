//! The repository's disk runs full.

use camunda_backup::client::Method;
use serde_json::json;

use super::container::SMALL;
use super::rig::{Rig, quick};

#[test]
#[ignore = "make test-engines"]
fn a_disk_that_runs_full_is_a_failed_backup_with_that_reason() {
    let rig = Rig::bare("full", quick());
    rig.engine.register(&rig.repository, &format!("{SMALL}/full"), &json!({}));
    rig.engine.fill(&rig.indices(1), 1, 20);
    let (good, _) = rig.create();
    rig.engine.container.exec(&format!("head -c 400000 /dev/zero >{SMALL}/spare"));
    rig.engine.fill_bytes(&format!("{}_big_8.6.0_2026-11-24", rig.prefix), 8_000_000);
    rig.run(&["check"]).expect(0);
    // OpenSearch drops the snapshot without a word.
    rig.run(&["create"]).expect(20).says(crate::PRODUCT.full_disk);
    rig.assert_unharmed();
    assert_eq!(rig.listed(good).expect("listed")["state"], "complete");

    // Nothing can be written at all: seen before the pause.
    let pauses = rig.lab.sim.pauses().len();
    rig.engine.container.exec(&format!("head -c 9000000 /dev/zero >{SMALL}/filler || true"));
    rig.run(&["check"]).expect(14).shows("repository-not-writable").shows("No space left on device");
    rig.run(&["create"]).expect(13).says("repository-not-writable").says("nothing was changed");
    assert_eq!(rig.lab.sim.pauses().len(), pauses, "exporting was paused");

    // With room again, what is left of it can be removed, and the next one succeeds.
    rig.engine.container.exec(&format!("rm {SMALL}/filler {SMALL}/spare"));
    // OpenSearch leaves the files of what it has dropped, until somebody cleans up, which needs a little room.
    rig.engine.ask(Method::Post, "/_snapshot/camunda-full/_cleanup", None);
    rig.engine.delete_indices(&[format!("{}_big_8.6.0_2026-11-24", rig.prefix)]);
    let failed = rig.run(&["list", "-o", "json"]).expect(0).json()["items"][0]["id"].as_u64().expect("an ID");
    assert!(failed > good);
    rig.run(&["delete", &failed.to_string(), "--yes", "--force"]).expect(0);
    rig.create();
}
