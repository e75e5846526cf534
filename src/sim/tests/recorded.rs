//! The recorded requests, sent to the simulator in the recorded situation: the same status and content type, the same
//! JSON shape, the same error texts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::shape::Shape;
use super::*;
use crate::client::Method;
use crate::model::{Engine, ExporterPhase};
use crate::sim::incoming::Incoming;

const ZEEBE_8_5: &str = "camunda-8.5.8-elasticsearch";
const ES: &str = "camunda-8.6.0-elasticsearch";
const BROKERS: &str = "camunda-8.6.0-elasticsearch-3-brokers";
const OS: &str = "camunda-8.6.0-opensearch";

/// The recorded release: one broker, two partitions.
fn lab() -> Profile {
    Profile { partitions: 2, repository: "camunda_backup".to_owned(), ..Profile::default() }
}

fn open() -> Profile {
    Profile { engine: Engine::OpenSearch, ..lab() }
}

/// With backup 100 everywhere.
fn with_100(profile: Profile) -> Arc<Sim> {
    Sim::new(Profile { history: vec![100], ..profile })
}

/// Sends the recorded requests to this release, and compares.
async fn compare(folder: &str, names: &str, sim: &Arc<Sim>) {
    for name in names.split_whitespace() {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recorded").join(folder).join(name);
        let text = fs::read_to_string(file.with_extension("json")).expect("a fixture");
        let recorded: Value = serde_json::from_str(&text).expect("JSON");
        let sent = &recorded["request"];
        let method = match sent["method"].as_str() {
            Some("POST") => Method::Post,
            Some("PUT") => Method::Put,
            Some("DELETE") => Method::Delete,
            _ => Method::Get,
        };
        let component = match sent["server"].as_str().and_then(|server| server.rsplit(':').next()) {
            Some("9681") => Component::Operate,
            Some("9682") => Component::Tasklist,
            Some("9600") => Component::Gateway,
            Some("9200") => Component::Search,
            _ => Component::Broker(0),
        };
        let path = sent["path"].as_str().expect("a path").to_owned();
        let body = sent.get("body").filter(|body| !body.is_null()).cloned();
        let request = Request { component, method, path, body };
        let answer = sim.exchange(&Arc::from("recorded"), Incoming::from(&request)).await.expect("an answer");
        let own: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        assert_eq!(u64::from(answer.status), recorded["status"], "{name}: {own}");
        if component != Component::Search {
            let kind = recorded["headers"]["Content-Type"].as_str().unwrap_or_default();
            assert_eq!(answer.content_type, kind, "{name}");
        }
        let mut found = Vec::new();
        Shape::of(&own).differences(&Shape::of(&recorded["body"]), "", &mut found);
        assert!(found.is_empty(), "{name}: {found:#?}\n{own:#}\n{:#}", recorded["body"]);
        assert_eq!(texts(&own), texts(&recorded["body"]), "{name}");
    }
}

/// What a body says in words: states and error texts, without what is different every time.
fn texts(body: &Value) -> BTreeSet<String> {
    const WORDS: [&str; 9] = [
        "message",
        "error",
        "reason",
        "type",
        "title",
        "detail",
        "state",
        "exporterPhase",
        "scheduledSnapshots",
    ];
    let mut found = BTreeSet::new();
    match body {
        Value::Object(object) => {
            for (key, value) in object {
                match value.as_str().filter(|_| WORDS.contains(&key.as_str())) {
                    // identifiers of snapshots, and the properties of a member
                    Some(text) => {
                        found.insert(text.split(['{', '[']).next().unwrap_or_default().to_owned());
                    }
                    None => found.extend(texts(value)),
                }
            }
        }
        Value::Array(list) => found.extend(list.iter().flat_map(texts)),
        _ => {}
    }
    found
}

#[tokio::test(start_paused = true)]
async fn a_release_without_backups() {
    let names = "00-broker-actuator-partitions 00-gateway-actuator-partitions 00-broker-actuator-exporting \
                 00-gateway-actuator-cluster 00-gateway-actuator-health 00-operate-actuator-health \
                 00-tasklist-actuator-health 00-operate-actuator-info 00-operate-actuator-backups";
    compare(ES, names, &Sim::new(lab())).await;
}

