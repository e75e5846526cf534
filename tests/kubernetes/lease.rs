//! Two holders of one release, on a real API server.

use std::time::Duration;

use camunda_backup::cluster::{
    Acquired, Cluster, ClusterError, LeaseJournal, LeaseOptions, holder_identity, lease_name,
};
use camunda_backup::model::BackupId;
use camunda_backup::run::{Armed, Journal as _};
use serde_json::json;
use tokio::time::Instant;

use super::rig::{Space, clock, eventually};

const DURATION: Duration = Duration::from_secs(4);

pub fn options(space: &Space, identity: &str) -> LeaseOptions {
    LeaseOptions {
        namespace: space.name.clone(),
        release: "camunda".to_owned(),
        identity: identity.to_owned(),
        verb: "create".to_owned(),
        duration: DURATION,
        heir_of: None,
        now: clock,
    }
}

pub async fn acquire(space: &Space, cluster: &Cluster, identity: &str) -> Acquired {
    LeaseJournal::acquire(cluster, options(space, identity), |_, _| {}).await.expect("an answer")
}

pub async fn held(space: &Space, identity: &str) -> LeaseJournal {
    match acquire(space, &space.cluster, identity).await {
        Acquired::Held(journal) => journal,
        other => panic!("expected to hold it, got {other:?}"),
    }
}

pub fn seventeen() -> Armed {
    Armed { backup_id: BackupId::new(17).ok(), since: "2026-11-23T00:00:01Z".to_owned(), answered: false }
}

pub async fn armed(space: &Space) -> Option<Armed> {
    let state = space.cluster.lease_state(&space.name, "camunda").await.expect("an answer");
    state.and_then(|s| s.armed)
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_living_holder_is_refused_and_a_dead_one_taken_over_with_what_it_left() {
    let space = Space::new().await;
    let first = held(&space, &holder_identity(Some("laptop"))).await;
    first.works_on(BackupId::new(17).expect("in range")).await.expect("stored");
    first.arm(&seventeen()).await.expect("stored");
    // What kubectl shows of it.
    let columns = "jsonpath={.spec.holderIdentity} {.metadata.annotations}";
    let shown = space.kubectl(&["get", "lease", &lease_name("camunda"), "-o", columns]).await;
    assert!(
        shown.starts_with("laptop_") && shown.contains("resume-exporting") && shown.contains("17"),
        "{shown}"
    );

    match acquire(&space, &space.cluster, "second").await {
        Acquired::Busy(holder) => assert_eq!(holder.backup_id.as_deref(), Some("17")),
        other => panic!("expected it to be busy, got {other:?}"),
    }
    tokio::time::sleep(DURATION * 2).await;
    assert!(!first.lost(), "signs of life are given");
    assert!(matches!(acquire(&space, &space.cluster, "second").await, Acquired::Busy(_)));

    let began = Instant::now();
    drop(first);
    match acquire(&space, &space.cluster, "second").await {
        Acquired::TakenOver { journal, left, from } => {
            assert_eq!((left, from.is_some()), (Some(seventeen()), true));
            journal.disarm().await.expect("stored");
            journal.finish().await.expect("stored");
        }
        other => panic!("expected to take it over, got {other:?}"),
    }
    assert!(began.elapsed() >= DURATION, "a living one could have been taken over: {:?}", began.elapsed());
    assert_eq!(armed(&space).await, None);
    held(&space, "third").await;
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn of_many_that_start_at_once_one_holds() {
    let space = Space::new().await;
    for round in ["new", "dead"] {
        let runs = (0..6).map(|i| {
            let (space, identity) = (&space, format!("{round}-{i}"));
            async move { acquire(space, &space.cluster, &identity).await }
        });
        let all = futures_util::future::join_all(runs).await;
        let ours = all.iter().filter(|a| !matches!(a, Acquired::Busy(_))).count();
        assert_eq!(ours, 1, "{all:?}");
        // The one that held it is dropped without letting go: in the next round it is dead.
    }
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn edits_conflict_and_are_survived_and_a_theft_is_noticed() {
    let space = Space::new().await;
    let journal = held(&space, "first").await;
    let lease = lease_name("camunda");
    // Its resource version changes under the holder, again and again.
    for i in 0..3 {
        space.kubectl(&["annotate", "lease", &lease, "--overwrite", &format!("note={i}")]).await;
        journal.arm(&seventeen()).await.expect("still ours");
        space.kubectl(&["label", "lease", &lease, "--overwrite", &format!("note=n{i}")]).await;
        journal.disarm().await.expect("still ours");
    }
    space.kubectl(&["delete", "lease", &lease]).await;
    journal.arm(&seventeen()).await.expect("made anew");
    assert_eq!(armed(&space).await, Some(seventeen()));
    assert!(!journal.lost());
    let theft = json!({ "spec": { "holderIdentity": "thief" } }).to_string();
    space.kubectl(&["patch", "lease", &lease, "--type=merge", "-p", &theft]).await;
    eventually("the theft is noticed", async || journal.lost()).await;
    let error = journal.arm(&seventeen()).await.expect_err("lost").to_string();
    assert!(error.contains(&lease), "{error}");
    assert!(journal.disarm().await.expect_err("not ours").to_string().contains("thief"));
    assert_eq!(armed(&space).await, Some(seventeen()), "the thief's to undo");
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn each_verb_that_is_missing_is_named_and_nothing_is_armed() {
    let space = Space::new().await;
    let with = |verbs: &[&str]| json!([{ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs }]);
    for (account, verbs, missing) in
        [("no-get", ["create", "update"], "get"), ("no-create", ["get", "update"], "create")]
    {
        let cluster = space.account(account, with(&verbs)).await;
        match LeaseJournal::acquire(&cluster, options(&space, account), |_, _| {}).await {
            Err(ClusterError::Forbidden { ask, .. }) => {
                assert_eq!(
                    (ask.verb, ask.resource, &ask.namespace),
                    (missing, "leases.coordination.k8s.io", &space.name)
                );
            }
            other => panic!("{account}: expected to be refused, got {other:?}"),
        }
    }
    let cluster = space.account("no-update", with(&["get", "create"])).await;
    let Acquired::Held(journal) = acquire(&space, &cluster, "no-update").await else {
        panic!("it can be created")
    };
    let error = journal.arm(&seventeen()).await.expect_err("it cannot be changed").to_string();
    assert!(error.contains("not allowed to update leases.coordination.k8s.io"), "{error}");
    assert_eq!(armed(&space).await, None);
}
