//! Forwards into real pods, through a real kubelet.

use camunda_backup::client::TransportError;
use serde_json::json;

use super::rig::{Space, eventually, get, transport};

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn requests_stay_on_a_pod_and_follow_to_another_when_it_is_deleted() {
    let space = Space::new().await;
    space.web("web", 2).await;
    let transport = transport(&space, "web", space.forward(&space.cluster, "web", 8080));
    let forward = || transport.forward(camunda_backup::model::Component::Gateway).expect("there is one");
    assert_eq!(get(&transport).await.as_deref(), Ok("from web"));
    let first = forward().pod().expect("chosen");
    for _ in 0..5 {
        assert!(get(&transport).await.is_ok());
    }
    assert_eq!(forward().pod().as_ref(), Some(&first));
    let logs = space.kubectl(&["logs", &first]).await;
    assert!(logs.contains("GET /"), "{logs}");
    space.kubectl(&["delete", "pod", &first, "--wait=true"]).await;
    // The connection that stood may be noticed as broken once; the next request has another pod.
    eventually("an answer from another pod", async || get(&transport).await.is_ok()).await;
    assert_ne!(forward().pod(), Some(first));
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn what_the_node_says_is_what_the_user_reads() {
    let space = Space::new().await;
    space.web("web", 1).await;
    let closed = transport(&space, "web", space.forward(&space.cluster, "web", 9999));
    match get(&closed).await {
        Err(TransportError::NotSent(text)) => {
            assert!(
                text.starts_with("port 9999 of pod web-") && text.ends_with("refuses connections"),
                "{text}"
            );
        }
        other => panic!("expected that it was not sent, got {other:?}"),
    }
    let nobody = transport(&space, "nobody", space.forward(&space.cluster, "nobody", 8080));
    match get(&nobody).await {
        Err(TransportError::NotSent(text)) => {
            assert!(text.contains("no ready pod with app=nobody"), "{text}");
        }
        other => panic!("expected that it was not sent, got {other:?}"),
    }
    // Without the right, and without half of it.
    let pods = json!({ "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] });
    for (account, verbs) in [("none", json!([])), ("get-only", json!(["get"]))] {
        let stream = json!({ "apiGroups": [""], "resources": ["pods/portforward"], "verbs": verbs });
        let rules = if account == "none" { json!([pods]) } else { json!([pods, stream]) };
        let cluster = space.account(account, rules).await;
        let refused = transport(&space, "web", space.forward(&cluster, "web", 8080));
        match get(&refused).await {
            Err(TransportError::NotSent(text)) => {
                let begin = "not allowed to get and create pods/portforward";
                assert!(text.starts_with(begin) && text.contains(&space.name), "{account}: {text}");
            }
            // Up to 1.34 `get` is enough.
            Ok(_) if account == "get-only" => {}
            other => panic!("{account}: expected that it was not sent, got {other:?}"),
        }
    }
}

#[tokio::test]
#[ignore = "make test-kubernetes"]
async fn many_requests_share_a_forward() {
    let space = Space::new().await;
    space.web("web", 1).await;
    let transport = transport(&space, "web", space.forward(&space.cluster, "web", 8080));
    for _ in 0..50 {
        assert!(get(&transport).await.is_ok());
    }
}
