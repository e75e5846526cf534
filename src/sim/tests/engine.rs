//! The search engine.

use super::*;
use crate::model::{Engine, Part, PartState};

const NAME: &str = "/_snapshot/camunda-backup/camunda_zeebe_records_backup_5";

fn create(path: &str) -> Request {
    Request::put(Component::Search, path)
        .with(json!({ "indices": "zeebe-record*", "feature_states": ["none"] }))
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_runs_and_ends() {
    let sim = Sim::new(Profile::default());
    assert_eq!(ask(&sim, create(NAME)).await, (200, json!({ "accepted": true })));
    let (status, body) = ask(&sim, create(NAME)).await;
    assert_eq!(
        (status, body["error"]["type"].as_str()),
        (400, Some("snapshot_name_already_in_use_exception"))
    );
    let (_, body) = get(&sim, Component::Search, NAME).await;
    assert_eq!(
        (&body["snapshots"][0]["state"], &body["snapshots"][0]["end_time_in_millis"]),
        (&json!("IN_PROGRESS"), &json!(0))
    );
    pass(900).await;
    let (_, body) = get(&sim, Component::Search, &format!("{NAME}/_status")).await;
    let shards = &body["snapshots"][0]["shards_stats"];
    assert!(shards["done"].as_u64().is_some_and(|done| (1..7).contains(&done)), "{shards}");
    assert!(body["snapshots"][0]["stats"]["processed"]["size_in_bytes"].is_u64());
    // all copied: the status is ahead of the state
    pass(780).await;
    let (_, body) = get(&sim, Component::Search, &format!("{NAME}/_status")).await;
    assert_eq!(body["snapshots"][0]["state"], "SUCCESS");
    let (_, body) = get(&sim, Component::Search, NAME).await;
    assert_eq!(body["snapshots"][0]["state"], "IN_PROGRESS");
    pass(200).await;
    let (_, body) = get(&sim, Component::Search, NAME).await;
    let snapshot = &body["snapshots"][0];
    assert_eq!((&snapshot["state"], &snapshot["shards"]["successful"]), (&json!("SUCCESS"), &json!(7)));
    assert_eq!(sim.parts(5)[&Part::Records], PartState::Completed);
}

#[tokio::test(start_paused = true)]
async fn waiting_takes_until_the_end_and_nothing_is_a_success() {
    let sim = Sim::new(Profile::default());
    let (status, body) = ask(&sim, create(&format!("{NAME}?wait_for_completion=true"))).await;
    assert_eq!((status, &body["snapshot"]["state"]), (200, &json!("SUCCESS")));
    assert!(sim.elapsed() >= Duration::from_millis(1800));
    sim.set_records(Vec::new());
    let (_, body) = ask(&sim, create("/_snapshot/camunda-backup/empty?wait_for_completion=true")).await;
    assert_eq!((&body["snapshot"]["state"], &body["snapshot"]["indices"]), (&json!("SUCCESS"), &json!([])));
    assert_eq!(
        get(&sim, Component::Search, "/_cat/indices/zeebe-record*?h=index&format=json").await,
        (200, json!([]))
    );
}

#[tokio::test(start_paused = true)]
async fn lists_by_name_and_pattern() {
    let sim = Sim::new(Profile { history: vec![3, 20], ..Profile::default() });
    let names = async |path: &str| {
        let (status, body) = get(&sim, Component::Search, path).await;
        assert_eq!(status, 200, "{path}");
        body["snapshots"].as_array().expect("snapshots").len()
    };
    assert_eq!(names("/_snapshot/camunda-backup/_all?verbose=false").await, 2 * 15);
    assert_eq!(names("/_snapshot/camunda-backup/camunda_zeebe_records_backup_*").await, 2);
    assert_eq!(names("/_snapshot/camunda-backup/camunda_optimize_3_*").await, 2);
    assert_eq!(
        names("/_snapshot/camunda-backup/camunda_zeebe_records_backup_3,camunda_operate_20_*").await,
        7
    );
    assert_eq!(names("/_snapshot/camunda-backup/nothing*").await, 0);
    assert_eq!(names("/_snapshot/camunda-backup/nothing?ignore_unavailable=true").await, 0);
    assert_eq!(names("/_snapshot/camunda-backup/_all?size=4&sort=start_time&order=desc").await, 4);
    assert_eq!(get(&sim, Component::Search, "/_snapshot/camunda-backup/nothing").await.0, 404);
    let (_, brief) =
        get(&sim, Component::Search, "/_snapshot/camunda-backup/camunda_optimize_3_*?verbose=false").await;
    assert!(brief["snapshots"][0].get("start_time").is_none() && brief["snapshots"][0]["indices"].is_array());
}

#[tokio::test(start_paused = true)]
async fn open_search_refuses_what_it_does_not_know() {
    let sim = Sim::new(Profile { engine: Engine::OpenSearch, ..Profile::default() });
    let (_, root) = get(&sim, Component::Search, "/").await;
    assert_eq!(root["version"]["distribution"], "opensearch");
    let list = "/_snapshot/camunda-backup/_all?size=1&sort=start_time&order=desc";
    assert_eq!(get(&sim, Component::Search, list).await.0, 400);
    assert_eq!(get(&sim, Component::Search, "/_snapshot/camunda-backup/nothing*").await.0, 404);
    assert_eq!(ask(&sim, create(NAME)).await.0, 200);
    let (status, body) = ask(&sim, create(NAME)).await;
    assert_eq!((status, body["error"]["type"].as_str()), (400, Some("invalid_snapshot_name_exception")));
}

#[tokio::test(start_paused = true)]
async fn what_a_repository_that_is_not_there_lists_depends_on_the_version() {
    for (version, status) in [("8.14.1", 200), ("8.17.4", 404), ("9.2.0", 404)] {
        let profile = Profile { engine_version: version.to_owned(), ..Profile::default() };
        let (answered, body) = get(&Sim::new(profile), Component::Search, "/_snapshot/nowhere/_all").await;
        assert_eq!(answered, status, "{version}: {body}");
        assert!(body.to_string().contains("repository_missing_exception"), "{version}: {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn repositories_come_and_go() {
    let sim = Sim::new(Profile { history: vec![3], repository_registered: false, ..Profile::default() });
    assert_eq!(get(&sim, Component::Search, "/_snapshot").await, (200, json!({})));
    assert_eq!(get(&sim, Component::Search, "/_snapshot/camunda-backup").await.0, 404);
    assert_eq!(ask(&sim, create(NAME)).await.0, 404);
    let register = Request::put(Component::Search, "/_snapshot/camunda-backup")
        .with(json!({ "type": "s3", "settings": { "bucket": "b" } }));
    assert_eq!(ask(&sim, register.clone()).await, (200, json!({ "acknowledged": true })));
    let (_, body) = get(&sim, Component::Search, "/_snapshot/camunda-backup").await;
    assert_eq!(body["camunda-backup"], json!({ "type": "s3", "settings": { "bucket": "b" } }));
    assert_eq!(state(&sim, Component::Operate, 3).await, "COMPLETED", "the snapshots are still in it");
    ask(&sim, create(NAME)).await;
    assert_eq!(delete(&sim, Component::Search, "/_snapshot/camunda-backup").await, 409, "in use");
    assert_eq!(delete(&sim, Component::Search, NAME).await, 200, "aborted");
    assert_eq!(delete(&sim, Component::Search, NAME).await, 404);
    assert_eq!(delete(&sim, Component::Search, "/_snapshot/camunda-backup").await, 200);
}

#[tokio::test(start_paused = true)]
async fn what_runs_is_lost_with_the_engine() {
    let sim = Sim::new(Profile::default());
    ask(&sim, create(NAME)).await;
    let wait = create("/_snapshot/camunda-backup/other?wait_for_completion=true");
    let waiting = tokio::spawn({
        let sim = Arc::clone(&sim);
        async move { sim.handle(&wait).await }
    });
    pass(500).await;
    sim.set_engine(false);
    assert!(matches!(waiting.await.expect("no panic"), Err(TransportError::Lost(_))));
    assert!(matches!(error(&sim, Request::get(Component::Search, "/")).await, TransportError::NotSent(_)));
    sim.set_engine(true);
    pass(10_000).await;
    assert_eq!(get(&sim, Component::Search, NAME).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_named_index_must_be_there() {
    let sim = Sim::new(Profile::default());
    let take = |indices: &str| {
        Request::put(Component::Search, "/_snapshot/camunda-backup/x").with(json!({ "indices": indices }))
    };
    assert_eq!(ask(&sim, take("zeebe-record_job")).await.0, 404);
    let list = "/_cat/indices/zeebe-record_variable*,operate-*?h=index&format=json";
    let (_, found) = get(&sim, Component::Search, list).await;
    assert!(found.as_array().is_some_and(|list| list.len() > 3), "{found}");
    assert_eq!(ask(&sim, take("zeebe-record*,-*user-task*")).await.0, 200);
    pass(5000).await;
    let (_, body) = get(&sim, Component::Search, "/_snapshot/camunda-backup/x").await;
    assert_eq!(body["snapshots"][0]["shards"]["total"], 6);
}