#[tokio::test(start_paused = true)]
async fn a_whole_backup() {
    let sim = Sim::new(lab());
    compare(ES, "b100-10-operate-take b100-11-tasklist-take", &sim).await;
    pass(1000).await;
    compare(ES, "b100-12-operate-state-1", &sim).await;
    // between the second snapshot and the third
    pass(2000).await;
    compare(ES, "b100-12-operate-state-3", &sim).await;
    pass(6000).await;
    compare(ES, "b100-12-operate-state-9 b100-21-exporting-pause b100-22-partitions-paused", &sim).await;
    compare(ES, "b100-30-records-snapshot b100-32-records-get b100-40-zeebe-take", &sim).await;
    pass(1000).await;
    compare(ES, "b100-41-zeebe-state-1", &sim).await;
    pass(1000).await;
    let names = "b100-41-zeebe-state-2 b100-50-exporting-resume b100-60-operate-list b100-62-zeebe-list";
    compare(ES, names, &sim).await;
    sim.set_component(Component::Optimize, false);
    compare(ES, "b100-63-snapshots", &sim).await;
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_web_applications() {
    let sim = with_100(lab());
    let names = "err-operate-same-id err-operate-get-unknown err-operate-string-id err-operate-delete-list \
                 err-operate-list-trailing-slash err-operate-delete-unknown err-operate-lower-id \
                 err-operate-float-id err-tasklist-same-id err-tasklist-get-unknown err-tasklist-string-id \
                 err-tasklist-negative-id err-tasklist-null-id";
    compare(ES, names, &sim).await;
    let names = "unconfigured-operate-get unconfigured-tasklist-get";
    compare(ES, names, &Sim::new(Profile { repository_configured: false, ..lab() })).await;
    sim.set_repository(false);
    let names = "norepo-operate-take norepo-operate-get norepo-operate-list norepo-tasklist-take \
                 norepo-tasklist-get";
    compare(ES, names, &sim).await;
}

#[tokio::test(start_paused = true)]
async fn errors_of_zeebe_and_exporting() {
    let sim = with_100(lab());
    let names = "err-zeebe-same-id err-zeebe-get-unknown err-zeebe-no-body err-zeebe-string-id err-zeebe-zero-id \
                 err-zeebe-delete-unknown err-exporting-get err-exporting-soft-bad err-exporting-unknown-op \
                 err-partitions-op-pause";
    compare(ES, names, &sim).await;
    assert_eq!(sim.phases()[&1], ExporterPhase::Paused);
    sim.set_backup_store(false);
    compare(ES, "s3down-take s3down-state-1", &sim).await;
    pass(5000).await;
    sim.set_backup_store(true);
    compare(ES, "s3up-state-1 s3up-retake", &sim).await;
    sim.set_broker(0, false);
    compare(ES, "nobroker-take nobroker-resume nobroker-cluster", &sim).await;
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_engine() {
    let sim = with_100(lab());
    let names = "err-snap-name-exists err-snap-repo-missing err-snap-get-repo-missing err-snap-get-in-repo-missing \
                 err-snap-get-missing err-snap-status-missing err-snap-indices-match-nothing err-snap-index-missing \
                 err-snap-bad-name err-snap-verify-repo err-snap-no-wait err-snap-delete-missing";
    compare(ES, names, &sim).await;
    inject(&sim, "search PUT part_true snapshot-partial");
    compare(ES, "partial-4-true", &sim).await;
}

#[tokio::test(start_paused = true)]
async fn the_engine_goes_and_comes_back() {
    let sim = with_100(lab());
    assert_eq!(take(&sim, Component::Operate, 191).await.0, 200);
    // the first snapshot is taken, the second runs
    pass(2000).await;
    sim.set_engine(false);
    let names = "esdown-2-operate-state esdown-3-tasklist-state esdown-6-operate-take esdown-7-tasklist-take \
                 esdown-9-operate-health";
    compare(ES, names, &sim).await;
    sim.set_engine(true);
    pass(60_000).await;
    compare(ES, "esup-0-operate-state", &sim).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_goes_and_comes_back() {
    let sim = Sim::new(Profile { brokers: 3, partitions: 3, ..lab() });
    sim.set_broker(2, false);
    compare(BROKERS, "11-pause 13-take 16-health 16-resume", &sim).await;
    sim.set_broker(2, true);
    let state = sim.parts(2);
    assert_eq!(state.len(), 1, "{state:?}");
    compare(BROKERS, "17-state-after", &sim).await;
    compare(BROKERS, "18-retake", &sim).await;
    pass(5000).await;
    assert_eq!(super::state(&sim, Component::Gateway, 2).await, "COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn zeebe_of_8_5_says_in_problem_details_what_is_not_there() {
    let zeebe = || Profile { partitions: 2, ..Profile::named("8.5").expect("a profile") };
    let sim = Sim::new(zeebe());
    let names = "00-gateway-actuator-backupRuntime 00-gateway-actuator-partitions 00-broker-actuator-exporting \
                 b200-21-exporting-pause b200-40-zeebe-take";
    compare(ZEEBE_8_5, names, &sim).await;
    pass(3000).await;
    compare(ZEEBE_8_5, "b200-50-exporting-resume b200-62-zeebe-list", &sim).await;
    let names = "err-zeebe-same-id err-zeebe-get-unknown err-zeebe-list-trailing-slash err-zeebe-delete-list \
                 err-zeebe-string-id err-zeebe-no-body err-zeebe-zero-id err-zeebe-delete-unknown err-exporting-get \
                 err-exporting-soft-bad err-exporting-unknown-op";
    compare(ZEEBE_8_5, names, &sim).await;
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_begins_like_their_own_breaks_the_lists_of_the_web_applications() {
    let sim = with_100(lab());
    for part in ["operate", "tasklist"] {
        sim.add_snapshot(&format!("camunda_{part}_100_8.6.0_part_1_of_6_copy"));
    }
    compare(ZEEBE_8_5, "foreign-operate-list foreign-tasklist-list", &sim).await;
}

#[tokio::test(start_paused = true)]
async fn open_search_answers_otherwise() {
    let sim = with_100(open());
    let names = "b100-12-operate-state-5 b100-32-records-get err-operate-get-unknown err-operate-same-id \
                 err-tasklist-get-unknown err-snap-name-exists err-snap-get-in-repo-missing";
    compare(OS, names, &sim).await;
    sim.set_repository(false);
    compare(OS, "norepo-operate-get norepo-tasklist-list", &sim).await;
    sim.set_engine(false);
    compare(OS, "esdown-operate-list esdown-operate-take esdown-tasklist-take esdown-tasklist-get", &sim)
        .await;
    let sim = Sim::new(open());
    take(&sim, Component::Operate, 100).await;
    pass(1000).await;
    compare(OS, "b100-12-operate-state-1", &sim).await;
    let sim = Sim::new(Profile { zeebe_store_configured: false, ..open() });
    compare(OS, "nostore-take nostore-get", &sim).await;
}
