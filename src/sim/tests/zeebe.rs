//! Partitions' backups, and exporting.

use super::*;
use crate::model::{ExporterPhase, Part, PartState};

#[tokio::test(start_paused = true)]
async fn ids_only_grow() {
    let sim = Sim::new(Profile { history: vec![100], ..Profile::default() });
    for id in [100, 50] {
        assert_eq!(take(&sim, Component::Gateway, id).await.0, 409);
    }
    assert_eq!(take(&sim, Component::Gateway, 150).await.0, 202);
    pass(5000).await;
    assert_eq!(delete(&sim, Component::Gateway, "/actuator/backups/150").await, 204);
    assert_eq!(state(&sim, Component::Gateway, 150).await, "404", "gone at once");
    let (status, body) = take(&sim, Component::Gateway, 120).await;
    assert_eq!(status, 409);
    assert!(
        body["message"].as_str().is_some_and(|text| text.contains("The latest backup has id 150")),
        "{body}"
    );
}

#[tokio::test(start_paused = true)]
async fn states_on_the_way() {
    let sim = Sim::new(Profile::default());
    take(&sim, Component::Gateway, 1).await;
    let mut seen = vec![];
    for _ in 0..100 {
        let word = state(&sim, Component::Gateway, 1).await;
        if seen.last() != Some(&word) {
            seen.push(word);
        }
        pass(40).await;
    }
    assert_eq!(seen, ["404", "INCOMPLETE", "IN_PROGRESS", "COMPLETED"]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_outlives_the_broker_and_counts_as_paused() {
    let sim = Sim::new(Profile { partitions: 2, ..Profile::default() });
    assert!(sim.exporting_runs());
    pass(1000).await;
    assert_eq!(pause(&sim).await, 204);
    assert_eq!(pause(&sim).await, 204);
    sim.set_broker(0, false);
    pass(5000).await;
    sim.set_broker(0, true);
    assert_eq!(sim.phases().into_values().collect::<Vec<_>>(), vec![ExporterPhase::SoftPaused; 2]);
    assert_eq!(envelope(&sim, "/actuator/exporting/pause").await, 204);
    assert_eq!(sim.phases()[&2], ExporterPhase::Paused, "the last one wins");
    assert_eq!(resume(&sim).await, 204);
    assert_eq!(resume(&sim).await, 204);
    assert!(sim.exporting_runs());
    let total = sim.paused_total();
    pass(5000).await;
    assert_eq!(sim.paused_total(), total, "only while it was paused");
    assert!(total >= Duration::from_secs(5) && sim.pauses().len() == 1, "{:?}", sim.pauses());
}

#[tokio::test(start_paused = true)]
async fn can_start_paused() {
    let sim = Sim::new(Profile { exporters: ExporterPhase::SoftPaused, ..Profile::default() });
    assert!(!sim.exporting_runs());
    pass(1000).await;
    assert_eq!(sim.paused_total(), Duration::from_secs(1));
    assert_eq!(resume(&sim).await, 204);
    assert!(sim.exporting_runs());
}

#[tokio::test(start_paused = true)]
async fn a_pause_without_a_broker_pauses_the_others_and_a_resume_resumes_none() {
    let sim = Sim::new(three_brokers());
    sim.set_broker(2, false);
    assert_eq!(pause(&sim).await, 500);
    let phases: Vec<bool> = sim.phases().into_values().map(|phase| phase.is_paused()).collect();
    assert_eq!(phases, [true, true, false]);
    for _ in 0..3 {
        assert_eq!(resume(&sim).await, 500);
        assert!(!sim.exporting_runs());
        pass(20_000).await;
    }
    // now that the gateway knows, a pause is refused as a whole, too
    sim.set_exporters(&ExporterPhase::Exporting);
    assert_eq!(pause(&sim).await, 500);
    assert!(sim.exporting_runs());
    sim.set_exporters(&ExporterPhase::SoftPaused);
    sim.set_broker(2, true);
    assert!(!sim.exporting_runs(), "nobody resumes it");
    assert_eq!(resume(&sim).await, 204);
    assert!(sim.exporting_runs());
}

#[tokio::test(start_paused = true)]
async fn a_backup_without_a_broker_is_taken_by_the_others() {
    let sim = Sim::new(three_brokers());
    sim.set_broker(1, false);
    let asked = sim.elapsed();
    assert_eq!(take(&sim, Component::Gateway, 9).await.0, 504);
    assert!(sim.elapsed() >= asked + Duration::from_secs(15));
    assert_eq!(state(&sim, Component::Gateway, 9).await, "504");
    sim.set_broker(1, true);
    let (_, body) = get(&sim, Component::Gateway, "/actuator/backups/9").await;
    assert_eq!(body["state"], "INCOMPLETE");
    assert_eq!(body["details"][1], json!({ "partitionId": 2, "state": "DOES_NOT_EXIST" }));
    assert_eq!(take(&sim, Component::Gateway, 9).await.0, 202, "partition 2 has not had it");
    pass(5000).await;
    assert_eq!(state(&sim, Component::Gateway, 9).await, "COMPLETED");
    assert_eq!(take(&sim, Component::Gateway, 9).await.0, 409);
}

#[tokio::test(start_paused = true)]
async fn a_backup_fails_with_its_leader() {
    let sim = Sim::new(three_brokers());
    take(&sim, Component::Gateway, 9).await;
    pass(700).await;
    sim.set_broker(0, false);
    sim.set_broker(0, true);
    pass(5000).await;
    let (_, body) = get(&sim, Component::Gateway, "/actuator/backups/9").await;
    assert_eq!((body["state"].as_str(), body["failureReason"].is_string()), (Some("FAILED"), true), "{body}");
}

#[tokio::test(start_paused = true)]
async fn replicas_take_over_but_a_pause_needs_all_of_them() {
    let sim = Sim::new(Profile { replication: 3, ..three_brokers() });
    sim.set_broker(0, false);
    assert_eq!(take(&sim, Component::Gateway, 9).await.0, 202, "a majority leads");
    pass(60_000).await;
    assert_eq!(state(&sim, Component::Gateway, 9).await, "COMPLETED");
    let (_, body) = ask(&sim, Request::post(Component::Gateway, "/actuator/exporting/pause?soft=true")).await;
    let message = body["body"]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("Expected 3 members of partition 1 but found 2"), "{message}");
    let (_, partitions) = get(&sim, Component::Broker(1), "/actuator/partitions").await;
    let roles: Vec<&str> = (1..=3).filter_map(|n| partitions[n.to_string()]["role"].as_str()).collect();
    assert_eq!(roles, ["LEADER", "LEADER", "FOLLOWER"]);
}

#[tokio::test(start_paused = true)]
async fn the_store_s_absence_uses_up_the_id() {
    let sim = Sim::new(Profile::default());
    sim.set_backup_store(false);
    assert_eq!(take(&sim, Component::Gateway, 5).await.0, 202);
    assert_eq!(state(&sim, Component::Gateway, 5).await, "500");
    sim.set_backup_store(true);
    pass(60_000).await;
    assert_eq!(state(&sim, Component::Gateway, 5).await, "404");
    assert_eq!(take(&sim, Component::Gateway, 5).await.0, 409);
    assert_eq!(sim.parts(5).get(&Part::Zeebe), None::<&PartState>);
}

#[tokio::test(start_paused = true)]
async fn positions_show_the_lag_and_the_pause() {
    let sim = Sim::new(Profile { records_per_second: 10, partitions: 1, ..Profile::default() });
    let read = async |name: &str| {
        let request = Request::get(Component::Broker(0), "/actuator/prometheus");
        let answer = sim.handle(&request).await.expect("an answer");
        let text = String::from_utf8(answer.body.to_vec()).expect("UTF-8");
        let line = text.lines().find(|line| line.starts_with(name)).expect("the metric").to_owned();
        line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number")
    };
    let lag = async || {
        let processed = read("zeebe_stream_processor_last_processed_position{").await;
        processed - read("zeebe_exporter_last_updated_exported_position{").await
    };
    assert!(lag().await <= 0.0);
    sim.set_export_lag(500, Some(Duration::from_secs(3)));
    assert!(lag().await >= 500.0);
    pass(4000).await;
    assert!(lag().await <= 0.0);
    pause(&sim).await;
    pass(10_000).await;
    assert!(lag().await >= 90.0, "the acknowledged position stands still");
    resume(&sim).await;
    assert!(lag().await <= 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_pending_change_shows() {
    let sim = Sim::new(Profile::default());
    let (_, body) = get(&sim, Component::Gateway, "/actuator/cluster").await;
    assert!(body.get("pendingChange").is_none());
    sim.set_pending_change(true);
    let (_, body) = get(&sim, Component::Gateway, "/actuator/cluster").await;
    assert!(body["pendingChange"].is_object());
}
