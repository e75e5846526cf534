//! The table, and what is printed of it.

use super::*;
use crate::cluster::fake::FakeApi;

#[tokio::test(start_paused = true)]
async fn all_that_is_missing_is_found_at_once() {
    let api = FakeApi::default();
    for denied in ["create /pods/portforward", "update coordination.k8s.io/leases", "patch /configmaps"] {
        api.deny(denied);
    }
    let cluster = Cluster::from_client(api.client(), "prod");
    let rights = Command::Create.rights(true, &["es".to_owned()]);
    let missing = cluster.missing_rights("prod", &rights).await.expect("an answer");
    let texts: Vec<_> = missing.iter().map(|r| (r.to_string(), r.needed)).collect();
    let expected = [
        ("patch configmaps", false),
        ("create pods/portforward", true),
        ("update leases.coordination.k8s.io", true),
    ];
    assert_eq!(texts, expected.map(|(t, n)| (t.to_owned(), n)));
    assert_eq!(api.asked().len(), rights.len());
}

#[test]
fn a_role_for_what_is_missing() {
    let rights = Command::Resume.rights(true, &[]).into_iter().filter(|r| r.resource != "services");
    let rights: Vec<_> = rights.map(|r| r.on_release("camunda")).collect();
    let yaml = role("camunda-backup", "prod", &rights);
    assert_eq!(
        yaml,
        "apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: camunda-backup
  namespace: prod
rules:
  - apiGroups: [\"\"]
    resources: [\"pods/portforward\"]
    verbs: [\"create\", \"get\"]
  - apiGroups: [\"\"]
    resources: [\"configmaps\"]
    verbs: [\"create\", \"list\", \"patch\"]
  - apiGroups: [\"\"]
    resources: [\"pods\"]
    verbs: [\"get\", \"list\"]
  - apiGroups: [\"apps\"]
    resources: [\"deployments\", \"statefulsets\"]
    verbs: [\"list\"]
  - apiGroups: [\"batch\"]
    resources: [\"cronjobs\"]
    verbs: [\"list\"]
  - apiGroups: [\"coordination.k8s.io\"]
    resources: [\"leases\"]
    verbs: [\"create\"]
  - apiGroups: [\"coordination.k8s.io\"]
    resources: [\"leases\"]
    resourceNames: [\"camunda-backup-camunda\"]
    verbs: [\"get\", \"update\"]
  - apiGroups: [\"events.k8s.io\"]
    resources: [\"events\"]
    verbs: [\"create\"]
"
    );
}

#[test]
fn secrets_are_only_ever_got_by_name() {
    for command in [Command::Create, Command::Look, Command::List, Command::Delete, Command::Resume] {
        let rights = command.rights(true, &["a".to_owned()]);
        assert!(
            rights.iter().filter(|r| r.resource == "secrets").all(|r| r.verb == "get" && r.name.is_some())
        );
        assert!(rights.iter().all(|r| !matches!(r.verb, "watch" | "deletecollection" | "*")));
        assert!(command.rights(true, &[]).iter().all(|r| r.resource != "secrets"));
    }
}

#[test]
fn the_documentation_shows_the_table_as_it_is() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).expect("readable");
    let (before, rest) = readme.split_once("<!-- rights -->\n").expect("a place for it");
    let (shown, after) = rest.split_once("<!-- /rights -->").expect("an end of it");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|v| v == "always") {
        let text = format!("{before}<!-- rights -->\n{}<!-- /rights -->{after}", table());
        std::fs::write(&path, text).expect("writable");
    } else {
        assert_eq!(shown, table(), "INSTA_UPDATE=always writes it");
    }
}
