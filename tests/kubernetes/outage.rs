//! The API server is killed, or frozen, in the middle; a node is lost.

use std::time::Duration;

use camunda_backup::client::{Http, Request};
use camunda_backup::cluster::{Acquired, ClusterError, LeaseJournal, LeaseOptions};
use camunda_backup::model::Component;
use camunda_backup::run::Journal as _;
use serde_json::json;
use tokio::time::Instant;

use super::jobs::{install, start};
use super::lease::{armed, options, seventeen};
use super::rig::{Space, ends, eventually, get, testbed, transport};

async fn held(space: &Space, duration: Duration) -> LeaseJournal {
    let options = LeaseOptions { duration, ..options(space, "first") };
    match LeaseJournal::acquire(&space.cluster, options, |_, _| {}).await {
        Ok(Acquired::Held(journal)) => journal,
        other => panic!("expected to hold it, got {other:?}"),
    }
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_killed_api_server_is_survived_by_lease_and_forward() {
    let space = Space::new().await;
    space.web("web", 1).await;
    let transport = transport(&space, "web", space.forward(&space.cluster, "web", 8080));
    assert!(get(&transport).await.is_ok());
    let journal = held(&space, Duration::from_secs(30)).await;
    journal.arm(&seventeen()).await.expect("stored");
    // Killed, and away until the test says otherwise: else it may be back before the request is made.
    testbed("apiserver.sh", &["stop"]).await;
    // The stream is gone, and nobody makes a new one: it fails with a reason, it does not hang.
    let request = ends("a request", get(&transport)).await;
    // Disarming waits for it to come back.
    let (disarmed, ()) = tokio::join!(journal.disarm(), async {
        testbed("apiserver.sh", &["start"]).await;
    });
    let error = request.expect_err("the API server is dead").to_string();
    assert!(error.contains("the connection to the Kubernetes API broke"), "{error}");
    disarmed.expect("stored in the end");
    assert_eq!(armed(&space).await, None);
    assert!(!journal.lost());
    eventually("an answer again", async || get(&transport).await.is_ok()).await;
    testbed("apiserver.sh", &["wait"]).await;
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_run_survives_the_death_of_the_api_server() {
    super::plugin::a_run_across_the_death_of_the_api_server().await;
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_lost_node_is_repaired_by_the_guard_of_the_cluster() {
    super::plugin::a_lost_node().await;
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_frozen_api_server_holds_nobody_longer_than_the_deadlines() {
    let space = Space::new().await;
    space.web("web", 1).await;
    let transport = transport(&space, "web", space.forward(&space.cluster, "web", 8080));
    assert!(get(&transport).await.is_ok());
    let duration = Duration::from_secs(10);
    let journal = held(&space, duration).await;
    testbed("apiserver.sh", &["freeze"]).await;
    let began = Instant::now();
    let arming = ends("arming", journal.arm(&seventeen())).await.expect_err("nobody stores it").to_string();
    let quick = space.cluster.clone().with_deadline(Duration::from_secs(2));
    let listing = ends("a list", quick.inventory(&space.name)).await;
    let http = Http::new(std::sync::Arc::new(transport));
    let request = Request::get(Component::Gateway, "/");
    let call = ends("a request", http.call(&request, Duration::from_secs(2))).await;
    tokio::time::sleep_until(began + duration).await;
    let lost = journal.lost();
    testbed("apiserver.sh", &["thaw"]).await;
    testbed("apiserver.sh", &["wait"]).await;
    assert!(arming.contains("did not answer"), "{arming}");
    assert!(matches!(listing, Err(ClusterError::NoAnswer { .. })), "{listing:?}");
    assert!(call.expect_err("it is frozen").to_string().contains("no answer within 2 s"));
    assert!(lost, "nothing more is started after the duration");
    // Closing still works: it is ours.
    journal.disarm().await.expect("stored");
    assert_eq!(armed(&space).await, None);
    eventually("an answer again", async || http.call(&request, Duration::from_secs(2)).await.is_ok()).await;
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_server_that_stays_away_is_an_error() {
    let space = Space::new().await;
    testbed("apiserver.sh", &["stop"]).await;
    let listing = ends("a list", space.cluster.inventory(&space.name)).await;
    testbed("apiserver.sh", &["start"]).await;
    testbed("apiserver.sh", &["wait"]).await;
    let text = listing.expect_err("it is away").to_string();
    assert!(text.contains("did not answer"), "{text}");
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn a_job_is_followed_across_the_death_of_the_api_server_and_no_line_comes_twice() {
    let space = Space::new().await;
    install(&space, "serves", &json!(["serve", ":8080", "x"]), 0).await;
    let job = start(&space, "serves", &[]).await.expect("started");
    let lines = std::cell::RefCell::new(Vec::new());
    let follow = space.cluster.follow_job(&job, |l| lines.borrow_mut().push(l.to_owned()), |_| {});
    let ask = async |path: &str| {
        let selector = format!("batch.kubernetes.io/job-name={}", job.name);
        let address =
            space.kubectl(&["get", "pod", "-l", &selector, "-o", "jsonpath={.items[0].status.podIP}"]).await;
        testbed("exec.sh", &["curl", "-s", &format!("http://{address}:8080/{path}")]).await;
    };
    let disturb = async {
        eventually("the log", async || lines.borrow().len() == 1).await;
        ask("before").await;
        eventually("the first", async || lines.borrow().len() == 2).await;
        testbed("apiserver.sh", &["kill"]).await;
        testbed("apiserver.sh", &["wait"]).await;
        ask("after").await;
        eventually("the second", async || lines.borrow().len() == 3).await;
        space.cluster.stop_job(&job).await.expect("deleted");
    };
    let (end, ()) = tokio::join!(follow, disturb);
    assert!(end.is_ok(), "{end:?}");
    assert_eq!(lines.borrow()[1..], ["GET /before".to_owned(), "GET /after".to_owned()]);
}
