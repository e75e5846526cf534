//! Inventory, Secrets, records, Events and rights on a real API server.

use std::collections::BTreeMap;

use camunda_backup::cluster::rights::Command;
use camunda_backup::cluster::{ClusterError, EventLog, Occasion, Record, RecordedPart, Records};
use camunda_backup::model::{BackupId, Part};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::rig::{Space, clock};

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn the_inventory_is_what_is_there_and_says_what_may_not_be_seen() {
    let space = Space::new().await;
    space.web("web", 2).await;
    space.kubectl(&["create", "configmap", "settings", "--from-literal=application.yaml=a: 1"]).await;
    space.kubectl(&["create", "secret", "generic", "es", "--from-literal=password=geheim"]).await;
    let inventory = space.cluster.inventory(&space.name).await.expect("an answer");
    let named = |kind: &str| -> Vec<String> {
        let list = inventory.lists.iter().find(|l| l["kind"] == kind).expect("a list of each kind");
        let items = list["items"].as_array().expect("items");
        items.iter().map(|i| i["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(
        (named("ServiceList"), named("DeploymentList")),
        (vec!["web".to_owned()], vec!["web".to_owned()])
    );
    assert_eq!((named("PodList").len(), named("StatefulSetList").len()), (2, 0));
    assert!(named("ConfigMapList").contains(&"settings".to_owned()));
    let password = space.cluster.secret(&space.name, "es", "password").await.expect("there");
    assert_eq!(password.expose_secret(), "geheim");
    assert!(matches!(
        space.cluster.secret(&space.name, "none", "x").await,
        Err(ClusterError::NotFound { .. })
    ));

    let few = space
        .account("few", json!([{ "apiGroups": [""], "resources": ["services", "pods"], "verbs": ["list"] }]))
        .await;
    let inventory = few.inventory(&space.name).await.expect("a part");
    let denied: Vec<_> = inventory.denied.iter().map(ToString::to_string).collect();
    assert_eq!((inventory.lists.len(), denied.len()), (2, 3), "{denied:?}");
    assert!(
        denied.iter().any(|d| d.starts_with("not allowed to list statefulsets.apps in namespace")),
        "{denied:?}"
    );
    let error = few.secret(&space.name, "es", "password").await.expect_err("denied").to_string();
    assert!(error.starts_with("not allowed to get secrets \"es\" in namespace"), "{error}");
}

fn record(outcome: &str) -> Record {
    let part = RecordedPart { state: "complete".to_owned(), pieces: vec!["1".to_owned(), "2".to_owned()] };
    Record {
        schema: Record::SCHEMA,
        release: "camunda".to_owned(),
        backup_id: BackupId::new(17).expect("in range"),
        outcome: outcome.to_owned(),
        started: "2026-11-23T00:00:00Z".to_owned(),
        finished: None,
        reason: None,
        versions: BTreeMap::new(),
        partitions: Some(2),
        exporting_paused: false,
        paused_seconds: Some(1.5),
        parts: BTreeMap::from([(Part::Zeebe, part)]),
        skipped: std::collections::BTreeMap::new(),
        elsewhere: None,
        written_by: "0.1.0".to_owned(),
    }
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn records_and_events_are_what_kubectl_shows() {
    let space = Space::new().await;
    let rights = Command::Delete.rights(false, &[]);
    let rights = [rights, Command::Create.rights(false, &[])].concat();
    let cluster = space.account_with("writer", &rights).await;
    let records = Records::new(&cluster, &space.name, "camunda");
    assert_eq!(records.write(&record("running")).await, None);
    assert_eq!(records.write(&record("complete")).await, None);
    let selector = ["get", "configmap", "-l", "camunda-backup/outcome=complete", "-o", "name"];
    assert_eq!(space.kubectl(&selector).await, "configmap/camunda-backup-camunda-17");
    let (found, warnings) = records.list().await.expect("an answer");
    assert_eq!((found.into_values().collect::<Vec<_>>(), warnings), (vec![record("complete")], vec![]));
    assert_eq!(records.remove(record("x").backup_id).await, None);
    assert_eq!(records.remove(record("x").backup_id).await, None);

    space
        .apply(&json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "gateway" },
        "spec": { "clusterIP": "None", "selector": { "app": "zeebe" } } }))
        .await;
    let events = EventLog::new(&cluster, "pod_1", clock).on_service(&space.name, "gateway").await;
    for occasion in [Occasion::Started, Occasion::StillPaused] {
        assert_eq!(events.tell(occasion, "backup 17").await, None);
    }
    let described = space.kubectl(&["describe", "service", "gateway"]).await;
    assert!(described.contains("BackupStarted") && described.contains("ExportingStillPaused"), "{described}");

    let nobody = space.account("nobody", json!([])).await;
    let warning =
        Records::new(&nobody, &space.name, "camunda").write(&record("running")).await.expect("a warning");
    assert!(warning.contains("not allowed to create and patch configmaps"), "{warning}");
    let events = EventLog::new(&nobody, "pod_1", clock).on_service(&space.name, "gateway").await;
    let warning = events.tell(Occasion::Started, "backup 17").await.expect("a warning");
    assert!(warning.contains("not allowed to create events.events.k8s.io"), "{warning}");
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn the_role_that_is_printed_gives_exactly_what_is_asked_for() {
    let space = Space::new().await;
    let secrets = ["es".to_owned()];
    let all = Command::Create.rights(true, &secrets);
    let nobody = space.account("nobody", json!([])).await;
    assert_eq!(nobody.missing_rights(&space.name, &all).await.expect("an answer"), all);
    let full = space.account_with("full", &all).await;
    assert_eq!(full.missing_rights(&space.name, &all).await, Ok(vec![]));
    // Each one removed: that one is found missing, and no other.
    for (i, removed) in all.iter().enumerate() {
        let rest: Vec<_> = all.iter().filter(|r| *r != removed).cloned().collect();
        let name = format!("without-{i}");
        let account = space.account_with(&name, &rest).await;
        let missing = account.missing_rights(&space.name, &all).await.expect("an answer");
        assert_eq!(missing, std::slice::from_ref(removed));
    }
}
